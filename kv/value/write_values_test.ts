/** The writer makes the bytes that V8 makes, and gives up at what it does not write. */

import { deserialize, serialize as serializeByV8, Serializer } from "node:v8";
import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { serialize } from "./value.ts";
import { writeCommonValue } from "./write_values.ts";

const SEED = Number(Deno.env.get("QUIRE_SEED") ?? 1);
const RUNS = Number(Deno.env.get("QUIRE_KV_VALUES") ?? 1000);

/** The bytes of V8, with the version of Deno's header. */
function hexByV8(value: unknown): string {
  const serializer = new Serializer();
  serializer.writeHeader();
  serializer.writeValue(value);
  const bytes = serializer.releaseBuffer();
  bytes[1] = 16;
  return bytes.toString("hex");
}

/**
 * Fails unless the writer gives up, or agrees with V8. Returns whether it wrote the value.
 *
 * V8 writes an integer as a double where compiled code keeps it as one; a copy of it has none.
 */
function assertAsV8(value: unknown): boolean {
  const hex = writeCommonValue(value)?.toHex();
  if (hex === undefined) return false;
  const byV8 = hexByV8(value);
  assertEquals(hex, hex === byV8 ? byV8 : hexByV8(deserialize(serializeByV8(value))));
  return true;
}

const text = fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.string({ maxLength: 300 }));
const leaf = fc.oneof(
  text,
  fc.integer(),
  fc.double(),
  fc.bigInt(),
  fc.boolean(),
  fc.date(),
  fc.constantFrom(null, undefined, -0, 2 ** 31, -(2 ** 31), 2 ** 64, 0n, 1n << 64n),
);
const { value: anything } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    leaf,
    fc.array(tie("value"), { maxLength: 8 }),
    fc.dictionary(fc.oneof(text, fc.constantFrom("7", "a", "__proto__")), tie("value"), {
      noNullPrototype: true,
    }),
  ),
}));

describe("writeCommonValue()", () => {
  it("makes the bytes of V8 for random values", () => {
    let written = 0;
    fc.assert(fc.property(anything, (value) => void (written += Number(assertAsV8(value)))), {
      seed: SEED,
      numRuns: RUNS,
    });
    console.log(`${written} of ${RUNS} values written, seed ${SEED}`);
  });

  it("writes values up to its limits, and gives up beyond", () => {
    const nested = (depth: number): unknown => depth === 0 ? "x" : { a: nested(depth - 1) };
    const written = [
      ..."x".repeat(1024).split("").slice(0, 1),
      "x".repeat(1024),
      "\u20ac".repeat(1024),
      Array.from({ length: 64 }, (_, i) => `${i}`.repeat(20)),
      Array.from({ length: 31 }, () => ({})),
      nested(16),
      { a: "x".repeat(63), b: "\u20ac".repeat(63), c: "\u20ac".repeat(64), d: "\u00ff" },
    ];
    for (const value of written) assertEquals(assertAsV8(value), true);
    const left = [
      "x".repeat(1025),
      Array.from({ length: 65 }, () => 1),
      Array.from({ length: 32 }, () => ({})),
      nested(17),
      Array.from({ length: 9 }, () => "x".repeat(1000)),
    ];
    for (const value of left) assertEquals(writeCommonValue(value), undefined);
    for (const value of left) assertEquals(serialize(value).toHex(), hexByV8(value));
  });

  it("leaves no room for the ends of deep values unwritten", () => {
    for (let length = 950; length < 1024; length++) {
      let value: unknown = "x".repeat(length);
      for (let depth = 0; depth < 8; depth++) value = [[value], "y".repeat(900)];
      assertAsV8(value);
    }
  });

  it("gives up at everything else", () => {
    const shared = {};
    const extended = Object.assign([1], { a: 1 });
    class Own {
      a = 1;
    }
    const values = [
      ...[() => 1, Symbol("a"), /a/, new Map(), new Set(), new Error("a"), new Uint8Array(1)],
      ...[Object(1), Object("a"), new Own(), Object.create(null), Object.create(Date.prototype)],
      ...[[1, , 2], extended, { 1: 2 }, [shared, shared], new Blob([]), new Proxy({}, {})],
      new Proxy([], {}),
      (function (..._: unknown[]) {
        return arguments;
      })(),
    ];
    for (const value of values) {
      assertEquals(writeCommonValue(value), undefined, Deno.inspect(value));
      assertEquals(writeCommonValue({ a: [value] }), undefined, Deno.inspect(value));
    }
  });

  it("is not confused by a getter that serializes, or throws", () => {
    const value = {
      a: 1,
      get b() {
        return serialize({ inner: "x".repeat(50) }).length;
      },
      c: "end",
    };
    assertEquals(serialize(value).toHex(), hexByV8({ a: 1, b: value.b, c: "end" }));
    const failing = {
      get a() {
        throw new RangeError("mine");
      },
    };
    assertThrows(() => serialize(failing), RangeError, "mine");
    assertEquals(assertAsV8({ a: [failing.constructor.name] }), true);
  });

  it("gives memory that later values do not change", () => {
    const results = Array.from({ length: 5000 }, (_, i) => [i, writeCommonValue({ i })!] as const);
    for (const [i, bytes] of results) assertEquals(bytes.toHex(), hexByV8({ i }));
  });
});
