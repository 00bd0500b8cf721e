/** Keys as bytes: those of Deno KV, in order, and every malformed key is refused. */

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import type { KvKeyPart } from "../api/types.ts";
import { encodeKey } from "./key.ts";
import { decodeKey, KeyReader } from "./key_reader.ts";
import { kvKey } from "./trees.ts";

const hexOf = (...key: KvKeyPart[]) => encodeKey(key).toHex();

/** Parts in ascending order. */
const ASCENDING: KvKeyPart[] = [
  new Uint8Array(),
  new Uint8Array([0]),
  new Uint8Array([0, 0]),
  new Uint8Array([0, 255]),
  new Uint8Array([1]),
  new Uint8Array([255]),
  "",
  "\0",
  "a",
  "a\0",
  "a\0b",
  "aa",
  "b".repeat(100),
  "\u00e9",
  "\u{1f600}",
  -(1n << 2040n) + 1n,
  -(1n << 72n),
  -(1n << 64n),
  -(1n << 64n) + 1n,
  -256n,
  -255n,
  -1n,
  0n,
  1n,
  255n,
  256n,
  (1n << 64n) - 1n,
  1n << 64n,
  (1n << 2040n) - 1n,
  -Infinity,
  -1.5,
  -1,
  -0,
  0,
  Number.MIN_VALUE,
  1,
  Infinity,
  NaN,
  false,
  true,
];

describe("encodeKey()", () => {
  it("makes the bytes of Deno KV", () => {
    assertEquals(
      hexOf("k", 1n, new Uint8Array([0, 1]), -5.5, true),
      "026b0015010100ff0100213fe9ffffffffffff27",
    );
    assertEquals(
      hexOf(0, 1, 2),
      "218000000000000000" + "21bff0000000000000" + "21c000000000000000",
    );
    assertEquals(
      hexOf(0n, -1n, 256n, 1n << 64n),
      "14" + "13fe" + "160100" + "1d09010000000000000000",
    );
    assertEquals(hexOf(-(1n << 64n), false), "0bf6feffffffffffffffff" + "26");
  });

  it("sorts parts by type and value, in byte order", () => {
    for (let i = 1; i < ASCENDING.length; i++) {
      const [before, after] = [hexOf(ASCENDING[i - 1]!), hexOf(ASCENDING[i]!)];
      assertEquals(before < after, true, Deno.inspect(ASCENDING[i]));
    }
  });

  it("sorts a key before all that continue it", () => {
    for (const part of ASCENDING) assertEquals(hexOf("a") < hexOf("a", part), true);
  });

  it("is the inverse of decodeKey(), for any key", () => {
    const part = fc.oneof(fc.string(), fc.uint8Array(), fc.bigInt(), fc.double(), fc.boolean());
    fc.assert(fc.property(fc.array(fc.oneof(part, fc.constantFrom(...ASCENDING))), (key) => {
      assertEquals(decodeKey(encodeKey(key)), key);
    }));
  });

  it("keeps the sign of a NaN alone, as Deno KV does", () => {
    const bits = new BigUint64Array(1);
    const value = new Float64Array(bits.buffer);
    for (
      const [nan, hex] of [
        [0x7ff8_0000_0000_0005n, "21fff8000000000000"],
        [0x7ff0_0000_0000_0001n, "21fff8000000000000"],
        [0xfff8_0000_0001_2345n, "210007ffffffffffff"],
      ] as const
    ) {
      bits[0] = nan;
      assertEquals(hexOf(value[0]!), hex);
    }
  });

  it("writes a lone surrogate as U+FFFD", () => {
    assertEquals(decodeKey(encodeKey(["a\ud800"])), ["a\ufffd"]);
  });

  it("gives memory of its own to callers of the codec", () => {
    const bytes = kvKey.encode(["a"]);
    assertEquals(bytes.buffer.byteLength, bytes.length);
    assertEquals(kvKey.encodeInto!(["a"], new Uint8Array(2)), -1);
  });

  it("refuses what is no part, and integers above 255 bytes", () => {
    for (const part of [null, undefined, {}, [1], Symbol("x"), new ArrayBuffer(1)]) {
      assertThrows(() => encodeKey([part]), TypeError, "expected string, number");
    }
    assertThrows(() => encodeKey([1n << 2040n]), TypeError, "255 bytes");
    assertThrows(() => encodeKey("text"), TypeError, "expected: array, got: string");
  });

  it("takes keys that are longer than its memory", () => {
    const key = ["x".repeat(10_000), "\0".repeat(3000), 1];
    assertEquals(decodeKey(encodeKey(key)), key);
  });
});

describe("decodeKey()", () => {
  it("refuses every cut of a key, and unknown tags, with the byte", () => {
    const whole = encodeKey(["a", new Uint8Array([1, 2]), 1n << 80n, -(1n << 80n), 300n, 1.5]);
    const ends = new Set<number>();
    for (let length = 1; length < whole.length; length++) {
      try {
        decodeKey(whole.subarray(0, length));
        ends.add(length);
      } catch (error) {
        assertEquals((error as Error).message.startsWith("Cannot decode the key: at byte "), true);
      }
    }
    assertEquals(ends.size, 5);
    assertThrows(() => decodeKey(new Uint8Array([0x26, 0x05])), TypeError, "at byte 1");
    assertThrows(() => decodeKey(new Uint8Array([2, 255, 0])), TypeError, "UTF-8");
  });

  it("refuses a second encoding of an integer", () => {
    for (const hex of ["1500", "13ff", "160001", "12fffe", "1d0105", "1d00", "0bfefe", "0bff"]) {
      assertThrows(() => decodeKey(Uint8Array.fromHex(hex)), TypeError, "at byte 0, the integer");
    }
    const long = `1d09${"00".repeat(8)}01`;
    assertThrows(() => decodeKey(Uint8Array.fromHex(long)), TypeError, "begins with zeros");
  });
});

describe("KeyReader", () => {
  const part = fc.oneof(
    fc.constantFrom(...ASCENDING),
    fc.string({ unit: fc.constantFrom("a", "\0", "\u00e9"), maxLength: 3 }),
    fc.bigInt(),
    fc.double(),
  );
  const parts = fc.array(part, { maxLength: 4 });

  it("reads what decodeKey() reads, wherever the shared bytes end", () => {
    fc.assert(fc.property(parts, parts, fc.nat(), (first, rest, at) => {
      const bytes = encodeKey([...first, ...rest]);
      const reader = new KeyReader(bytes.subarray(0, at % (bytes.length + 1)));
      for (let i = 0; i < 2; i++) assertEquals(reader.decode(bytes), [...first, ...rest]);
    }));
  });

  it("knows a shared text that goes on behind its zero", () => {
    const reader = new KeyReader(encodeKey(["a"]));
    assertEquals(reader.decode(encodeKey(["a\0b", 1])), ["a\0b", 1]);
    assertEquals(reader.decode(encodeKey(["a", 1])), ["a", 1]);
  });

  it("gives each key arrays of its own", () => {
    const reader = new KeyReader(encodeKey([new Uint8Array([7])]));
    const keys = [1, 2].map((i) => reader.decode(encodeKey([new Uint8Array([7]), i])));
    (keys[0]![0] as Uint8Array)[0] = 9;
    assertEquals(keys[1], [new Uint8Array([7]), 2]);
  });
});
