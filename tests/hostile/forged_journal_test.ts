// Journals that somebody forged: their batches have sums that fit. Recovery refuses one that would
// make a superblock that no later open takes, before it writes anything.

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { openDiskFile } from "../../pager/file/disk_file.ts";
import { CHUNK_BYTES, SUPERBLOCK } from "../../pager/format/format.ts";
import { CorruptionError, MemoryFile } from "../../pager/mod.ts";
import { FaultyFile } from "../support/files/faulty_file.ts";
import { inTempDir } from "../support/temp.ts";
import { dataPages, makeFile, openNodes, transact, write } from "../support/trees/pages.ts";
import { BATCH, HostileImage } from "./support/hostile_image.ts";

const PAGES = dataPages(20);
const TWO_20 = 2 ** 20;
/** Header pages up to it take 40 MiB. */
const FAR_CHUNK = 5000;

/** A file that was not closed, with two commits in its journal. */
function interrupted(): HostileImage {
  const file = makeFile(PAGES.length);
  const pager = openNodes(file);
  transact(pager, () => write(pager, PAGES[3]!, 7));
  pager.flush("sync");
  transact(pager, () => write(pager, PAGES[4]!, 8));
  pager.flush("sync");
  return new HostileImage(file.content());
}

/** Opens a file for writing; returns the calls that wrote. */
function writesOfOpening(bytes: Uint8Array): number {
  const file = new FaultyFile(new MemoryFile(bytes));
  assertThrows(() => openNodes(file), CorruptionError);
  return file.writes.length;
}

describe("a forged journal", () => {
  const fields = [
    ["a catalog root past the end", BATCH.catalogRoot, 0x7fff_ffff],
    ["a catalog root that is a header page", BATCH.catalogRoot, 256],
    ["a catalog root that is a superblock", BATCH.catalogRoot, 1],
    ["a count of syncs above 2^52", BATCH.syncCount + 4, 2 * TWO_20],
    ["a count of syncs after which there is none", BATCH.syncCount + 4, TWO_20],
    ["a version above 48 bits", BATCH.version + 4, 2 ** 16],
    ["a page count without superblocks", BATCH.pageCount, 2],
  ] as const;
  for (const [what, field, value] of fields) {
    it(`is refused before anything is written if it has ${what}`, () => {
      const image = interrupted();
      image.putBatch(image.batches.length - 1, field, value);
      image.sealAll();
      assertEquals(writesOfOpening(image.bytes), 0);
    });
  }

  it("is refused before anything is written if the superblock's number is the last one", () => {
    const image = interrupted();
    image.putSuperblock(SUPERBLOCK.number, 0);
    image.putSuperblock(SUPERBLOCK.number + 4, TWO_20);
    image.sealAll();
    assertEquals(writesOfOpening(image.bytes), 0);
  });

  for (const readOnly of [false, true]) {
    it(`is refused in a file of holes before it${readOnly ? ", by a handle that reads" : ""}`, () =>
      inTempDir((dir) => {
        const path = `${dir}/file`;
        const image = interrupted();
        image.putSuperblock(SUPERBLOCK.journalA, FAR_CHUNK);
        image.sealAll();
        Deno.writeFileSync(path, image.bytes);
        Deno.truncateSync(path, (FAR_CHUNK + 1) * CHUNK_BYTES);
        const { blocks } = Deno.statSync(path);
        const file = openDiskFile(path, { readOnly });
        assertThrows(() => openNodes(file, { readOnly }), CorruptionError, "beyond a hole");
        assertEquals(Deno.statSync(path).blocks, blocks);
      }));
  }
});
