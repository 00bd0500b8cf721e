// The bytes of a batch header: the offset of each field, and the detection of every flipped bit.

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { crc } from "../format/checksum.ts";
import { batchBytes, type BatchHeader, batchSum, decodeBatch, encodeBatch } from "./batch.ts";

const ID = Uint8Array.from({ length: 16 }, (_, i) => 0xd0 + i);
const HEADER: BatchHeader = {
  generation: 0x0011_0203_0405_0607,
  sequence: 0x0012_0203_0405_0607,
  syncCount: 0x0013_0203_0405_0607,
  durableSequence: 0x0014_0203_0405_0607,
  offset: 0x0015_0203_0405_0607,
  version: 0x1617_1819_1a1b,
  payloadBytes: 0x2122_2324,
  payloadSum: -0x3132_3334,
  previousSum: -0x4142_4344,
  pageCount: 0x5152_5354,
  nextTreeId: 0x6162_6364,
  catalogRoot: 0xf172_7374,
  allocatorHint: 0x8182_8384,
  continues: true,
};

function encoded(header: BatchHeader = HEADER): Uint8Array {
  // Not zero before, so that bytes left out would show.
  const bytes = new Uint8Array(160).fill(0xee);
  encodeBatch(header, ID, bytes);
  return bytes;
}

describe("encodeBatch", () => {
  it("puts every field at its byte", () => {
    const bytes = encoded();
    const view = new DataView(bytes.buffer);
    assertEquals([...bytes.subarray(0, 4)], [0x51, 0x42, 0x41, 0x54]);
    assertEquals(view.getInt32(4, true), crc(bytes.subarray(8, 128)));
    assertEquals(bytes.subarray(8, 24), ID);
    const words = [24, 32, 40, 48, 56, 64].map((at) => view.getBigUint64(at, true));
    assertEquals(words, [
      0x0011_0203_0405_0607n,
      0x0012_0203_0405_0607n,
      0x0013_0203_0405_0607n,
      0x0014_0203_0405_0607n,
      0x0015_0203_0405_0607n,
      0x1617_1819_1a1bn,
    ]);
    assertEquals([72, 84, 88, 92, 96, 100].map((at) => view.getUint32(at, true)), [
      0x2122_2324,
      0x5152_5354,
      0x6162_6364,
      0xf172_7374,
      0x8182_8384,
      1,
    ]);
    assertEquals([76, 80].map((at) => view.getInt32(at, true)), [-0x3132_3334, -0x4142_4344]);
    assertEquals([...bytes.subarray(104, 128)], new Array(24).fill(0));
    assertEquals([...bytes.subarray(128)], new Array(32).fill(0xee));
  });

  it("returns the sum that the header carries", () => {
    const bytes = new Uint8Array(128);
    const sum = encodeBatch(HEADER, ID, bytes);
    assertEquals([sum, batchSum(bytes)], [crc(bytes.subarray(8)), sum]);
  });
});

describe("decodeBatch", () => {
  it("decodes what was encoded", () => {
    assertEquals(decodeBatch(encoded(), ID), HEADER);
    const other = { ...HEADER, continues: false, payloadBytes: 0, payloadSum: 0 };
    assertEquals(decodeBatch(encoded(other), ID), other);
  });

  it("finds nothing under any flipped bit, in zeros, and in another database", () => {
    for (let bit = 0; bit < 128 * 8; bit++) {
      const bytes = encoded();
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      assertEquals(decodeBatch(bytes, ID), undefined, `bit ${bit}`);
    }
    assertEquals(decodeBatch(new Uint8Array(128), ID), undefined);
    assertEquals(decodeBatch(encoded(), ID.map((byte) => byte + 1)), undefined);
  });

  it("finds nothing under a right sum when reserved bytes or the mark are not possible", () => {
    for (const [at, value] of [[100, 2], [101, 1], [104, 1], [127, 1]] as const) {
      const bytes = encoded();
      bytes[at] = value;
      new DataView(bytes.buffer).setInt32(4, crc(bytes.subarray(8, 128)), true);
      assertEquals(decodeBatch(bytes, ID), undefined, `byte ${at}`);
    }
  });
});

describe("batchBytes", () => {
  it("counts the header, in whole steps of 4 KiB", () => {
    const lengths = [0, 1, 3968, 3969, 8064, 8065];
    assertEquals(lengths.map(batchBytes), [4096, 4096, 4096, 8192, 8192, 12288]);
  });
});
