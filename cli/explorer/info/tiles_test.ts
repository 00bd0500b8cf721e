// Tiles: exact if a request can read every chunk, sampled if not. A request reads a bounded number
// of chunks, whatever the size of the file.

import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { ChunkCensus } from "../../../inspect.ts";
import { CorruptionError, open } from "../../../mod.ts";
import { format } from "../../../pager/mod.ts";
import type { Inspection } from "../../inspect/mod.ts";
import { tileStrip } from "./tiles.ts";

const { CHUNK_PAGES, KIND_BRANCH, KIND_FREE, KIND_LEAF, PAGE_BYTES } = format;

/** A file of the given size whose chunks a function describes; counts the chunks that are read. */
function makeFile(pages: number, describeChunk: (chunk: number) => Partial<ChunkCensus>) {
  const read: number[] = [];
  const db = open(":memory:");
  const inspector = db.inspect();
  const inspection: Inspection = {
    file: () => ({ ...inspector.file(), pages, chunks: Math.ceil(pages / CHUNK_PAGES) }),
    trees: () => [],
    header: (page) => inspector.header(page),
    page: (page) => inspector.page(page),
    headers: (chunk) => {
      read.push(chunk);
      return {
        chunk,
        pages: Math.min(CHUNK_PAGES, pages - chunk * CHUNK_PAGES),
        kinds: new Uint8Array(CHUNK_PAGES).fill(KIND_LEAF),
        usedBytes: new Uint32Array(CHUNK_PAGES).fill(PAGE_BYTES / 2),
        entries: new Uint16Array(CHUNK_PAGES),
        trees: new Uint32Array(CHUNK_PAGES).fill(1),
        versions: new Float64Array(CHUNK_PAGES).fill(1),
        ...describeChunk(chunk),
      };
    },
  };
  return { inspection, read };
}

describe("tileStrip", () => {
  it("of single pages is what the headers say", () => {
    const kinds = new Uint8Array(CHUNK_PAGES).map((_, slot) => slot % 3);
    const { inspection, read } = makeFile(1000, () => ({ kinds }));
    const strip = tileStrip(inspection, 256, 0, 300);
    assertEquals([strip.from, strip.pagesPerTile, strip.sampled], [256, 1, false]);
    assertEquals(strip.kinds, Array.from({ length: 300 }, (_, i) => (i % 256) % 3));
    assertEquals(strip.inUse[3], 0);
    assertEquals(strip.fills.slice(1, 4), [50, 50, 0]);
    assertEquals(read, [1, 2]);
  });

  it("ends where the file ends", () => {
    const { inspection } = makeFile(1000, () => ({}));
    assertEquals(tileStrip(inspection, 0, 8, 4096).kinds.length, 4);
    assertEquals(tileStrip(inspection, 992, 3, 10).kinds.length, 1);
    assertEquals(tileStrip(inspection, 5000, 3, 10).kinds.length, 0);
  });

  it("of chunks tells of most pages, the newest version and how many are in use", () => {
    const kinds = new Uint8Array(CHUNK_PAGES).fill(KIND_BRANCH);
    kinds.fill(KIND_FREE, 128);
    kinds[5] = KIND_LEAF;
    const versions = new Float64Array(CHUNK_PAGES).fill(3);
    versions[7] = 9;
    const { inspection } = makeFile(256, () => ({ kinds, versions }));
    const strip = tileStrip(inspection, 0, 8, 1);
    assertEquals([strip.kinds, strip.versions, strip.inUse], [[KIND_BRANCH], [9], [50]]);
    assertEquals(strip.trees, [1]);
  });

  it("tells of a chunk whose headers are damaged", () => {
    const { inspection } = makeFile(1000, (chunk) => {
      if (chunk === 1) throw new CorruptionError(256, 0, "header sum does not match");
      return {};
    });
    assertEquals(tileStrip(inspection, 0, 8, 4).kinds, [KIND_LEAF, -1, KIND_LEAF, KIND_LEAF]);
  });

  it("of a file of a tebibyte looks at a bounded number of chunks at every size", () => {
    const pages = 2 ** 27;
    for (const shift of [0, 3, 8, 12, 14, 16, 18, 27, 31]) {
      const { inspection, read } = makeFile(pages, (chunk) => ({
        kinds: new Uint8Array(CHUNK_PAGES).fill(chunk < 2 ** 18 ? KIND_LEAF : KIND_BRANCH),
      }));
      for (const count of [1, 256, 2048]) {
        read.length = 0;
        const from = shift === 0 ? pages - count : 0;
        const strip = tileStrip(inspection, from, shift, count);
        assertLessOrEqual(read.length, Math.max(512, count), `${shift}, ${count}`);
        assertEquals(strip.kinds.length, Math.min(count, Math.ceil(pages / 2 ** shift)));
        assertEquals(strip.sampled, new Set(read).size < strip.kinds.length * 2 ** shift / 256);
      }
    }
    const { inspection } = makeFile(pages, (chunk) => ({
      kinds: new Uint8Array(CHUNK_PAGES).fill(chunk < 2 ** 18 ? KIND_LEAF : KIND_BRANCH),
    }));
    const whole = tileStrip(inspection, 0, 20, 4096);
    assertEquals(whole.kinds.length, 128);
    assert(whole.kinds.every((kind, i) => kind === (i < 64 ? KIND_LEAF : KIND_BRANCH)));
  });
});
