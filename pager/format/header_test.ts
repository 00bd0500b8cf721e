// Header fields, each at its literal byte; both sums; and every rule of a header page, each broken
// in turn.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { CorruptionError } from "./errors.ts";
import { Frame, POOL } from "./frame.ts";
import * as header from "./header.ts";

const SEED = 0x0badcafe;
const SLOT = 2;
const AT = SLOT * 32;

/** The bytes of one header in hexadecimal, after a change to a zeroed frame. */
function bytesAfter(change: (frame: Frame) => void): number[] {
  const frame = new Frame(0, POOL, 4);
  change(frame);
  assert(frame.u8.subarray(0, AT).every((byte) => byte === 0), "no other header changes");
  assert(frame.u8.subarray(AT + 32).every((byte) => byte === 0), "no other header changes");
  return [...frame.u8.subarray(AT, AT + 32)];
}

/** A header of 32 bytes, zero except for the given ones. */
function bytesWith(some: Record<number, number>): number[] {
  return Array.from({ length: 32 }, (_, i) => some[i] ?? 0);
}

describe("header setters", () => {
  const cases: [string, (frame: Frame) => void, Record<number, number>][] = [
    ["formatHeader", (f) => header.formatHeader(f, SLOT, 1, 0x22, 0x66554433), {
      0: 1,
      1: 0x22,
      4: 0x33,
      5: 0x44,
      6: 0x55,
      7: 0x66,
    }],
    ["setEntries", (f) => header.setEntries(f, SLOT, 0x0201), { 2: 1, 3: 2 }],
    ["setLink", (f) => header.setLink(f, SLOT, 0x04030201), { 8: 1, 9: 2, 10: 3, 11: 4 }],
    ["setVersion", (f) => header.setVersion(f, SLOT, 0x060504030201), {
      12: 1,
      13: 2,
      14: 3,
      15: 4,
      16: 5,
      17: 6,
    }],
    ["setCellStart", (f) => header.setCellStart(f, SLOT, 0x0201), { 18: 1, 19: 2 }],
    ["setPrefix", (f) => header.setPrefix(f, SLOT, 0x0abc, 0x8000), { 20: 0xbc, 21: 0x8a }],
    ["setGarbage", (f) => header.setGarbage(f, SLOT, 0x0201), { 22: 1, 23: 2 }],
    ["setRunBytes", (f) => header.setRunBytes(f, SLOT, 0x04030201), {
      20: 1,
      21: 2,
      22: 3,
      23: 4,
    }],
  ];
  for (const [name, change, expected] of cases) {
    it(`${name} writes its bytes and no others`, () => {
      assertEquals(bytesAfter(change), bytesWith(expected));
    });
  }

  it("formatHeader clears what was there", () => {
    const frame = new Frame(0, POOL, 4);
    frame.u8.fill(0xff, AT, AT + 32);
    header.formatHeader(frame, SLOT, 0, 0, 0);
    assertEquals([...frame.u8.subarray(AT, AT + 32)], bytesWith({}));
  });
});

describe("header getters", () => {
  it("read each field from its bytes", () => {
    const frame = new Frame(0, POOL, 4);
    for (let i = 0; i < 32; i++) frame.u8[AT + i] = i + 0xa0;
    assertEquals(header.kindOf(frame, SLOT), 0xa0);
    assertEquals(header.levelOf(frame, SLOT), 0xa1);
    assertEquals(header.runPagesOf(frame, SLOT), 0xa1);
    assertEquals(header.shapeOf(frame, SLOT), 0xa3a2a1a0);
    assertEquals(header.entriesOf(frame, SLOT), 0xa3a2);
    assertEquals(header.treeOf(frame, SLOT), 0xa7a6a5a4);
    assertEquals(header.linkOf(frame, SLOT), 0xabaaa9a8);
    assertEquals(header.versionOf(frame, SLOT), 0xb1b0afaeadac);
    assertEquals(header.cellStartOf(frame, SLOT), 0xb3b2);
    assertEquals(header.prefixLengthOf(frame, SLOT), 0x05b4);
    assertEquals(header.flagsOf(frame, SLOT), 0xb000);
    assertEquals(header.runBytesOf(frame, SLOT), 0xb7b6b5b4);
    assertEquals(header.garbageOf(frame, SLOT), 0xb7b6);
    assertEquals(header.statedPageSum(frame.u32, SLOT * 8), 0xbbbab9b8 | 0);
  });

  it("versionOf returns the largest version that setVersion takes", () => {
    const frame = new Frame(0, POOL, 4);
    for (const version of [0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 48 - 1]) {
      header.setVersion(frame, SLOT, version);
      assertEquals(header.versionOf(frame, SLOT), version);
    }
  });

  it("headerPosition is the position of a header in the file", () => {
    const last = 0xff_ffff * 2_097_152 + 253 * 32;
    for (const [page, position] of [[1, 32], [255, 8160], [257, 2_097_184], [0xffff_fffd, last]]) {
      assertEquals(header.headerPosition(page!), position);
    }
  });
});

describe("header seal", () => {
  it("puts the sums at bytes 24 and 28", () => {
    const bytes = bytesAfter((frame) => header.seal(frame, SLOT, 9, 0x04030201, SEED));
    assertEquals(bytes.slice(0, 28), bytesWith({ 24: 1, 25: 2, 26: 3, 27: 4 }).slice(0, 28));
    assert(bytes.slice(28).some((byte) => byte !== 0));
  });

  it("holds for its own page, and for no other page or database", () => {
    const frame = new Frame(0, POOL, 4);
    header.formatHeader(frame, SLOT, 1, 0, 7);
    header.seal(frame, SLOT, 9, 0x12345678, SEED);
    assert(header.headerSumHolds(frame.u32, SLOT * 8, 9, SEED));
    assert(!header.headerSumHolds(frame.u32, SLOT * 8, 10, SEED));
    assert(!header.headerSumHolds(frame.u32, SLOT * 8, 9, SEED + 1));
  });
});

describe("header bitmap", () => {
  it("bit i is bit i & 7 of byte i >> 3", () => {
    for (let slot = 0; slot < 256; slot++) {
      const frame = new Frame(0, POOL, 1);
      header.setInUse(frame, 0, slot);
      assertEquals(frame.u8.findIndex((byte) => byte !== 0), slot >> 3);
      assertEquals(frame.u8[slot >> 3], 1 << (slot & 7));
      assert(header.isInUse(frame, 0, slot));
      header.clearInUse(frame, 0, slot);
      assert(frame.u8.every((byte) => byte === 0));
    }
  });

  it("says which slot is the last one in use", () => {
    const frame = new Frame(0, POOL, 4);
    assertEquals(header.lastInUse(frame, 3), 0);
    for (const slot of [0, 1, 31, 32, 63, 200, 255]) {
      header.setInUse(frame, 3, slot);
      assertEquals([header.lastInUse(frame, 3), header.lastInUse(frame, 2)], [slot, 0]);
    }
  });

  it("is the position of the page's bytes when the header page is in another slot", () => {
    const frame = new Frame(0, POOL, 4);
    header.setInUse(frame, 3, 9);
    assertEquals(frame.u8[3 * 8192 + 1], 2);
    assertEquals(header.headerWord(3, 9), (3 * 8192 + 9 * 32) / 4);
  });
});

/** The slot of the header page under test, which is not slot 0. */
const HEADERS_AT = 2;
const CHUNK = 5;
const FIRST = CHUNK * 256;
const PAGE_COUNT = FIRST + 200;

/** A valid header page of chunk 5, with pages 1, 31, 32 and 199 in use. */
function soundHeaderPage(): Frame {
  const frame = new Frame(0, POOL, 256);
  header.setInUse(frame, HEADERS_AT, 0);
  for (const slot of [1, 31, 32, 199]) {
    header.formatHeader(frame, slot, 1, 0, 4);
    header.seal(frame, slot, FIRST + slot, slot, SEED);
    const to = header.headerWord(HEADERS_AT, slot);
    frame.u32.set(frame.u32.subarray(slot * 8, slot * 8 + 8), to);
    header.setInUse(frame, HEADERS_AT, slot);
  }
  return frame;
}

function check(frame: Frame, pageCount = PAGE_COUNT): void {
  header.checkHeaderPage(frame, HEADERS_AT, CHUNK, pageCount, SEED);
}

function expectRefused(frame: Frame, slot: number, rule: string, pageCount = PAGE_COUNT): void {
  const error = refusal(() => check(frame, pageCount));
  assertEquals([error.page, error.offset], [FIRST + slot, CHUNK * 2_097_152 + slot * 32]);
  assertEquals(error.rule, rule);
}

function refusal(body: () => void): CorruptionError {
  const error: unknown = assertThrows(body, CorruptionError);
  if (error instanceof CorruptionError) return error;
  throw error;
}

describe("checkHeaderPage", () => {
  it("accepts a sound page", () => {
    check(soundHeaderPage());
    check(soundHeaderPage(), PAGE_COUNT + 1000);
  });

  it("refuses a header page marked free", () => {
    const frame = soundHeaderPage();
    header.clearInUse(frame, HEADERS_AT, 0);
    expectRefused(frame, 0, "the header page is marked free");
  });

  it("refuses a bit without a header, and a header without a bit", () => {
    for (const slot of [2, 33, 150]) {
      const frame = soundHeaderPage();
      header.setInUse(frame, HEADERS_AT, slot);
      expectRefused(frame, slot, "bitmap and header disagree");
    }
    for (const slot of [1, 31, 32, 199]) {
      const frame = soundHeaderPage();
      header.clearInUse(frame, HEADERS_AT, slot);
      expectRefused(frame, slot, "bitmap and header disagree");
    }
  });

  it("refuses any byte but zero in the header of a free page", () => {
    for (let byte = 1; byte < 32; byte++) {
      const frame = soundHeaderPage();
      frame.u8[HEADERS_AT * 8192 + 40 * 32 + byte] = 1;
      expectRefused(frame, 40, "the header of a free page is not zero");
    }
  });

  it("refuses a page in use at or past the page count", () => {
    expectRefused(soundHeaderPage(), 199, "in use past the page count", FIRST + 199);
    expectRefused(soundHeaderPage(), 31, "in use past the page count", FIRST + 10);
  });

  it("refuses an unknown kind", () => {
    const frame = soundHeaderPage();
    frame.u8[HEADERS_AT * 8192 + 31 * 32] = 9;
    expectRefused(frame, 31, "unknown kind 9");
  });

  it("refuses any flipped bit of a header in use", () => {
    for (let bit = 8; bit < 256; bit++) {
      const frame = soundHeaderPage();
      frame.u8[HEADERS_AT * 8192 + 32 * 32 + (bit >> 3)]! ^= 1 << (bit & 7);
      expectRefused(frame, 32, "header sum does not match");
    }
  });

  it("refuses the header page of another chunk", () => {
    const frame = soundHeaderPage();
    const body = () => header.checkHeaderPage(frame, HEADERS_AT, CHUNK + 1, 10_000, SEED);
    assertEquals(refusal(body).rule, "header sum does not match");
  });
});
