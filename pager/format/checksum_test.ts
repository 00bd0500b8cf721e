// The two sums: known values, so that they never change, and the changes that they must detect.

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Random } from "../../tests/support/random.ts";
import {
  changedPageSum,
  crc,
  crcOfDifference,
  headerSum,
  pageSum,
  seedFrom,
  seedOf,
} from "./checksum.ts";
import { Frame, POOL } from "./frame.ts";

const encode = (text: string) => new TextEncoder().encode(text);

describe("checksum", () => {
  it("crc has the check value of CRC-32", () => {
    assertEquals(crc(encode("123456789")), 0xcbf43926 | 0);
    assertEquals(crc(new Uint8Array(8192)), 0xd8f49994 | 0);
  });

  it("seedOf is the CRC-32 of the id", () => {
    assertEquals(seedOf(encode("0123456789abcdef")), crc(encode("0123456789abcdef")));
    assertEquals(seedOf(new Uint8Array(16)), 0xecbb4b55 | 0);
  });

  it("pageSum covers the bytes of its slot and no others", () => {
    const frame = new Frame(0, POOL, 3);
    const zeros = pageSum(frame, 1);
    assertEquals(zeros, crc(new Uint8Array(8192)));
    frame.u8[8191] = 1;
    frame.u8[16384] = 1;
    assertEquals(pageSum(frame, 1), zeros);
    for (const edge of [8192, 16383]) {
      frame.u8[edge]! ^= 1;
      assertNotEquals(pageSum(frame, 1), zeros);
      frame.u8[edge]! ^= 1;
    }
  });

  it("changedPageSum is the sum of the changed page, whichever words changed", () => {
    const random = new Random(8);
    const frame = new Frame(0, POOL, 2);
    for (let word = 0; word < 2048; word++) frame.u32[2048 + word] = random.u32();
    const edges = [[0, 0], [0, 1], [2047, 2048], [2048, 2048], [0, 2048], [1, 2047]];
    for (let round = 0; round < 300; round++) {
      const first = random.below(2048);
      const [from, to] = edges[round] ?? [first, first + random.below(2049 - first)];
      const before = pageSum(frame, 1);
      const saved = Uint32Array.from([7, ...frame.u32.subarray(2048 + from!, 2048 + to!)]);
      for (let word = from!; word < to!; word++) {
        frame.u32[2048 + word!]! ^= random.once(3) ? 0 : random.u32();
      }
      const difference = crcOfDifference(saved, 1, frame.u32, 2048 + from!, to! - from!);
      const sum = changedPageSum(before, difference, 8192 - to! * 4);
      assertEquals(sum, pageSum(frame, 1), `words ${from} to ${to}`);
    }
  });

  it("crcOfDifference is the exclusive or of both CRC-32", () => {
    const random = new Random(9);
    for (let count = 0; count < 40; count++) {
      const one = Uint32Array.from({ length: count }, () => random.u32());
      const other = Uint32Array.from({ length: count }, () => random.u32());
      const sums = [one, other].map(({ buffer }) => crc(new Uint8Array(buffer)));
      assertEquals(crcOfDifference(one, 0, other, 0, count), sums[0]! ^ sums[1]!);
    }
  });

  it("headerSum has known values", () => {
    const words = Uint32Array.from([1, 2, 3, 4, 5, 6, 7, 8]);
    assertEquals(headerSum(new Uint32Array(8), 0, 0, 0), 0);
    assertEquals(headerSum(words, 0, 3, 0x12345678), 1658267530);
    assertEquals(headerSum(words, 0, 4, 0x12345678), -2018649231);
  });

  it("headerSum shows every single bit of its seven words, and not the eighth word", () => {
    const random = new Random(2);
    for (let round = 0; round < 20; round++) {
      const words = Uint32Array.from({ length: 8 }, () => random.u32());
      const [page, seed] = [random.u32(), random.u32()];
      const sum = headerSum(words, 0, page, seed);
      for (let bit = 0; bit < 256; bit++) {
        words[bit >>> 5]! ^= 1 << (bit & 31);
        assertEquals(headerSum(words, 0, page, seed) === sum, bit >= 224, `bit ${bit}`);
        words[bit >>> 5]! ^= 1 << (bit & 31);
      }
    }
  });

  it("headerSum shows another page number and another database", () => {
    const random = new Random(3);
    const words = Uint32Array.from({ length: 8 }, () => random.u32());
    const thousand = Array.from({ length: 1000 }, (_, i) => i);
    assertEquals(new Set(thousand.map((page) => headerSum(words, 0, page, 77))).size, 1000);
    assertEquals(new Set(thousand.map((seed) => headerSum(words, 0, 5, seed))).size, 1000);
  });

  it("seedFrom gives the seed that a header sum was made with", () => {
    const random = new Random(11);
    const words = new Uint32Array(16);
    for (let i = 0; i < 1000; i++) {
      for (let word = 0; word < words.length; word++) words[word] = random.u32();
      const seed = random.u32() | 0;
      const page = random.u32();
      words[15] = headerSum(words, 8, page, seed);
      assertEquals(seedFrom(words, 8, page), seed);
      words[8 + i % 8]! ^= 1 << (i % 32);
      assertNotEquals(seedFrom(words, 8, page), seed);
    }
  });

  it("sums are signed 32-bit integers", () => {
    const random = new Random(4);
    const words = new Uint32Array(8);
    for (let round = 0; round < 100; round++) {
      words[0] = random.u32();
      const sum = headerSum(words, 0, 3, 9);
      assert(sum === (sum | 0));
    }
  });
});
