// Keys as bytes: their order against that of hex strings, what two share, and separators, for keys
// that fast-check makes and for the edges.

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { bytesOf, nameOf } from "../../tests/support/trees/trees.ts";
import { commonLength, compareKeys, separatorLength } from "./key.ts";

const fewLetters = fc.constantFrom(0, 1, 0x7f, 0x80, 0xff);
const anyKey = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.array(fewLetters, { maxLength: 6 }).map((bytes) => Uint8Array.from(bytes)),
);

function order(a: Uint8Array, b: Uint8Array): number {
  return Math.sign(compareKeys(a, a.length, b, b.length));
}

describe("compareKeys()", () => {
  it("orders unsigned bytes, and a beginning before what it begins", () => {
    const names = [
      "",
      "\0",
      "\0\0",
      "\0\x01",
      "\x01",
      "\x7f",
      "\x80",
      "\xff",
      "\xff\0",
      "\xff\xff",
    ];
    const keys = names.map(bytesOf);
    keys.forEach((a, i) =>
      keys.forEach((b, j) => assertEquals(order(a, b), Math.sign(i - j), `${i} and ${j}`))
    );
  });

  it("agrees with the order of strings", () => {
    fc.assert(fc.property(anyKey, anyKey, (a, b) => {
      const [x, y] = [nameOf(a), nameOf(b)];
      assertEquals(order(a, b), x < y ? -1 : x > y ? 1 : 0);
    }));
  });

  it("looks at the lengths given, not at those of the buffers", () => {
    const a = bytesOf("same, then noise");
    const b = bytesOf("same, then other");
    assertEquals(compareKeys(a, 4, b, 4), 0);
    assert(compareKeys(a, 4, b, 5) < 0);
    assert(compareKeys(a, 5, b, 4) > 0);
  });
});

describe("commonLength()", () => {
  it("counts to the first difference or the shorter end", () => {
    const common = (a: string, b: string) =>
      commonLength(bytesOf(a), a.length, bytesOf(b), b.length);
    assertEquals(common("", ""), 0);
    assertEquals(common("", "a"), 0);
    assertEquals(common("abc", "abd"), 2);
    assertEquals(common("ab", "abc"), 2);
    assertEquals(common("\0\0", "\0\0"), 2);
    assertEquals(common("x", "y"), 0);
  });

  it("looks at the lengths given", () => {
    assertEquals(commonLength(bytesOf("abcdef"), 3, bytesOf("abcdef"), 5), 3);
  });
});

describe("separatorLength()", () => {
  it("is the least that is above the left key and not above the right", () => {
    fc.assert(fc.property(anyKey, anyKey, (a, b) => {
      fc.pre(order(a, b) !== 0);
      const [left, right] = order(a, b) < 0 ? [a, b] : [b, a];
      const length = separatorLength(left, left.length, right, right.length);
      assert(length <= right.length);
      assert(compareKeys(left, left.length, right, length) < 0);
      assert(compareKeys(left, left.length, right, length - 1) >= 0);
    }));
  });

  it("takes one zero byte more where the right key begins with the left", () => {
    assertEquals(separatorLength(bytesOf("a"), 1, bytesOf("a\0\0"), 3), 2);
    assertEquals(separatorLength(bytesOf(""), 0, bytesOf("\0"), 1), 1);
  });
});
