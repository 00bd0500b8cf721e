/**
 * Files that are not databases, or a damaged one: opening raises a `CorruptionError` with page,
 * offset and rule, or yields correct data if the damage does not matter. The file is left
 * unchanged, except that an intact copy of the superblock repairs the other.
 *
 * Most cases use files in memory, a sample of them files on disk.
 */

import { crc32 } from "node:zlib";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { CorruptionError, format, IoError, MemoryFile } from "../../pager/mod.ts";
import { open } from "../../store/open.ts";
import type { OpenOptions } from "../../store/options.ts";
import {
  assertContent,
  bytesOf,
  change,
  contentOf,
  openOn,
  sameBytes,
  utf8,
} from "../support/databases/database.ts";
import { FaultyFile } from "../support/files/faulty_file.ts";
import { processorMs } from "../support/processor_time.ts";
import { inTempDir } from "../support/temp.ts";
import { makeSample } from "../support/trees/sample.ts";

const { FORMAT_VERSION, MAGIC, PAGE_BYTES, SUPERBLOCK } = format;
const sample = makeSample();
const pageCount = sample.bytes.length / PAGE_BYTES;

/** A copy of the small database, changed. */
function changed(change: (bytes: Uint8Array, view: DataView) => void): Uint8Array {
  const bytes = sample.bytes.slice();
  change(bytes, new DataView(bytes.buffer));
  return bytes;
}

/** A copy whose superblocks, one or both, have another u32, and sums that fit. */
function withField(offset: number, value: number, pages = [1, 2], from = sample.bytes): Uint8Array {
  const bytes = from.slice();
  const view = new DataView(bytes.buffer);
  for (const page of pages) {
    view.setUint32(page * PAGE_BYTES + offset, value, true);
    reseal(bytes, page);
  }
  return bytes;
}

function reseal(bytes: Uint8Array, page: number): void {
  const start = page * PAGE_BYTES;
  const sum = crc32(bytes.subarray(start, start + SUPERBLOCK.sum));
  new DataView(bytes.buffer).setUint32(start + SUPERBLOCK.sum, sum, true);
}

/** Opens bytes and reads everything, writable and read-only. Returns the error, or undefined. */
function judge(bytes: Uint8Array, what: string): CorruptionError | undefined {
  const errors = [true, false].map((readOnly) => judgeOnce(bytes, what, { readOnly }));
  assertEquals(errors[0]?.message, errors[1]?.message, `${what}: read-only or not`);
  return errors[0];
}

function judgeOnce(
  bytes: Uint8Array,
  what: string,
  options: OpenOptions,
): CorruptionError | undefined {
  const file = new FaultyFile(new MemoryFile(bytes));
  let found: CorruptionError | undefined;
  try {
    const db = openOn(file, options);
    assertContent(contentOf(db), sample.content, what);
    db.close();
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw new Error(what, { cause: error });
    found = error;
  }
  const { write, truncate } = file.counts;
  if (options.readOnly ?? false) assertEquals(write, 0, `${what}: a reader has written`);
  assertEquals(truncate, 0, `${what}: the length was changed`);
  // Opening for writing repairs one copy of the superblock from the other.
  for (const { position, length } of file.writes) {
    const isCopy = length === PAGE_BYTES && [1, 2].includes(position / PAGE_BYTES);
    assert(isCopy, `${what}: something was written at byte ${position}`);
  }
  return found;
}

/** Fails unless bytes are refused with an error that has page, offset and rule. */
function assertRefused(bytes: Uint8Array, what: string, rule?: string): void {
  const error = judge(bytes, what);
  if (error === undefined) throw new Error(`${what}: was opened`);
  assertComplete(error, what);
  if (rule !== undefined) assertStringIncludes(error.rule, rule, what);
}

function assertComplete(error: CorruptionError, what: string, path?: string): void {
  assert(Number.isSafeInteger(error.page) && error.page >= 0, `${what}: page ${error.page}`);
  assert(Number.isSafeInteger(error.offset) && error.offset >= 0, `${what}: ${error.offset}`);
  assert(error.rule.length > 0, `${what}: no rule`);
  assertStringIncludes(error.message, error.rule, what);
  const file = path === undefined ? "" : ` of ${path}`;
  assertStringIncludes(error.message, `page ${error.page}${file} at byte ${error.offset}`, what);
}

function assertRight(bytes: Uint8Array, what: string): void {
  const error = judge(bytes, what);
  assertEquals(error, undefined, what);
}

describe("a file that is not a database", () => {
  const pages = 5 * PAGE_BYTES;
  const picture = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
  const files: Record<string, Uint8Array> = {
    "a text": utf8("Once upon a time.\n".repeat(4000)),
    "a short text": utf8("Hello."),
    "zeros": new Uint8Array(pages),
    "ones": new Uint8Array(pages).fill(0xff),
    "random bytes": bytesOf(1, pages),
    "a few random bytes": bytesOf(2, 100),
    "a picture": new Uint8Array([...picture, ...bytesOf(3, pages)]),
    "a magic in its place and no more": changed((bytes) => {
      for (const page of [1, 2]) {
        bytes.fill(0, page * PAGE_BYTES + MAGIC.length, (page + 1) * PAGE_BYTES);
      }
    }),
    "a magic at its very beginning": new Uint8Array([...MAGIC, ...bytesOf(4, pages)]),
  };
  for (const [what, bytes] of Object.entries(files)) {
    it(`is refused if it is ${what}`, () => assertRefused(bytes, what));
  }

  it("is refused on disk, and left unchanged", () => {
    inTempDir((dir) => {
      for (const [what, bytes] of Object.entries(files)) {
        const path = `${dir}/file`;
        Deno.writeFileSync(path, bytes);
        for (const options of [{}, { readOnly: true }, { create: false }]) {
          assertThrows(() => open(path, options), CorruptionError, undefined, what);
          assert(sameBytes(Deno.readFileSync(path), bytes), `${what}: the file has changed`);
        }
      }
    });
  });

  it("is refused if it is a directory, a FIFO or a device", () => {
    inTempDir((dir) => {
      const fifo = `${dir}/fifo`;
      assert(new Deno.Command("mkfifo", { args: [fifo] }).outputSync().success);
      for (const path of [dir, fifo, "/dev/null", `${dir}/missing/file`, `${dir}/a\0b`]) {
        for (const readOnly of [true, false]) {
          assertThrows(() => open(path, { readOnly }), IoError, "Cannot open");
        }
      }
    });
  });

  it("is refused if it is empty or missing and must not be created", () => {
    inTempDir((dir) => {
      const path = `${dir}/empty`;
      Deno.writeFileSync(path, new Uint8Array(0));
      for (const options of [{ readOnly: true }, { create: false }]) {
        assertThrows(() => open(path, options), CorruptionError);
        assertEquals(Deno.statSync(path).size, 0);
        assertThrows(() => open(`${dir}/missing`, options), IoError);
      }
      assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name), ["empty"]);
    });
  });
});

describe("a truncated or extended database", () => {
  it("is refused if truncated at any multiple of 512 bytes", () => {
    for (let size = 512; size < sample.bytes.length; size += 512) {
      assertRefused(sample.bytes.subarray(0, size), `cut to ${size} bytes`);
    }
    assertInstanceOf(
      judgeOnce(new Uint8Array(0), "cut to nothing", { create: false }),
      CorruptionError,
    );
  });

  it("is refused if truncated inside a header or a superblock", () => {
    for (let size = 1; size < pageCount * 32; size += 7) {
      assertRefused(sample.bytes.subarray(0, size), `cut to ${size} bytes`);
    }
    for (let size = PAGE_BYTES; size < 3 * PAGE_BYTES; size += 997) {
      assertRefused(sample.bytes.subarray(0, size), `cut to ${size} bytes`);
    }
  });

  it("has the correct data if there is junk past its end", () => {
    for (const junk of [1, 511, PAGE_BYTES, 300 * PAGE_BYTES + 5]) {
      const bytes = new Uint8Array(sample.bytes.length + junk);
      bytes.set(sample.bytes);
      bytes.set(bytesOf(junk, junk), sample.bytes.length);
      assertRight(bytes, `${junk} bytes of junk`);
    }
  });

  it("overwrites junk past its end when it grows", () => {
    const bytes = new Uint8Array(sample.bytes.length + 20 * PAGE_BYTES);
    bytes.set(sample.bytes);
    bytes.set(bytesOf(7, 20 * PAGE_BYTES), sample.bytes.length);
    const file = new MemoryFile(bytes);
    const db = openOn(file);
    change(db, "new", (tree) => tree.set("run", bytesOf(8, 5 * PAGE_BYTES)));
    for (let i = 0; i < 20; i++) {
      change(db, "new", (tree) => tree.set(`key ${i}`, bytesOf(i, 1500)));
    }
    const expected = contentOf(db);
    db.close();
    assertEquals(file.size(), openOn(file).stats().pageCount * PAGE_BYTES, "the tail is cut");
    assertContent(contentOf(openOn(file)), expected);
  });
});

describe("a database with damaged superblocks", () => {
  const destroy = (page: number) => (bytes: Uint8Array) =>
    bytes.set(bytesOf(page, PAGE_BYTES), page * PAGE_BYTES);

  it("has the correct data if one of them is destroyed", () => {
    assertRight(changed(destroy(1)), "the first is random");
    assertRight(changed(destroy(2)), "the second is random");
    for (const page of [1, 2]) {
      const start = page * PAGE_BYTES;
      assertRight(changed((bytes) => bytes.fill(0, start, start + PAGE_BYTES)), "one is zero");
    }
  });

  it("is refused if both are destroyed", () => {
    const bytes = changed((bytes) => [1, 2].forEach((page) => destroy(page)(bytes)));
    assertRefused(bytes, "both are random", "not a Quire database");
    assertRefused(changed((bytes) => bytes.fill(0, PAGE_BYTES, 3 * PAGE_BYTES)), "both are zero");
  });

  it("is refused if any byte of both magics differs", () => {
    for (let i = 0; i < MAGIC.length; i++) {
      const bytes = changed((bytes) =>
        [1, 2].forEach((page) => bytes[page * PAGE_BYTES + i]! ^= 0x20)
      );
      assertRefused(bytes, `byte ${i} of the magic`, "not a Quire database");
    }
  });

  it("is refused if its format version is another, with any sum", () => {
    for (const version of [0, FORMAT_VERSION + 1, 0xffff_ffff]) {
      const sealed = withField(SUPERBLOCK.formatVersion, version);
      assertRefused(sealed, `version ${version}`, `format version ${version}`);
      sealed[PAGE_BYTES + SUPERBLOCK.sum]! ^= 1;
      sealed[2 * PAGE_BYTES + SUPERBLOCK.sum]! ^= 1;
      assertRefused(sealed, `version ${version}, not sealed`, `format version ${version}`);
    }
  });

  it("is refused if its geometry is another, with any sum", () => {
    for (const field of ["pageBytes", "chunkPages", "headerBytes", "headerPages"] as const) {
      for (const value of [0, 1 << 20, 0xffff_ffff]) {
        assertRefused(withField(SUPERBLOCK[field], value), `${field} ${value}`, "geometry");
      }
    }
  });

  it("is refused if its page count is wrong and sealed", () => {
    for (const count of [0, 1, 2, pageCount + 1, 1 << 20, 0xffff_fffe, 0xffff_ffff]) {
      assertRefused(withField(SUPERBLOCK.pageCount, count), `page count ${count}`);
    }
    // A count below the pages in use may be noticed only when the file is about to change.
    for (let count = 3; count < pageCount; count++) {
      const error = judgeOnce(withField(SUPERBLOCK.pageCount, count), `page count ${count}`, {});
      assertInstanceOf(error, CorruptionError, `page count ${count}`);
    }
  });

  it("is refused if its catalog root is wrong and sealed", () => {
    const right = new DataView(sample.bytes.buffer).getUint32(
      PAGE_BYTES + SUPERBLOCK.catalogRoot,
      true,
    );
    for (let root = 1; root < pageCount + 3; root++) {
      if (root !== right) assertRefused(withField(SUPERBLOCK.catalogRoot, root), `root ${root}`);
    }
    for (const root of [256, 0x8000_0000, 0xffff_ffff]) {
      assertRefused(withField(SUPERBLOCK.catalogRoot, root), `root ${root}`);
    }
  });

  it("is refused if other fields are out of bounds and sealed", () => {
    assertRefused(withField(SUPERBLOCK.state, 2), "state 2");
    assertRefused(withField(SUPERBLOCK.version + 4, 0x1_0000), "version 2^48");
    assertRefused(withField(SUPERBLOCK.number + 4, 0x1f_ffff), "number past 2^52", "exceeds 2^52");
    assertRefused(withField(SUPERBLOCK.version, 1), "version 1", "not reached");
    assertRefused(withField(SUPERBLOCK.nextTreeId, 1), "next tree 1", "the catalog names a tree");
    assertRefused(withField(SUPERBLOCK.allocatorHint, 2), "hint 2");
    assertRefused(withField(SUPERBLOCK.journalCountA, 1), "a journal chunk 0");
    assertRefused(withField(SUPERBLOCK.journalCountB, 0xffff_ffff), "journal chunks");
    assertRefused(withField(SUPERBLOCK.reserved, 1), "reserved", "reserved");
    assertRefused(withField(SUPERBLOCK.databaseId, 7), "another database id", "header sum");
  });

  it("is refused if two different superblocks have the same number", () => {
    const bytes = withField(SUPERBLOCK.syncCount, 9, [2]);
    assertRefused(bytes, "two of a number", "same number");
  });

  it("opens the newer of two superblocks, whichever it is", () => {
    const number = new DataView(sample.bytes.buffer).getUint32(
      PAGE_BYTES + SUPERBLOCK.number,
      true,
    );
    for (const page of [1, 2]) {
      // The older one differs, so that using it would show.
      const older = withField(SUPERBLOCK.number, number - 1, [page]);
      assertRight(withField(SUPERBLOCK.catalogRoot, 0, [page], older), `${page} is older`);
      const newer = withField(SUPERBLOCK.number, number + 1, [page]);
      assertRefused(withField(SUPERBLOCK.catalogRoot, 4, [page], newer), `${page} is newer`);
    }
  });

  it("is refused without using memory or disk if its journal is past its end", () => {
    for (const chunk of [2, 5000, 2 ** 24 - 1]) {
      const bytes = withField(SUPERBLOCK.state, 1);
      for (const [count, list] of [["journalCountA", "journalA"], ["journalCountB", "journalB"]]) {
        const isB = list === "journalB" ? 1 : 0;
        bytes.set(withField(SUPERBLOCK[count as "journalCountA"], 1, [1, 2], bytes));
        bytes.set(withField(SUPERBLOCK[list as "journalA"], chunk - isB, [1, 2], bytes));
      }
      const start = processorMs();
      assertRefused(bytes, `chunk ${chunk}`, "the file ends before its journal");
      assert(processorMs() - start < 1000);
    }
  });

  it("is refused without growing if it is open and its page count is huge", () => {
    const bytes = withField(SUPERBLOCK.state, 1);
    for (const count of [257, 1 << 20, 2 ** 31, 0xffff_fffe]) {
      const start = processorMs();
      const file = withField(SUPERBLOCK.pageCount, count, [1, 2], bytes);
      assertRefused(file, `${count} pages`, `too few for its ${count} pages`);
      assert(processorMs() - start < 1000);
    }
    inTempDir((dir) => {
      Deno.writeFileSync(`${dir}/file`, withField(SUPERBLOCK.pageCount, 2 ** 31, [1, 2], bytes));
      assertThrows(() => open(`${dir}/file`), CorruptionError, "too few for its");
      assertEquals(Deno.statSync(`${dir}/file`).size, bytes.length);
    });
  });

  it("is recovered if it is marked open, and reports it until it is closed", () => {
    const bytes = withField(SUPERBLOCK.state, 1);
    assertEquals(judgeOnce(bytes, "marked open", { readOnly: true }), undefined);
    const file = new MemoryFile(bytes);
    const db = openOn(file);
    assert(db.stats().recovery !== undefined);
    assertContent(contentOf(db), sample.content);
    db.close();
    const again = openOn(file);
    assertEquals(again.stats().recovery, undefined);
    assertContent(contentOf(again), sample.content);
    again.close();
    assert(
      sameBytes(file.content().subarray(3 * PAGE_BYTES), sample.bytes.subarray(3 * PAGE_BYTES)),
    );
  });
});

describe("a damaged database on disk", () => {
  const files: Record<string, Uint8Array> = {
    "cut in the middle": sample.bytes.slice(0, sample.bytes.length >>> 1),
    "of version 2": withField(SUPERBLOCK.formatVersion, 2),
    "without superblocks": changed((bytes) => bytes.fill(0, PAGE_BYTES, 3 * PAGE_BYTES)),
    "with a lost page": changed((bytes) => bytes.fill(0, 4 * PAGE_BYTES, 5 * PAGE_BYTES)),
    "with two pages swapped": changed((bytes) => {
      bytes.copyWithin(5 * PAGE_BYTES, 6 * PAGE_BYTES, 7 * PAGE_BYTES);
      bytes.set(sample.bytes.subarray(5 * PAGE_BYTES, 6 * PAGE_BYTES), 6 * PAGE_BYTES);
    }),
  };
  for (const [what, bytes] of Object.entries(files)) {
    it(`is refused and left unchanged if it is ${what}`, () => {
      inTempDir((dir) => {
        const path = `${dir}/damaged`;
        Deno.writeFileSync(path, bytes);
        for (const readOnly of [true, false]) {
          const error = assertThrows(() => {
            using db = open(path, { readOnly });
            contentOf(db);
          }, CorruptionError);
          assertComplete(error, what, path);
          assert(sameBytes(Deno.readFileSync(path), bytes), "the file has changed");
        }
      });
    });
  }

  it("can be opened again, also by others, after a refusal", () => {
    inTempDir((dir) => {
      const path = `${dir}/damaged`;
      // Only a header that is read before a change is damaged.
      Deno.writeFileSync(path, changed((bytes) => bytes[200 * 32] = 1));
      const db = open(path);
      assertContent(contentOf(db), sample.content);
      assertThrows(() => change(db, "new", (tree) => tree.set("key", utf8("1"))), CorruptionError);
      db.close();
      Deno.writeFileSync(path, sample.bytes);
      const again = open(path);
      assertContent(contentOf(again), sample.content);
      again.close();
    });
  });
});
