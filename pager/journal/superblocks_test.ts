// The superblocks in a file: creation interrupted at every point, the choice between two copies,
// the order of writes. Each 512-byte sector of an interrupted write is assumed to be old or new.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { FaultyFile, from } from "../../tests/support/files/faulty_file.ts";
import { Random } from "../../tests/support/random.ts";
import { flipBit } from "../../tests/support/trees/pages.ts";
import { Disk } from "../file/disk.ts";
import { MemoryFile } from "../file/memory_file.ts";
import { CorruptionError, IoError } from "../format/errors.ts";
import { encodeSuperblock, type Superblock } from "../format/superblock.ts";
import { Pager } from "../pager.ts";
import {
  createDatabase,
  examineSuperblocks,
  readSuperblock,
  writeSuperblock,
} from "./superblocks.ts";

const SECTOR_BYTES = 512;

/** A created file and its superblock. */
function created(): { file: MemoryFile; superblock: Superblock } {
  const file = new MemoryFile();
  return { file, superblock: createDatabase(new Disk(file)) };
}

/** A file with a superblock in each slot. */
function fileWith(first: Superblock, second: Superblock): MemoryFile {
  const { file } = created();
  const bytes = new Uint8Array(8192);
  [first, second].forEach((superblock, i) => {
    encodeSuperblock(superblock, bytes);
    file.writeAt(bytes, 0, 8192, (i + 1) * 8192);
  });
  return file;
}

/** Opens a file that creation did not finish, and expects a new, empty database in it. */
function expectCreated(content: Uint8Array, what: string): void {
  const file = new MemoryFile(content);
  const pager = new Pager(file);
  assertEquals([pager.meta.pageCount, pager.meta.version], [3, 0], what);
  pager.close();
  assertEquals(file.size(), 24576, what);
  readSuperblock(new Disk(file));
}

/** Opens a file that is not an unfinished creation, and expects it to be left as it is. */
function expectUntouched(content: Uint8Array, rule: string): void {
  const file = new FaultyFile(new MemoryFile(content));
  assertThrows(() => new Pager(file), CorruptionError, rule);
  assertEquals([file.counts.write, file.counts.truncate, file.size()], [0, 0, content.length]);
}

describe("createDatabase", () => {
  it("makes three pages, two equal superblocks, and headers that say so", () => {
    const { file, superblock } = created();
    const content = file.content();
    assertEquals(content.length, 24576);
    assertEquals(content.subarray(8192, 16384), content.subarray(16384));
    assertEquals([content[0], content[32], content[64]], [0b111, 6, 6]);
    assertEquals([...content.subarray(33, 60)], new Array(27).fill(0));
    assert(content.subarray(96, 8192).every((byte) => byte === 0));
    assertEquals([superblock.open, superblock.pageCount, superblock.version], [false, 3, 0]);
    assertEquals(readSuperblock(new Disk(file)), superblock);
  });

  it("gives each database an id of its own", () => {
    const ids = Array.from({ length: 20 }, () => created().superblock.databaseId.join());
    assertEquals(new Set(ids).size, 20);
  });

  it("syncs the header page before a superblock, and slot 1 before slot 2", () => {
    const file = new FaultyFile(new MemoryFile());
    const log: string[] = [];
    file.fault = (operation) => {
      const last = file.writes.at(-1);
      if (operation === "sync") log.push(`${last?.position}+${last?.length}`);
      return "none";
    };
    createDatabase(new Disk(file));
    assertEquals(log, ["0+24576", "8192+8192", "16384+8192"]);
  });
});

describe("opening an unfinished creation", () => {
  it("creates anew when the file is empty or all zero", () => {
    for (const size of [0, 1, 512, 8191, 8192, 16384, 24576]) {
      expectCreated(new Uint8Array(size), `${size} zeros`);
    }
  });

  it("creates anew from every prefix of the first write", () => {
    const pages = created().file.content();
    pages.fill(0, 8192);
    for (let size = 0; size <= 24576; size += SECTOR_BYTES) {
      expectCreated(pages.slice(0, size), `${size} bytes`);
    }
  });

  it("creates anew when slot 1 is torn in any way and slot 2 is empty", () => {
    const whole = created().file.content();
    const random = new Random(6);
    for (let round = 0; round < 100; round++) {
      const torn = whole.slice();
      torn.fill(0, 16384);
      // The sector with the sum is among the lost, or the copy would be whole.
      const lost = round < 16 ? [round] : [random.below(16), random.below(16), 15];
      if (round < 16 && !isChanged(torn, 8192 + round * SECTOR_BYTES)) continue;
      for (const sector of lost) torn.fill(0, 8192 + sector * 512, 8192 + (sector + 1) * 512);
      expectCreated(torn, `sectors ${lost} of slot 1 lost`);
    }
  });

  it("keeps the database when slot 1 is whole and slot 2 is torn or empty", () => {
    const { file, superblock } = created();
    for (let sectors = 0; sectors < 16; sectors++) {
      const torn = file.content();
      torn.fill(0, 16384 + sectors * 512);
      assertEquals(readSuperblock(new Disk(new MemoryFile(torn))), superblock);
    }
  });

  it("at every write and sync that fails, leaves a file that opens", () => {
    const faults: FaultyFile["fault"][] = [];
    for (const nth of [1, 2, 3]) {
      faults.push(from(nth, "throw", "write"), from(nth, "throw", "sync"), tornWrite(nth));
    }
    for (const fault of faults) {
      const memory = new MemoryFile();
      const file = new FaultyFile(memory);
      file.fault = fault;
      assertThrows(() => new Pager(file), IoError);
      new Pager(memory).close();
      readSuperblock(new Disk(memory));
    }
  });

  it("does not create when asked not to", () => {
    for (const options of [{ create: false }, { readOnly: true }]) {
      for (const size of [0, 8192]) {
        const file = new FaultyFile(new MemoryFile(new Uint8Array(size)));
        assertThrows(() => new Pager(file, options), CorruptionError, "not a Quire database");
        assertEquals([file.counts.write, file.counts.truncate], [0, 0]);
      }
    }
  });
});

describe("opening a file that is not Quire's", () => {
  it("leaves a small one untouched", () => {
    const encode = (text: string) => new TextEncoder().encode(text);
    expectUntouched(encode("x"), "not a Quire database");
    expectUntouched(encode("dear diary\n".repeat(100)), "not a Quire database");
    expectUntouched(new Uint8Array(24576).fill(0xff), "not a Quire database");
  });

  it("leaves one untouched that differs from an unfinished creation in one byte", () => {
    const headerPage = created().file.content().slice(0, 8192);
    for (const byte of [0, 1, 32, 33, 59, 64, 96, 8191]) {
      const content = headerPage.slice();
      content[byte]! ^= 0x10;
      expectUntouched(content, "not a Quire database");
    }
    const slot2 = new Uint8Array(24576);
    slot2[20000] = 1;
    expectUntouched(slot2, "not a Quire database");
  });

  it("leaves one of zeros untouched that is longer than a creation", () => {
    expectUntouched(new Uint8Array(24577), "not a Quire database");
  });

  it("leaves a database with both superblocks damaged untouched", () => {
    const { file } = created();
    flipBit(file, 8192 + 70);
    flipBit(file, 16384 + 70);
    expectUntouched(file.content(), "superblock sum does not match");
  });
});

describe("readSuperblock", () => {
  const older = created().superblock;
  const newer = { ...older, number: older.number + 1, nextTreeId: 7 };

  it("returns the newer of two, wherever it stands", () => {
    assertEquals(readSuperblock(new Disk(fileWith(older, newer))), newer);
    assertEquals(readSuperblock(new Disk(fileWith(newer, older))), newer);
  });

  it("returns the whole one of two when one is damaged", () => {
    for (const slot of [1, 2]) {
      const file = fileWith(newer, newer);
      flipBit(file, slot * 8192 + 48);
      assertEquals(readSuperblock(new Disk(file)), newer);
    }
  });

  it("refuses two with one number and different content", () => {
    const file = fileWith(older, { ...older, nextTreeId: 8 });
    const rule = "two different superblocks have the same number";
    assertThrows(() => readSuperblock(new Disk(file)), CorruptionError, rule);
  });

  it("refuses a superblock written to a place in the middle of nowhere", () => {
    const rule = "not a Quire database";
    assertThrows(() => readSuperblock(new Disk(new MemoryFile())), CorruptionError, rule);
  });
});

describe("writeSuperblock", () => {
  it("never has both copies in doubt, and never loses the last good one", () => {
    const { file, superblock } = created();
    for (let step = 1; step <= 4; step++) {
      const next = { ...superblock, number: superblock.number + step, nextTreeId: step + 1 };
      const before = readSuperblock(new Disk(file));
      // A cut in the first write leaves the old state, and one in the second the new.
      for (const [nth, expected] of [[1, before], [2, next]] as const) {
        const copy = new MemoryFile(file.content());
        const faulty = new FaultyFile(copy);
        faulty.fault = tornWrite(nth);
        assertThrows(() => writeSuperblock(new Disk(faulty), next), IoError);
        assertEquals(readSuperblock(new Disk(copy)), expected);
      }
      writeSuperblock(new Disk(file), next);
      assertEquals(readSuperblock(new Disk(file)), next);
    }
  });

  it("refuses one that no opening would accept, and leaves the copies as they are", () => {
    const { file, superblock } = created();
    const before = file.content();
    const next = { ...superblock, number: 1, allocatorHint: 9 };
    const says = "hint past the last chunk";
    assertThrows(() => writeSuperblock(new Disk(file), next), CorruptionError, says);
    assertEquals(file.content(), before);
  });

  it("puts odd and even numbers into different slots first", () => {
    const { superblock } = created();
    const firsts = [1, 2, 3, 4].map((step) => {
      const file = new FaultyFile(created().file);
      writeSuperblock(new Disk(file), { ...superblock, number: superblock.number + step });
      assertEquals(file.counts.sync, 2);
      return file.writes[0]!.position;
    });
    assertEquals(firsts, [16384, 8192, 16384, 8192]);
  });
});

describe("opening a database of which one copy of the superblock is torn", () => {
  it("repairs it, before anything is committed", () => {
    for (const page of [1, 2]) {
      const { file, superblock } = created();
      const whole = file.content();
      flipBit(file, page * 8192 + 70);
      const pager = new Pager(file);
      assertEquals(file.content(), whole);
      pager.close();
      assertEquals(readSuperblock(new Disk(file)), superblock);
    }
  });

  it("only reads one that is whole, and writes nothing read-only", () => {
    const whole = new FaultyFile(created().file);
    new Pager(whole).close();
    const { file } = created();
    flipBit(file, 8192 + 70);
    const torn = new FaultyFile(file);
    new Pager(torn, { readOnly: true }).close();
    for (const { counts } of [whole, torn]) assertEquals([counts.write, counts.sync], [0, 0]);
  });

  it("at every write and sync of the repair that fails, leaves a file that opens", () => {
    for (const tornSectors of ["whole", "protect"] as const) {
      for (const nth of [1, 2]) {
        for (const fault of [from(nth, "throw", "sync"), tornWrite(nth)]) {
          const { file: memory, superblock } = created();
          flipBit(memory, 16384 + 70);
          const file = new FaultyFile(memory);
          file.fault = fault;
          // With protected sectors the whole copy is not written again, so a write is one less.
          const isReached = tornSectors === "whole" || nth === 1 || fault("sync", nth) !== "none";
          const open = () => new Pager(file, { tornSectors });
          if (isReached) assertThrows(open, IoError);
          else open().close();
          assertEquals(readSuperblock(new Disk(memory)), superblock);
          new Pager(memory).close();
          assertEquals(examineSuperblocks(new Disk(memory)).isInBothCopies, true);
        }
      }
    }
  });
});

/** Does half of the `nth` write and nothing after it. */
function tornWrite(nth: number): FaultyFile["fault"] {
  return (operation, count) => {
    if (operation !== "write" || count < nth) return "none";
    return count === nth ? "half" : "throw";
  };
}

function isChanged(bytes: Uint8Array, start: number): boolean {
  return bytes.subarray(start, start + SECTOR_BYTES).some((byte) => byte !== 0);
}
