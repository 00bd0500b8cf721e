// Records of the journal: the recorded parts of a page are restored byte for byte, and an
// incomplete record is not accepted.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Random } from "../../tests/support/random.ts";
import { LimitError } from "../format/errors.ts";
import { Frame, POOL } from "../format/frame.ts";
import {
  BYPASSED,
  CHANGED,
  FREED,
  HEADERS,
  LogBuffer,
  LogReader,
  RECORD_BYTES_MAX,
  WHOLE,
} from "./log_record.ts";

const SLOT = 5;
const PAGE = 0xfedc_ba98;

/** A frame whose page has `density` of 256 words that are not zero, some in rows. */
function randomFrame(random: Random, density: number): Frame {
  const frame = new Frame(-1, POOL);
  const words = frame.u32.subarray(SLOT * 2048, (SLOT + 1) * 2048);
  for (let i = 0; i < 2048; i++) if (random.below(256) < density) words[i] = random.u32();
  for (let i = 0; i < 8; i++) frame.u32[SLOT * 8 + i] = random.u32();
  return frame;
}

/** A copy with some words, or rows of words, changed. */
function changed(random: Random, old: Frame, changes: number): Frame {
  const frame = new Frame(-1, POOL);
  frame.u8.set(old.u8);
  for (let i = 0; i < changes; i++) {
    const from = SLOT * 2048 + random.pick([0, 2040, random.below(2048)]);
    const end = Math.min(from + 1 + random.below(12), (SLOT + 1) * 2048);
    for (let word = from; word < end; word++) frame.u32[word] = random.once(4) ? 0 : random.u32();
  }
  for (let i = 0; i < 8; i++) frame.u32[SLOT * 8 + i] = random.u32();
  return frame;
}

function pageOf(frame: Frame): string {
  return frame.u8.subarray(SLOT * 8192, (SLOT + 1) * 8192).join();
}

function headerOf(frame: Frame): string {
  return frame.u8.subarray(SLOT * 32, (SLOT + 1) * 32).join();
}

/** Applies the one record of a buffer to a frame. */
function apply(log: LogBuffer, type: number, into: Frame): void {
  const reader = new LogReader();
  assertEquals(reader.read(log.bytes, 0, log.length), log.length);
  assertEquals([reader.page, reader.type], [PAGE, type]);
  reader.applyHeader(log.bytes, into, SLOT);
  reader.applyPieces(log.bytes, into, SLOT);
}

describe("LogBuffer and LogReader", () => {
  it("bring a whole page back, on zeros", () => {
    const random = new Random(1);
    for (const density of [0, 1, 20, 60, 128, 250, 256]) {
      const frame = randomFrame(random, density);
      const log = new LogBuffer();
      log.addWhole(PAGE, frame, SLOT);
      assert(log.length <= RECORD_BYTES_MAX, `${log.length} bytes`);
      const into = new Frame(-1, POOL);
      apply(log, WHOLE, into);
      assertEquals([headerOf(into), pageOf(into)], [headerOf(frame), pageOf(frame)]);
    }
  });

  it("bring a changed page back, on the page before and on the page itself", () => {
    const random = new Random(2);
    for (const changes of [0, 1, 2, 10, 100, 2000]) {
      const old = randomFrame(random, 128);
      const frame = changed(random, old, changes);
      const log = new LogBuffer();
      log.addChanged(PAGE, frame, SLOT, old, SLOT);
      assert(log.length <= RECORD_BYTES_MAX, `${log.length} bytes`);
      for (let again = 0; again < 2; again++) {
        apply(log, CHANGED, old);
        assertEquals([headerOf(old), pageOf(old)], [headerOf(frame), pageOf(frame)]);
      }
    }
  });

  it("bring words back that are known to have changed, and no others", () => {
    const random = new Random(7);
    const pairs = [[0, 0, 0, 0], [0, 1, 0, 0], [5, 40, 40, 41], [0, 1, 2047, 2048], [
      7,
      7,
      0,
      2048,
    ]];
    for (const [first, end, secondFirst, secondEnd] of pairs) {
      const old = randomFrame(random, 128);
      const frame = changed(random, old, 2000);
      const log = new LogBuffer();
      log.addWords(PAGE, frame, SLOT, Uint32Array.of(first!, end!, secondFirst!, secondEnd!));
      const expected = new Frame(-1, POOL);
      expected.u8.set(old.u8);
      const from = SLOT * 2048;
      for (let word = 0; word < 2048; word++) {
        const isNoted = (word >= first! && word < end!) ||
          (word >= secondFirst! && word < secondEnd!);
        if (isNoted) expected.u32[from + word]! = frame.u32[from + word]!;
      }
      apply(log, CHANGED, old);
      assertEquals([headerOf(old), pageOf(old)], [headerOf(frame), pageOf(expected)]);
    }
  });

  it("note a change of one word in few bytes", () => {
    const old = randomFrame(new Random(3), 128);
    const frame = new Frame(-1, POOL);
    frame.u8.set(old.u8);
    frame.u32[SLOT * 2048 + 1000]! ^= 1;
    const log = new LogBuffer();
    log.addChanged(PAGE, frame, SLOT, old, SLOT);
    assertEquals(log.length, 8 + 32 + 4 + 4);
    assertEquals([...log.bytes.subarray(0, 8)], [0x98, 0xba, 0xdc, 0xfe, 2, 0, 1, 0]);
    assertEquals([...log.bytes.subarray(40, 44)], [0xa0, 0x0f, 4, 0]);
  });

  it("note a change of any one word, and of the words around it, in whatever slot", () => {
    const old = randomFrame(new Random(6), 128);
    const image = new Frame(-1, POOL);
    const from = (SLOT + 1) * 2048;
    image.u32.set(old.u32.subarray(SLOT * 2048, from), from);
    const frame = new Frame(-1, POOL);
    for (let word = 0; word < 2048; word++) {
      frame.u8.set(old.u8);
      frame.u32[SLOT * 2048 + word]! ^= 0x8000_0000;
      frame.u32[SLOT * 2048 + (word + 6) % 2048]! ^= 1;
      const log = new LogBuffer();
      log.addChanged(PAGE, frame, SLOT, image, SLOT + 1);
      assertEquals(log.length, 8 + 32 + 2 * (4 + 4));
      const into = new Frame(-1, POOL);
      into.u8.set(old.u8);
      apply(log, CHANGED, into);
      assertEquals(into.buffer.compare(frame.buffer), 0, `word ${word}`);
    }
  });

  it("past 4 GiB are refused, and the records before them stay", () => {
    const log = new LogBuffer();
    log.addFreed(PAGE);
    const before = log.bytes.slice(0, log.length);
    log.length = 2 ** 32 - 8;
    assertThrows(() => log.addFreed(PAGE + 1), LimitError, "exceed 4 GiB");
    assertEquals(log.bytes.slice(0, before.length), before);
  });

  it("keep records of all types apart, in a buffer that grows", () => {
    const random = new Random(4);
    const frame = randomFrame(random, 256);
    const log = new LogBuffer();
    const types: number[] = [];
    for (let page = 0; page < 400; page++) {
      const type = 1 + page % 5;
      types.push(type);
      if (type === WHOLE) log.addWhole(page, frame, SLOT);
      if (type === CHANGED) log.addChanged(page, frame, SLOT, changed(random, frame, 3), SLOT);
      if (type === FREED) log.addFreed(page);
      if (type === BYPASSED) log.addBypassed(page, frame.u32, SLOT * 8);
      if (type === HEADERS) log.addHeaders(page, frame, SLOT);
    }
    const reader = new LogReader();
    const read: number[] = [];
    for (let at = 0; at < log.length;) {
      at = reader.read(log.bytes, at, log.length);
      assert(at > 0);
      assertEquals(reader.page, read.length);
      read.push(reader.type);
      if (reader.type !== HEADERS) continue;
      const into = new Frame(-1, POOL);
      reader.applyPieces(log.bytes, into, SLOT);
      assertEquals(pageOf(into), pageOf(frame));
    }
    assertEquals(read, types);
  });
});

describe("LogReader.read", () => {
  it("gives -1 at every cut of a record", () => {
    const frame = randomFrame(new Random(5), 10);
    const log = new LogBuffer();
    log.addWhole(PAGE, frame, SLOT);
    const reader = new LogReader();
    for (let end = 0; end < log.length; end++) assertEquals(reader.read(log.bytes, 0, end), -1);
    const freed = new LogBuffer();
    freed.addFreed(PAGE);
    for (let end = 0; end < 8; end++) assertEquals(reader.read(freed.bytes, 0, end), -1);
  });

  it("gives -1 for an unknown type, a reserved byte, and a piece that leaves its page", () => {
    const frame = new Frame(-1, POOL);
    frame.u32[SLOT * 2048 + 2047] = 1;
    const changes: [number, number][] = [[4, 0], [4, 6], [4, 255], [5, 1], [40, 0xfd], [42, 5]];
    for (const [at, value] of changes) {
      const log = new LogBuffer();
      log.addWhole(PAGE, frame, SLOT);
      log.addFreed(1);
      const reader = new LogReader();
      assertEquals(reader.read(log.bytes, 0, log.length), 48);
      log.bytes[at] = value;
      assertEquals(reader.read(log.bytes, 0, log.length), -1, `byte ${at}`);
    }
  });

  it("never reads past the end, whatever the bytes are", () => {
    const random = new Random(6);
    const reader = new LogReader();
    for (let round = 0; round < 20_000; round++) {
      const bytes = Uint8Array.from({ length: 80 }, () => random.below(256));
      bytes[4] = 1 + random.below(5);
      bytes[5] = 0;
      bytes[6]! &= 3;
      bytes[7] = 0;
      const at = random.below(20);
      const end = reader.read(bytes, at, 80);
      assert(end === -1 || (end >= at + 8 && end <= 80), `${end}`);
    }
  });
});

describe("a buffer of records", () => {
  it("gives back the memory of a large transaction, and keeps the records before it", () => {
    const log = new LogBuffer();
    const frame = randomFrame(new Random(3), 256);
    log.addWhole(PAGE, frame, SLOT);
    const { length } = log;
    const first = log.bytes.slice(0, length);
    while (log.length < 10 * 1024 * 1024) log.addWhole(PAGE, frame, SLOT);
    const large = log.bytes;
    log.truncate(length);
    assertEquals(log.bytes.subarray(0, log.length), first);
    assertEquals([large.length, log.bytes.length < 128 * 1024], [0, true]);
  });

  it("takes the memory of records that are expected at once", () => {
    const log = new LogBuffer();
    const frame = randomFrame(new Random(4), 256);
    log.addWhole(PAGE, frame, SLOT);
    const { length } = log;
    const first = log.bytes.slice(0, length);
    log.expect(1_000_000);
    const { bytes } = log;
    assertEquals(bytes.subarray(0, length), first);
    while (log.length < 1_000_000 - RECORD_BYTES_MAX) log.addWhole(PAGE, frame, SLOT);
    log.expect(1);
    assert(log.bytes === bytes, "it did not grow again");
  });

  it("takes no memory of a size that nothing bounds for what is only expected", () => {
    const log = new LogBuffer();
    log.expect(2 ** 40);
    assertEquals(log.bytes.length, 256 * 1024 * 1024);
  });
});
