// Pages that come early: one write each, and their headers kept up to a number, taken once.

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Disk } from "../file/disk.ts";
import { MemoryFile } from "../file/memory_file.ts";
import { CorruptionError, IoError } from "../format/errors.ts";
import { Frame, POOL } from "../format/frame.ts";
import type { Superblock } from "../format/superblock.ts";
import { freshSuperblock } from "../journal/superblocks.ts";
import { CopiedFile, EarlyHeaders } from "./copied_file.ts";
import { writeAsDatabase, writeAsReplica } from "./replica_superblock.ts";

const SLOT = 1;

function keep(headers: EarlyHeaders, page: number): boolean {
  const frame = new Frame(-1, POOL, SLOT + 1);
  frame.u32.fill(page, SLOT * 8, SLOT * 8 + 8);
  return headers.keep(page, frame, SLOT);
}

/** The words of the slot that the header of a page was moved to, and those beside it. */
function taken(headers: EarlyHeaders, page: number): number[] | undefined {
  const frame = new Frame(-1, POOL, 4);
  if (!headers.take(page, frame, 2)) return undefined;
  assertEquals([...frame.u32.subarray(8, 16), ...frame.u32.subarray(24, 32)], Array(16).fill(0));
  return [...frame.u32.subarray(16, 24)];
}

describe("EarlyHeaders", () => {
  it("has each header once, up to a number of them", () => {
    const headers = new EarlyHeaders(700);
    for (let page = 0; page < 700; page++) assertEquals(keep(headers, page), true);
    assertEquals(keep(headers, 700), false);
    for (let page = 699; page >= 0; page -= 2) {
      assertEquals(taken(headers, page), Array(8).fill(page));
      assertEquals(taken(headers, page), undefined);
    }
    for (let page = 1000; page < 1350; page++) assertEquals(keep(headers, page), true);
    assertEquals(keep(headers, 2000), false);
    for (let page = 1000; page < 1350; page++) {
      assertEquals(taken(headers, page), Array(8).fill(page));
    }
    for (let page = 0; page < 700; page += 2) {
      assertEquals(taken(headers, page), Array(8).fill(page));
    }
  });
});

describe("CopiedFile", () => {
  it("writes a page that comes early once, and its header with the chunk", () => {
    const disk = new Disk(new MemoryFile());
    const file = new CopiedFile(disk);
    const frame = new Frame(0, 0);
    const [wants, early] = [new Uint8Array(256), new Uint8Array(256)];
    for (let slot = 10; slot < 60; slot += 2) {
      frame.u8.fill(slot, slot << 13, (slot + 1) << 13);
      frame.u32.fill(slot, slot * 8, slot * 8 + 8);
      file.takeEarly(slot, frame, slot);
      early[slot] = 1;
    }
    assertEquals(disk.figures.writeCalls, 25);
    file.writeChunk({ chunk: 0, frame: new Frame(0, 0), wants, early });
    assertEquals([disk.figures.writeCalls, disk.figures.readCalls], [26, 0]);
    const bytes = new Uint8Array(8192);
    disk.read(bytes, 0, 8192, 0);
    const words = new Uint32Array(bytes.buffer);
    for (let slot = 1; slot < 256; slot++) assertEquals(words[slot * 8 + 7], early[slot]! * slot);
  });

  it("syncs behind the chunks, one sync at a time, and fails with it", async () => {
    const wants = new Uint8Array(256).fill(1, 3);
    const chunk = { frame: new Frame(0, 0), wants, early: new Uint8Array(256) };
    for (const fails of [false, true]) {
      const syncs: PromiseWithResolvers<void>[] = [];
      const memory = new MemoryFile();
      memory.startSync = () => {
        const sync = Promise.withResolvers<void>();
        syncs.push(sync);
        return sync.promise;
      };
      const disk = new Disk(memory);
      const file = new CopiedFile(disk, 4_000_000);
      const counts = [0, 1, 1, 1].map((_, i) => {
        file.writeChunk({ chunk: i, ...chunk });
        return syncs.length;
      });
      assertEquals(counts, [0, 1, 1, 1]);
      if (fails) {
        syncs[0]!.reject(new Error("no medium"));
        await assertRejects(() => Promise.resolve(syncs[0]!.promise));
        await assertRejects(() => file.complete(freshSuperblock()), IoError, "no medium");
        assertEquals(disk.figures.bytesWritten, 4 * 254 * 8192);
        continue;
      }
      syncs[0]!.resolve();
      await new Promise((resolve) => setTimeout(resolve, 0));
      file.writeChunk({ chunk: 4, ...chunk });
      assertEquals(syncs.length, 2);
      const completed = file.complete(freshSuperblock());
      assertEquals([syncs.length, disk.figures.bytesWritten], [3, 5 * 254 * 8192]);
      for (let i = 1; i < 4; i++) {
        syncs[i]?.resolve();
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
      await completed;
      assertEquals(syncs.length, 4);
    }
  });

  it("refuses a superblock that no opening accepts, and writes nothing", async () => {
    const broken: Partial<Superblock>[] = [
      { pageCount: 256, allocatorHint: 2 },
      { pageCount: 2 },
      { pageCount: 2 ** 32 - 1 },
      { catalogRoot: 2 },
      { version: 2 ** 48 },
      { originVersion: 1 },
      { replayGeneration: 2 ** 53 },
    ];
    for (const fields of broken) {
      const disk = new Disk(new MemoryFile());
      const superblock = { ...freshSuperblock(), ...fields };
      await assertRejects(() => new CopiedFile(disk).complete(superblock), CorruptionError);
      for (const write of [writeAsDatabase, writeAsReplica]) {
        assertThrows(() => write(disk, superblock), CorruptionError);
      }
      assertEquals([disk.figures.writeCalls, disk.size()], [0, 0], JSON.stringify(fields));
    }
  });
});
