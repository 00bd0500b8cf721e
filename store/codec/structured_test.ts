// Values as V8 clones them: those restored, each in its own memory, and those refused.

import { Buffer } from "node:buffer";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { checkValue } from "../../tests/support/databases/codec_laws.ts";
import { structured } from "./structured.ts";

function clone<T>(value: T): T {
  return structured.as<T>().decode(structured.encode(value));
}

describe("structured", () => {
  it("keeps values of every primitive type but symbols", () => {
    const values = [
      null,
      true,
      "a\ud800",
      0,
      -0,
      NaN,
      Infinity,
      5e-324,
      1n << 200n,
      -1n,
    ];
    for (const value of values) checkValue(structured, value);
  });

  it("keeps nested data of any kind", () => {
    const options = { withBigInt: true, withDate: true, withMap: true, withSet: true };
    const anything = fc.anything({ ...options, withTypedArray: true, withSparseArray: true });
    fc.assert(fc.property(anything, (value) => {
      if (value !== undefined) assertEquals(clone(value), structuredClone(value));
    }));
  });

  it("keeps maps, sets, dates, patterns and typed arrays with their types", () => {
    const value = {
      map: new Map<unknown, unknown>([[{ a: 1 }, new Set([1n])], [undefined, -0]]),
      date: new Date(5),
      badDate: new Date(NaN),
      pattern: /a+/gi,
      doubles: new Float64Array([1.5, NaN]),
      bigints: new BigUint64Array([1n]),
      bytes: new Uint8Array([1, 2, 3]).subarray(1),
      buffer: new ArrayBuffer(3),
      holes: [1, , 3],
    };
    assertEquals(clone(value), value);
    assert(Object.is([...clone(value.map).values()][1], -0));
  });

  it("keeps errors with their names, messages and causes", () => {
    const error = clone(new RangeError("far", { cause: "near" }));
    assertInstanceOf(error, RangeError);
    assertEquals([error.message, error.cause], ["far", "near"]);
  });

  it("keeps cycles, and one object that is in two places as one", () => {
    const node: { self?: unknown; pair: object[] } = { pair: [] };
    node.self = node;
    node.pair = [node.pair, node.pair];
    const copy = clone(node);
    assertStrictEquals(copy.self, copy);
    assertStrictEquals(copy.pair[0], copy.pair[1]);
  });

  it("makes plain objects of instances", () => {
    class Point {
      x = 1;
    }
    const copy = clone(new Point());
    assertEquals(Object.getPrototypeOf(copy), Object.prototype);
    assertEquals(copy.x, 1);
  });

  it("refuses functions, symbols and what else is not data", () => {
    const refused = [() => 1, Symbol("a"), { f() {} }, new WeakMap(), Promise.resolve(), [
      Symbol(),
    ]];
    for (const value of [...refused, new SharedArrayBuffer(1), new Proxy({}, {})]) {
      assertThrows(() => structured.encode(value), TypeError, "Cannot encode: ");
    }
  });

  it("returns values that do not change with the bytes they were read from", () => {
    const bytes = new Uint8Array(structured.encode({ a: new Uint8Array([1, 2, 3, 4]) }));
    for (const view of [bytes, Buffer.from(bytes.buffer)]) {
      const before = new Uint8Array(bytes);
      const value = structured.decode(view);
      bytes.fill(9);
      assertEquals(value, { a: new Uint8Array([1, 2, 3, 4]) });
      bytes.set(before);
    }
  });

  it("refuses bytes that are not a clone", () => {
    const start = structured.encode({ a: [1, "two", new Map([[3, 4n]])] });
    for (let length = 0; length < start.length; length++) {
      const cut = start.subarray(0, length);
      assertThrows(() => structured.decode(cut), TypeError, "Cannot decode: ");
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 20 }), (tail) => {
      try {
        structured.decode(new Uint8Array([...start.subarray(0, 2), ...tail]));
      } catch (error) {
        assertInstanceOf(error, TypeError);
      }
    }));
  });

  it("is the same codec under another type", () => {
    assertStrictEquals(structured.as<string>(), structured);
  });
});
