// Ranges as bounds: for any range and any key, the key is within the bounds exactly when it is in
// the range by its definition.

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { compareKeys, KEY_BYTES_MAX } from "../../btree/mod.ts";
import { type Bounds, boundsOf, type Range } from "./range.ts";
import { TreeFormat } from "./tree_format.ts";

const LONGEST = new Uint8Array(KEY_BYTES_MAX).fill(0xff);

/** Short keys of few letters, so that equal ones and prefixes are frequent; and the longest. */
const key = fc.oneof(
  fc.array(fc.constantFrom(0, 1, 0xfe, 0xff), { maxLength: 3 }).map((all) => new Uint8Array(all)),
  fc.constantFrom(LONGEST, LONGEST.subarray(1), new Uint8Array(KEY_BYTES_MAX)),
);

/** The bounds of a range of bytes or text. */
function bounds(range: Range): Bounds {
  return boundsOf(
    range,
    new TreeFormat<Uint8Array, never, Uint8Array | string, never, Uint8Array | string>({}),
  );
}

describe("boundsOf()", () => {
  it("holds the keys that the range holds, and no other", () => {
    const range = fc.record({ prefix: key, gt: key, gte: key, lt: key, lte: key }, {
      requiredKeys: [],
    });
    fc.assert(
      fc.property(range, fc.array(key, { minLength: 10 }), (range, keys) => {
        const candidates = [...keys, ...Object.values(range)];
        const found = bounds(range);
        for (const key of candidates) assertEquals(isWithin(key, found), isIn(key, range));
      }),
      { numRuns: 2000 },
    );
  });

  it("gives bounds that are keys, also around the longest key", () => {
    fc.assert(fc.property(fc.record({ gt: key, lte: key }, { requiredKeys: [] }), (range) => {
      const { lower, upper } = bounds(range);
      assertEquals((lower?.length ?? 0) <= KEY_BYTES_MAX, true);
      assertEquals((upper?.length ?? 0) <= KEY_BYTES_MAX, true);
    }));
  });

  it("has no bounds for no range, and takes text", () => {
    const none = { lower: undefined, upper: undefined, forward: true, limit: Infinity };
    assertEquals(bounds({}), none);
    assertEquals(bounds({ prefix: "" }), { ...none, lower: new Uint8Array(0) });
    const ab = { ...none, lower: new Uint8Array([0x61]), upper: new Uint8Array([0x62]) };
    assertEquals(bounds({ prefix: "a" }), ab);
    assertEquals(bounds({ gte: "a", lt: "b" }), ab);
  });

  it("takes reverse and limit", () => {
    assertEquals(bounds({ reverse: true, limit: 0 }).forward, false);
    assertEquals(bounds({ reverse: false, limit: 3 }).limit, 3);
    assertEquals(bounds({ limit: Infinity }).limit, Infinity);
  });

  it("takes undefined for absent", () => {
    const all = { prefix: undefined, gt: undefined, lt: undefined, limit: undefined };
    assertEquals(bounds(all as unknown as Range), bounds({}));
  });

  it("refuses unknown options and wrong types", () => {
    for (const range of [null, undefined, 1, "a", true]) {
      assertThrows(() => bounds(range as unknown as Range), TypeError, "Cannot use the range");
    }
    const wrong = [{ start: "a" }, { reverse: 1 }, { reverse: null }, { limit: "1" }, {
      limit: 1n,
    }];
    for (const range of [...wrong, { limit: null }]) {
      assertThrows(() => bounds(range as unknown as Range), TypeError, "Cannot use the range");
    }
    for (const bound of ["prefix", "gt", "gte", "lt", "lte"]) {
      for (const key of [1, null, ["a"], {}]) {
        assertThrows(() => bounds({ [bound]: key } as Range), TypeError, "Cannot encode: ");
      }
      assertThrows(() => bounds({ [bound]: "\ud800" } as Range), TypeError, "lone surrogate");
      assertThrows(() => bounds({ [bound]: "x".repeat(2049) } as Range), RangeError, "exceed");
    }
  });

  it("takes no name for an option that a program gives to all objects", () => {
    const prototype = Object.prototype as Record<string, unknown>;
    prototype["added"] = 1;
    try {
      assertEquals(bounds({ limit: 3 }).limit, 3);
      assertThrows(() => bounds({ added: 1 } as Range), TypeError, "unknown option added");
    } finally {
      delete prototype["added"];
    }
  });

  it("refuses a limit that is not a count", () => {
    for (const limit of [-1, 0.5, NaN, -Infinity]) {
      assertThrows(() => bounds({ limit }), RangeError, `limit ${limit} is not a count`);
    }
  });
});

function isWithin(key: Uint8Array, { lower, upper }: Bounds): boolean {
  return (!lower || compare(key, lower) >= 0) && (!upper || compare(key, upper) < 0);
}

function isIn(key: Uint8Array, { prefix, gt, gte, lt, lte }: Range): boolean {
  const bytes = (bound: unknown) => bound as Uint8Array;
  return (!prefix || compare(key.subarray(0, prefix.length), bytes(prefix)) === 0) &&
    (!gt || compare(key, bytes(gt)) > 0) && (!gte || compare(key, bytes(gte)) >= 0) &&
    (!lt || compare(key, bytes(lt)) < 0) && (!lte || compare(key, bytes(lte)) <= 0);
}

function compare(a: Uint8Array, b: Uint8Array): number {
  return compareKeys(a, a.length, b, b.length);
}
