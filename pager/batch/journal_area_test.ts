// An area as one range of bytes over chunks that are not adjacent, without their header pages.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BudgetFile } from "../../tests/support/files/budget_file.ts";
import { FaultyFile } from "../../tests/support/files/faulty_file.ts";
import { Random } from "../../tests/support/random.ts";
import { Disk } from "../file/disk.ts";
import { MemoryFile } from "../file/memory_file.ts";
import { IoError } from "../format/errors.ts";
import { KIND_JOURNAL } from "../format/format.ts";
import { Frame, POOL } from "../format/frame.ts";
import { headerSumHolds, isInUse, kindOf } from "../format/header.ts";
import {
  AREA_CHUNK_BYTES,
  emptyHeaderPage,
  JournalArea,
  journalHeaderPage,
} from "./journal_area.ts";

const CHUNK_BYTES = 2_097_152;

function areaOf(chunks: readonly number[], zeroed: number) {
  const memory = new MemoryFile();
  const file = new FaultyFile(memory);
  return { memory, file, area: new JournalArea(new Disk(file), chunks, zeroed) };
}

function randomBytes(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.below(256));
}

describe("JournalArea", () => {
  it("puts its bytes after the header pages of its chunks, in their order", () => {
    const { memory, area } = areaOf([5, 2], 0);
    assertEquals([AREA_CHUNK_BYTES, area.capacity], [255 * 8192, 2 * 255 * 8192]);
    const bytes = randomBytes(new Random(1), 10_000);
    area.write(bytes, bytes.length, AREA_CHUNK_BYTES - 4000);
    const file = memory.content();
    const first = file.subarray(6 * CHUNK_BYTES - 4000, 6 * CHUNK_BYTES);
    const second = file.subarray(2 * CHUNK_BYTES + 8192, 2 * CHUNK_BYTES + 8192 + 6000);
    assertEquals([...first, ...second].join(), bytes.join());
    assert(file.subarray(2 * CHUNK_BYTES, 2 * CHUNK_BYTES + 8192).every((byte) => byte === 0));
  });

  it("reads what was written, through or not, and zeros past its end and the file's", () => {
    const random = new Random(2);
    for (const through of [false, true]) {
      const { area } = areaOf([3, 1], 0);
      const model = new Uint8Array(area.capacity);
      for (let i = 0; i < 20; i++) {
        const bytes = randomBytes(random, 1 + random.below(9000));
        const offset = random.below(area.capacity - bytes.length);
        if (through) area.writeThrough(bytes, bytes.length, offset);
        else area.write(bytes, bytes.length, offset);
        model.set(bytes, offset);
      }
      const into = new Uint8Array(area.capacity + 100).fill(0xee);
      area.read(into, into.length, 0);
      assertEquals(into.subarray(0, model.length).every((byte, i) => byte === model[i]), true);
      assert(into.subarray(model.length).every((byte) => byte === 0));
    }
  });

  it("zeroes in steps of 64 to 256 KiB, each byte once, to the end and no further", () => {
    const { memory, file, area } = areaOf([1], 0);
    memory.writeAt(new Uint8Array(2 * CHUNK_BYTES).fill(7), 0, 2 * CHUNK_BYTES, 0);
    area.zeroTo(1);
    area.zeroTo(65_536);
    assertEquals(file.writes, [{ position: CHUNK_BYTES + 8192, length: 65_536 }]);
    area.zeroTo(600_000);
    assertEquals(file.writes.map(({ length }) => length / 65_536), [1, 1, 2, 4, 4]);
    area.zeroTo(area.capacity);
    const total = file.writes.reduce((sum, { length }) => sum + length, 0);
    assertEquals(total, area.capacity);
    const content = memory.content();
    assert(content.subarray(0, CHUNK_BYTES + 8192).every((byte) => byte === 7));
    assert(content.subarray(CHUNK_BYTES + 8192).every((byte) => byte === 0));
    assertEquals(content.length, 2 * CHUNK_BYTES);
  });

  it("zeroes no further than it has to where the disk is nearly full", () => {
    const file = new BudgetFile(5);
    const area = new JournalArea(new Disk(file), [0], 0);
    area.zeroTo(3 * 4096);
    assertEquals([area.zeroed, file.used], [3 * 4096, 5]);
    assertThrows(() => area.zeroTo(6 * 4096), IoError, "no space left");
    assertThrows(() => area.zeroExactly(6 * 4096), IoError, "no space left");
    assertEquals(area.zeroed, 3 * 4096);
    file.budget = 9;
    area.zeroExactly(6 * 4096);
    assertEquals([area.zeroed, file.used], [6 * 4096, 6]);
  });
});

describe("journalHeaderPage and emptyHeaderPage", () => {
  it("say that all pages are of the journal, with right sums, or that all are free", () => {
    const frame = new Frame(-1, POOL, 1);
    frame.u8.set(journalHeaderPage(9, 1234));
    for (let slot = 1; slot < 256; slot++) {
      const kind = frame.u8[slot * 32];
      assertEquals([isInUse(frame, 0, slot), kind, kindOf(frame, slot)], [
        true,
        KIND_JOURNAL,
        KIND_JOURNAL,
      ]);
      assert(headerSumHolds(frame.u32, slot * 8, 9 * 256 + slot, 1234));
      assert(!headerSumHolds(frame.u32, slot * 8, 8 * 256 + slot, 1234));
    }
    assertEquals(emptyHeaderPage()[0], 1);
    assert(emptyHeaderPage().subarray(1).every((byte) => byte === 0));
  });
});
