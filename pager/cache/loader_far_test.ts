// The loader in a file of 16 TiB and more, where page numbers do not fit 31 bits.

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Disk } from "../file/disk.ts";
import type { File } from "../file/file.ts";
import { MemoryFile } from "../file/memory_file.ts";
import { pageSum } from "../format/checksum.ts";
import {
  CHUNK_BYTES,
  CHUNK_PAGES,
  CHUNK_SHIFT,
  chunksOf,
  KIND_LEAF,
  PAGE_COUNT_MAX,
  SLOT_MASK,
} from "../format/format.ts";
import { Frame } from "../format/frame.ts";
import { formatHeader, seal, setInUse, setLink, setVersion } from "../format/header.ts";
import { Meta } from "../format/meta.ts";
import { Cache } from "./cache.ts";
import { Loader } from "./loader.ts";

const SEED = 7;

/** A file whose every page is a leaf that holds its own number, generated when it is read. */
class FarFile extends MemoryFile implements File {
  #frame = new Frame(-1, 0);

  override readAt(target: Uint8Array, start: number, length: number, position: number): number {
    const chunk = Math.floor(position / CHUNK_BYTES);
    if (this.#frame.chunk !== chunk) this.#frame = leaves(chunk);
    const from = position - chunk * CHUNK_BYTES;
    assert(length > 0 && from + length <= CHUNK_BYTES, "a read is of one chunk");
    target.set(this.#frame.u8.subarray(from, from + length), start);
    return length;
  }
}

/** A chunk of leaves, as a file has it. */
function leaves(chunk: number): Frame {
  const frame = new Frame(-1, chunk);
  setInUse(frame, 0, 0);
  for (let slot = 1; slot < CHUNK_PAGES; slot++) {
    const page = chunk * CHUNK_PAGES + slot;
    formatHeader(frame, slot, KIND_LEAF, 0, 1);
    setVersion(frame, slot, 1);
    setLink(frame, slot, page);
    frame.u32[slot * (CHUNK_BYTES / CHUNK_PAGES / 4)] = page;
    setInUse(frame, 0, slot);
    seal(frame, slot, page, pageSum(frame, slot), SEED);
  }
  return frame;
}

/** A loader whose cache has room only for single pages. */
function openFar(): { cache: Cache; loader: Loader } {
  const cache = new Cache(1, { canClean: () => true, clean: () => true, isInFlight: () => false });
  cache.reserve(chunksOf(PAGE_COUNT_MAX));
  const meta = new Meta();
  meta.pageCount = PAGE_COUNT_MAX;
  meta.version = 1;
  const loader = new Loader(new Disk(new FarFile()), cache, meta, SEED);
  loader.verifiers[KIND_LEAF] = () => {};
  loader.load(CHUNK_PAGES + 1);
  return { cache, loader };
}

describe("Loader past 31 bits", () => {
  for (const first of [2 ** 31 - 20, 2 ** 31 + 1, 2 ** 31 + 5 * CHUNK_PAGES + 1, 2 ** 32 - 100]) {
    it(`reads ahead from page ${first} on`, () => {
      const { cache, loader } = openFar();
      const last = Math.min(first + 60, PAGE_COUNT_MAX - 1);
      for (let page = first; page <= last; page++) {
        if ((page & SLOT_MASK) === 0) continue;
        const known = cache.lookup(page);
        const place = known >= 0 ? known : loader.load(page);
        const frame = cache.frames[place >>> CHUNK_SHIFT]!;
        const word = (place & SLOT_MASK) * (CHUNK_BYTES / CHUNK_PAGES / 4);
        assertEquals(frame.u32[word], page);
      }
      assert(loader.reads.extents >= 6, `${loader.reads.extents} extents`);
    });
  }
});
