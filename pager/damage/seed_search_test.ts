// The search for the seed of header sums: it succeeds in every file with headers, and only there.

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { bytesOf } from "../../tests/support/databases/database.ts";
import { makeFile } from "../../tests/support/trees/pages.ts";
import { Disk } from "../file/disk.ts";
import { MemoryFile } from "../file/memory_file.ts";
import { seedOf } from "../format/checksum.ts";
import { CHUNK_BYTES, PAGE_BYTES, SUPERBLOCK } from "../format/format.ts";
import { findSeed } from "./seed_search.ts";

function seedIn(bytes: Uint8Array): number | undefined {
  const disk = new Disk(new MemoryFile(bytes));
  return findSeed(disk, Math.ceil(bytes.length / CHUNK_BYTES));
}

function statedSeed(bytes: Uint8Array): number {
  const at = PAGE_BYTES + SUPERBLOCK.databaseId;
  return seedOf(bytes.subarray(at, at + 16));
}

describe("findSeed()", () => {
  it("finds the seed of a file, large or with nothing in it", () => {
    for (const count of [0, 1, 20, 600]) {
      const bytes = makeFile(count).content();
      const seed = statedSeed(bytes);
      bytes.fill(0, PAGE_BYTES, 3 * PAGE_BYTES);
      assertEquals(seedIn(bytes), seed);
    }
  });

  it("finds it where most headers are junk, and where the first header page is", () => {
    const bytes = makeFile(600).content();
    const seed = statedSeed(bytes);
    bytes.set(bytesOf(1, PAGE_BYTES));
    assertEquals(seedIn(bytes), seed);
    for (let slot = 5; slot < 256; slot++) {
      bytes.set(bytesOf(slot, 31), CHUNK_BYTES + slot * 32);
    }
    assertEquals(seedIn(bytes.subarray(0, 2 * CHUNK_BYTES)), seed);
  });

  it("finds none in junk, in zeros, in ones, in nothing", () => {
    const size = 3 * CHUNK_BYTES;
    assertEquals(seedIn(bytesOf(3, size)), undefined);
    assertEquals(seedIn(new Uint8Array(size)), undefined);
    assertEquals(seedIn(new Uint8Array(size).fill(0xff)), undefined);
    assertEquals(seedIn(new Uint8Array(size).fill(1)), undefined);
    assertEquals(seedIn(new Uint8Array(0)), undefined);
  });
});
