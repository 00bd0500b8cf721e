// Tuples as keys: every part is restored; bytes sort as parts do; the bytes of a tuple are a prefix
// only of tuples that begin with it; and bytes that encode no tuple are refused.

import { Buffer } from "node:buffer";
import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { compareKeys } from "../../btree/mod.ts";
import {
  checkBytes,
  checkEncodeInto,
  checkOrder,
  checkValue,
  compareLists,
  compareTexts,
} from "../../tests/support/databases/codec_laws.ts";
import { tuple } from "./tuple.ts";
import type { TuplePart } from "./tuple_part.ts";

/** Values of every type of part, in order. */
const SORTED: readonly TuplePart[] = [
  ...[[], [0], [0, 0], [0, 1], [1], [1, 0], [2], [255], [255, 0]].map((all) => new Uint8Array(all)),
  ...["", "\0", "\0\0", "\0\x01", "\x01", "\x01\0", "\x02", "a", "a\0", "a\0b", "a\x01", "aa", "b"],
  ...["\x7f", "\u0080", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\ufeff", "\uffff"],
  ...["\u{10000}", "\u{10000}a", "\u{10ffff}"],
  ...[-Infinity, -Number.MAX_VALUE, -(2 ** 53), -1.5, -1, -Number.MIN_VALUE, -0],
  ...[0, Number.MIN_VALUE, 1, 1.5, 255, 256, 2 ** 32, 2 ** 53, Number.MAX_VALUE, Infinity, NaN],
  ...[-(2n ** 2048n), -(2n ** 2040n), 1n - 2n ** 2040n, -(2n ** 64n), -256n, -255n, -1n, 0n, 1n],
  ...[255n, 256n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 64n, 2n ** 2040n - 1n, 2n ** 2040n, 2n ** 2048n],
  ...[false, true],
];

const ANY_PART: fc.Arbitrary<TuplePart> = fc.oneof(
  fc.constantFrom(...SORTED),
  fc.uint8Array({ maxLength: 6 }),
  fc.uint8Array({ maxLength: 6, max: 2 }),
  fc.string({ unit: "binary", maxLength: 6 }),
  fc.constantFrom("\0", "\x01", "a").chain((a) => fc.string({ maxLength: 2 }).map((b) => a + b)),
  fc.double(),
  fc.integer(),
  fc.bigInt(),
  fc.bigInt({ min: -300n, max: 300n }),
  fc.boolean(),
);
const ANY_TUPLE = fc.array(ANY_PART, { maxLength: 4 });

const TYPES = ["object", "string", "number", "bigint", "boolean"];

/** The order of parts, computed without their bytes. */
function compareParts(a: TuplePart, b: TuplePart): number {
  const types = TYPES.indexOf(typeof a) - TYPES.indexOf(typeof b);
  if (types !== 0 || Object.is(a, b)) return types;
  if (a instanceof Uint8Array && b instanceof Uint8Array) {
    return compareKeys(a, a.length, b, b.length);
  }
  if (typeof a === "string") return compareTexts(a, b as string);
  if (Number.isNaN(a)) return 1;
  if (Number.isNaN(b)) return -1;
  if (a === b) return Object.is(a, -0) ? -1 : 1;
  return a < b ? -1 : 1;
}

function compareTuples(a: readonly TuplePart[], b: readonly TuplePart[]): number {
  return compareLists(a, b, compareParts);
}

describe("tuple", () => {
  it("keeps every part", () => {
    for (const part of SORTED) checkValue(tuple, [part]);
    checkValue(tuple, []);
    checkValue(tuple, [...SORTED]);
    fc.assert(fc.property(ANY_TUPLE, (parts) => checkValue(tuple, parts)));
  });

  it("sorts as its parts do, one by one", () => {
    for (const [i, a] of SORTED.entries()) {
      for (const [j, b] of SORTED.entries()) {
        checkOrder(tuple, [a], [b], i - j);
        checkOrder(tuple, [a, false], [b], i - j || 1);
        checkOrder(tuple, [a, true], [b, false], i - j || 1);
      }
    }
    fc.assert(fc.property(ANY_TUPLE, ANY_TUPLE, ANY_TUPLE, (beginning, a, b) => {
      checkOrder(tuple, a, b, compareTuples(a, b));
      const [left, right] = [[...beginning, ...a], [...beginning, ...b]];
      checkOrder(tuple, left, right, compareTuples(left, right));
    }));
  });

  it("begins with the bytes of its first parts, and of no others", () => {
    const check = (prefix: TuplePart[], parts: TuplePart[]) => {
      const isPrefix = prefix.length <= parts.length &&
        compareTuples(prefix, parts.slice(0, prefix.length)) === 0;
      const [beginning, bytes] = [tuple.encode(prefix), tuple.encode(parts)];
      const found = bytes.subarray(0, beginning.length).join() === beginning.join();
      assertEquals(found, isPrefix);
    };
    for (const a of SORTED) for (const b of SORTED) check([a], [b]);
    check(["a"], ["a\0b"]);
    fc.assert(fc.property(ANY_TUPLE, ANY_TUPLE, (a, b) => {
      check(a, b);
      check(a, [...a, ...b]);
    }));
  });

  it("has these bytes", () => {
    const hex = (parts: TuplePart[]) =>
      Array.from(tuple.encode(parts), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    assertEquals(hex([]), "");
    assertEquals(hex([new Uint8Array([0, 1, 2])]), "10 01 01 01 02 02 00");
    assertEquals(hex(["a\0\u00e9"]), "20 61 01 01 c3 a9 00");
    assertEquals(hex([1, -1]), "30 bf f0 00 00 00 00 00 00 30 40 0f ff ff ff ff ff ff");
    assertEquals(hex([0, -0]), "30 80 00 00 00 00 00 00 00 30 7f ff ff ff ff ff ff ff");
    assertEquals(hex([NaN]), "30 ff f8 00 00 00 00 00 00");
    assertEquals(hex([0n, 1n, -1n]), "40 80 00 40 80 01 01 40 7f ff fe");
    assertEquals(hex([256n, -256n]), "40 80 02 01 00 40 7f fe fe ff");
    assertEquals(hex([false, true]), "50 51");
  });

  it("gives every NaN the same bytes", () => {
    const others = new Float64Array(new BigUint64Array([0xfff8000000000001n, 1n]).buffer);
    assertEquals(tuple.encode([others[0]!]), tuple.encode([NaN]));
    const refused = [[0, 7, 255, 255, 255, 255, 255, 255], [255, 248, 0, 0, 0, 0, 0, 1]];
    for (const bytes of refused) {
      assertThrows(
        () => tuple.decode(new Uint8Array([0x30, ...bytes])),
        TypeError,
        "a NaN is not the one that is kept, at byte 1 of a tuple",
      );
    }
  });

  it("keeps parts that are longer than most keys", () => {
    const long = ["x".repeat(3000), "\u00e9\0".repeat(100), new Uint8Array(300), 1n << 16_000n];
    for (const part of long) {
      assertEquals(tuple.decode(tuple.encode([part, 1])), [part, 1]);
    }
    for (let length = 250; length < 260; length++) checkValue(tuple, ["x".repeat(length)]);
    checkEncodeInto(tuple, ["x".repeat(300), "\u00e9\0".repeat(100)]);
  });

  it("takes bigints of 32,767 bytes, and refuses longer ones", () => {
    const most = (1n << (8n * 32_767n)) - 1n;
    for (const value of [most, -most]) {
      assertEquals(tuple.decode(tuple.encode([value]))[0] === value, true);
      const next = value > 0n ? value + 1n : value - 1n;
      assertThrows(() => tuple.encode([next]), RangeError, "32768 bytes exceeds 32767");
      assertThrows(() => tuple.encodeInto!([next], new Uint8Array(9)), RangeError, "exceeds");
    }
  });

  it("refuses a lone surrogate", () => {
    for (const text of ["\ud800", "a\udc00b", "\udc00\ud800", "\udfff"]) {
      assertThrows(() => tuple.encode([1, text]), TypeError, "lone surrogate");
      assertThrows(() => tuple.encodeInto!([text], new Uint8Array(2)), TypeError, "surrogate");
    }
  });

  it("refuses values that are not tuples, and parts of other types", () => {
    for (const other of [undefined, null, "ab", 1, {}, new Uint8Array(1)]) {
      assertThrows(() => tuple.encode(other as TuplePart[]), TypeError, "a tuple is an array");
    }
    const refused = [undefined, null, Symbol("a"), {}, [], () => 1, new Date(), new Uint16Array(1)];
    for (const part of refused) {
      assertThrows(() => tuple.encode([part as string]), TypeError, "no part that is ");
    }
    assertThrows(() => tuple.encode([, 1] as TuplePart[]), TypeError, "no part that is undefined");
  });

  it("returns bytes of its own", () => {
    const bytes = Buffer.from(tuple.encode([new Uint8Array([5, 6]), new Uint8Array([0])]));
    const parts = tuple.decode(bytes);
    bytes.fill(9);
    assertEquals(parts, [new Uint8Array([5, 6]), new Uint8Array([0])]);
    const first = tuple.encode(["a"]);
    tuple.encode(["b"]);
    assertEquals(tuple.decode(first), ["a"]);
  });

  it("is the same codec under another type", () => {
    assertStrictEquals<unknown>(tuple.as<[string]>(), tuple);
  });
});

describe("tuple.decode()", () => {
  const refuses = (bytes: number[], message: string) =>
    assertThrows(
      () => tuple.decode(new Uint8Array(bytes)),
      TypeError,
      `Cannot decode: ${message}`,
    );

  it("says what is wrong with bytes", () => {
    refuses([0x00], "0x00 begins no part, at byte 0");
    refuses([0x51, 0xff], "0xff begins no part, at byte 1");
    refuses([0x10], "a part has no end");
    refuses([0x20, 0x61], "a part has no end");
    refuses([0x20, 0x61, 0x01], "a part's escape is wrong");
    refuses([0x20, 0x01, 0x00, 0x00], "a part's escape is wrong");
    refuses([0x10, 0x01, 0x03, 0x00], "a part's escape is wrong");
    refuses([0x20, 0xc3, 0x00], "the bytes are not text in UTF-8");
    refuses([0x20, 0xed, 0xa0, 0x80, 0x01, 0x01, 0x00], "the bytes are not text in UTF-8");
    refuses([0x30, 0, 0, 0, 0, 0, 0, 0], "a part is cut off, at byte 1");
    refuses([0x40, 0x80], "a part is cut off");
    refuses([0x40, 0x80, 0x02, 0x01], "a part is cut off");
    refuses([0x40, 0x80, 0x02, 0x00, 0x01], "a bigint begins with zeros, at byte 3");
    refuses([0x40, 0x7f, 0xff, 0xff], "a bigint begins with zeros, at byte 3");
    refuses([0x40, 0x00, 0x00], "a bigint is too long, at byte 1");
  });

  it("refuses every tuple that is cut inside a part", () => {
    for (const part of SORTED) {
      const bytes = tuple.encode([part]);
      for (let length = 1; length < bytes.length; length++) {
        assertThrows(() => tuple.decode(bytes.subarray(0, length)), TypeError, "Cannot decode: ");
      }
    }
  });

  it("reads bytes as the tuple they are of, or refuses them", () => {
    const code = fc.constantFrom(0, 1, 2, 0x10, 0x20, 0x30, 0x40, 0x50, 0x51, 0x7f, 0x80, 0xff);
    const bytes = fc.array(fc.oneof({ weight: 3, arbitrary: code }, fc.nat(255)), {
      maxLength: 24,
    });
    fc.assert(fc.property(bytes, (all) => checkBytes(tuple, new Uint8Array(all))), {
      numRuns: 2000,
    });
  });

  it("reads a tuple with a byte changed as another one, or refuses it", () => {
    fc.assert(
      fc.property(ANY_TUPLE, fc.nat(), fc.nat(255), (parts, at, byte) => {
        const bytes = tuple.encode(parts);
        if (bytes.length > 0) bytes[at % bytes.length] = byte;
        checkBytes(tuple, bytes);
      }),
      { numRuns: 1000 },
    );
  });
});
