// The bytes of a superblock, each check of them, and the choice between two copies.

import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { crc } from "./checksum.ts";
import { CorruptionError } from "./errors.ts";
import { decodeSuperblock, encodeSuperblock, type Superblock } from "./superblock.ts";

const SUPERBLOCK: Superblock = {
  number: 0x000f_0203_0405_0607,
  open: true,
  databaseId: Uint8Array.from({ length: 16 }, (_, i) => 0xd0 + i),
  history: 0xa1a2_a3a4,
  origin: 0xb1b2_b3b4,
  originVersion: 0x1011_1213_1415,
  version: 0x1112_1314_1516,
  pageCount: 0x2122_2324,
  catalogRoot: 0x1132_3334,
  nextTreeId: 0x4142_4344,
  allocatorHint: 0x0001_5253,
  replayGeneration: 0x000f_6263_6465_6667,
  replaySequence: 0x000f_7273_7475_7677,
  syncCount: 0x000f_8283_8485_8687,
  journals: [[0x0001_9293, 7], [0x0001_a2a3, 9, 8]],
};

function encoded(superblock: Superblock = SUPERBLOCK): Uint8Array {
  // Filled first, to reveal bytes that encoding does not write.
  const bytes = new Uint8Array(8192).fill(0xee);
  encodeSuperblock(superblock, bytes);
  return bytes;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer);
}

/** Corrects the sum, as an attacker or a bug could but a failing disk would not. */
function reseal(bytes: Uint8Array): void {
  viewOf(bytes).setInt32(8188, crc(bytes.subarray(0, 8188)), true);
}

function refusal(bytes: Uint8Array, page = 2): CorruptionError {
  const error: unknown = assertThrows(() => decodeSuperblock(bytes, page), CorruptionError);
  if (error instanceof CorruptionError) return error;
  throw error;
}

/** Expects that a superblock with one u32 changed and a corrected sum is refused. */
function expectRefused(offset: number, value: number, rule: string, at = offset): void {
  const bytes = encoded();
  viewOf(bytes).setUint32(offset, value, true);
  reseal(bytes);
  const error = refusal(bytes);
  assertEquals([error.rule, error.page, error.offset], [rule, 2, 16384 + at]);
}

describe("encodeSuperblock", () => {
  it("puts every field at its byte", () => {
    const bytes = encoded();
    const view = viewOf(bytes);
    assertEquals([...bytes.subarray(0, 8)], [0x51, 0x55, 0x49, 0x52, 0x45, 0x0d, 0x0a, 0x1a]);
    const words: [number, number][] = [
      [8, 1],
      [12, 8192],
      [16, 256],
      [20, 32],
      [24, 1],
      [28, 1],
      [48, 0x0405_0607],
      [52, 0x000f_0203],
      [56, 0x1314_1516],
      [60, 0x1112],
      [64, 0x2122_2324],
      [68, 0x1132_3334],
      [72, 0x4142_4344],
      [76, 0x0001_5253],
      [80, 0x6465_6667],
      [84, 0x000f_6263],
      [88, 0x7475_7677],
      [92, 0x000f_7273],
      [96, 0x8485_8687],
      [100, 0x000f_8283],
      [104, 2],
      [108, 3],
      [112, 0xa1a2_a3a4],
      [116, 0xb1b2_b3b4],
      [120, 0x1213_1415],
      [124, 0x1011],
      [4096, 0x0001_9293],
      [4100, 7],
      [6144, 0x0001_a2a3],
      [6148, 9],
      [6152, 8],
    ];
    for (const [offset, word] of words) {
      assertEquals(view.getUint32(offset, true), word, `${offset}`);
    }
    assertEquals([...bytes.subarray(32, 48)], Array.from({ length: 16 }, (_, i) => 0xd0 + i));
  });

  it("leaves everything else zero, and sums all that comes before the sum", () => {
    const bytes = encoded();
    const gaps = [[128, 4096], [4104, 6144], [6156, 8188]] as const;
    for (const [start, end] of gaps) assert(bytes.subarray(start, end).every((byte) => byte === 0));
    assertEquals(viewOf(bytes).getInt32(8188, true), crc(bytes.subarray(0, 8188)));
  });

  it("says clean with a zero", () => {
    assertEquals(viewOf(encoded({ ...SUPERBLOCK, open: false })).getUint32(28, true), 0);
  });
});

const counter = fc.integer({ min: 0, max: 2 ** 52 });
const anySuperblock: fc.Arbitrary<Superblock> = fc.record({
  number: counter,
  open: fc.boolean(),
  databaseId: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  history: fc.integer({ min: 0, max: 0xffff_ffff }),
  origin: fc.integer({ min: 0, max: 0xffff_ffff }),
  originVersion: fc.integer({ min: 0, max: 9 }),
  version: fc.integer({ min: 9, max: 2 ** 48 - 1 }),
  pageCount: fc.constantFrom(131_073, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe),
  catalogRoot: fc.constantFrom(0, 3, 255, 257, 131_071),
  nextTreeId: fc.integer({ min: 1, max: 0xffff_ffff }),
  allocatorHint: fc.integer({ min: 0, max: 513 }),
  replayGeneration: counter,
  replaySequence: counter,
  syncCount: counter,
  journals: fc.constantFrom<Superblock["journals"][]>(
    [[], []],
    [[512], []],
    [[1, 2], [3]],
    [Array.from({ length: 508 }, (_, i) => i + 1), [509]],
    [[], Array.from({ length: 508 }, (_, i) => 512 - i)],
  ),
});

describe("decodeSuperblock", () => {
  it("returns what encodeSuperblock was given", () => {
    assertEquals(decodeSuperblock(encoded(), 1), SUPERBLOCK);
    fc.assert(fc.property(anySuperblock, (superblock) => {
      assertEquals(decodeSuperblock(encoded(superblock), 1), superblock);
    }));
  });

  it("refuses every flipped bit", () => {
    const bytes = encoded();
    for (let byte = 0; byte < 8192; byte += byte < 120 || byte > 8180 ? 1 : 61) {
      for (let bit = 0; bit < 8; bit++) {
        bytes[byte]! ^= 1 << bit;
        refusal(bytes);
        bytes[byte]! ^= 1 << bit;
      }
    }
    decodeSuperblock(bytes, 1);
  });

  it("refuses a wrong sum", () => {
    const bytes = encoded();
    bytes[8191]! ^= 1;
    const error = refusal(bytes, 1);
    assertEquals([error.rule, error.offset], ["superblock sum does not match", 8192 + 8188]);
  });

  it("refuses another file's first bytes, whatever the sum", () => {
    for (let byte = 0; byte < 8; byte++) {
      const bytes = encoded();
      bytes[byte]!++;
      assertEquals(refusal(bytes).rule, "not a Quire database");
      reseal(bytes);
      assertEquals(refusal(bytes).rule, "not a Quire database");
    }
    assertEquals(refusal(new Uint8Array(8192)).rule, "not a Quire database");
  });

  it("names the format version before it asks for a sum", () => {
    const bytes = encoded();
    viewOf(bytes).setUint32(8, 2, true);
    const rule = "format version 2, and this Quire reads version 1";
    assertEquals(refusal(bytes).rule, rule);
    expectRefused(8, 2, rule);
    expectRefused(8, 0, "format version 0, and this Quire reads version 1");
  });

  it("refuses another geometry under a right sum", () => {
    expectRefused(12, 4096, "unknown geometry");
    expectRefused(16, 128, "unknown geometry");
    expectRefused(20, 64, "unknown geometry");
    expectRefused(24, 2, "unknown geometry");
  });

  it("refuses impossible fields under a right sum", () => {
    expectRefused(28, 2, "unknown state");
    expectRefused(60, 0x1_0000, "version exceeds 48 bits", 56);
    expectRefused(124, 0x1113, "copied at a later version than the last one", 120);
    expectRefused(68, 1, "catalog root 1 is impossible");
    expectRefused(68, 2, "catalog root 2 is impossible");
    expectRefused(68, 512, "catalog root 512 is impossible");
    expectRefused(68, 0x2122_2324, `catalog root ${0x2122_2324} is impossible`);
    expectRefused(76, 0x0021_2225, "hint past the last chunk");
    expectRefused(104, 509, "too many journal chunks");
    expectRefused(108, 509, "too many journal chunks");
    expectRefused(4096, 0, "journal chunk outside the file");
    expectRefused(4096, 0x0100_0000, "journal chunk outside the file");
    expectRefused(6144, 0x0100_0000, "journal chunk outside the file", 4096);
    expectRefused(4100, 0x0001_9293, "journal chunk listed twice", 4096);
    expectRefused(6152, 7, "journal chunk listed twice", 4096);
  });

  it("refuses impossible page counts under a right sum", () => {
    for (const pageCount of [0, 1, 2, 0xffff_ffff]) {
      const bytes = encoded({
        ...SUPERBLOCK,
        catalogRoot: 0,
        allocatorHint: 0,
        journals: [[], []],
      });
      viewOf(bytes).setUint32(64, pageCount, true);
      reseal(bytes);
      assertEquals(refusal(bytes).rule, `page count ${pageCount} is impossible`);
    }
  });

  it("refuses numbers that a double cannot count with", () => {
    for (const offset of [48, 56, 80, 88, 96, 120]) {
      expectRefused(offset + 4, 0x0020_0000, "a number exceeds 2^52", offset);
    }
  });

  it("refuses every reserved byte that is not zero, under a right sum", () => {
    const gaps = [[128, 4096], [4104, 6144], [6156, 8188]] as const;
    for (const [start, end] of gaps) {
      for (const byte of [start, start + 1, (start + end) >> 1, end - 1]) {
        const bytes = encoded();
        bytes[byte] = 1;
        reseal(bytes);
        const error = refusal(bytes);
        assertEquals([error.rule, error.offset], ["reserved bytes are not zero", 16384 + start!]);
      }
    }
  });

  it("accepts the ends of every range", () => {
    const least = { ...SUPERBLOCK, pageCount: 3, catalogRoot: 0, allocatorHint: 1 };
    decodeSuperblock(encoded({ ...least, journals: [[], []] }), 1);
    const most = { ...SUPERBLOCK, pageCount: 0xffff_fffe, version: 2 ** 48 - 1 };
    const root = 0xffff_fffd;
    const journals: [number[], number[]] = [[0xff_ffff], [1]];
    decodeSuperblock(
      encoded({ ...most, catalogRoot: root, allocatorHint: 0x100_0000, journals }),
      1,
    );
  });

  it("does not keep the caller's bytes", () => {
    const bytes = encoded();
    const { databaseId } = decodeSuperblock(bytes, 1);
    bytes.fill(0);
    assertNotEquals(databaseId[0], 0);
  });
});
