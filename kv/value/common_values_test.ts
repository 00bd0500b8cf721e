/**
 * The reader returns the values that V8 returns, for random values and for malformed bytes.
 */

import { Deserializer, Serializer } from "node:v8";
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { Random } from "../../tests/support/random.ts";
import { inheritsAsEver, readCommonValue, UNREAD } from "./common_values.ts";

const SEED = Number(Deno.env.get("QUIRE_SEED") ?? 1);
const RUNS = Number(Deno.env.get("QUIRE_KV_VALUES") ?? 1000);

function serialize(value: unknown): Uint8Array {
  const serializer = new Serializer();
  serializer.writeHeader();
  serializer.writeValue(value);
  return serializer.releaseBuffer();
}

/** The value that V8 reads, or undefined if it refuses the bytes. */
function readByV8(bytes: Uint8Array): { value: unknown } | undefined {
  try {
    const deserializer = new Deserializer(bytes);
    deserializer.readHeader();
    return { value: deserializer.readValue() };
  } catch {
    return undefined;
  }
}

/** A value as text in which all that a program can see is, also the order of keys. */
function exactly(value: unknown): string {
  if (typeof value !== "object" || value === null) {
    return Object.is(value, -0) ? "-0" : `${typeof value} ${JSON.stringify(String(value))}`;
  }
  const kind = Object.getPrototypeOf(value).constructor.name;
  if (value instanceof Date) return `${kind} ${exactly(value.getTime())}`;
  const parts = value instanceof Map || value instanceof Set
    ? [...value].map(exactly)
    : Reflect.ownKeys(value).map((key) => {
      return `${String(key)}: ${exactly((value as Record<PropertyKey, unknown>)[key])}`;
    });
  return `${kind} ${Array.isArray(value) ? value.length : ""} {${parts.join(", ")}}`;
}

/**
 * Fails unless the reader gives up, or agrees with V8, which does not see what is behind the end.
 * Returns whether it read a value.
 */
function assertAsV8(whole: Uint8Array, end = whole.length): boolean {
  const around = Uint8Array.of(0xff, ...whole, ...whole);
  const value = readCommonValue(around, 1, 1 + end);
  if (value === UNREAD) return false;
  const bytes = whole.slice(0, end);
  const byV8 = readByV8(bytes);
  assert(byV8 !== undefined, `V8 refuses ${bytes.toHex()}`);
  assertEquals(exactly(value), exactly(byV8!.value), bytes.toHex());
  return true;
}

const text = fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.string({ maxLength: 300 }));
const key = fc.oneof(text, fc.constantFrom("__proto__", "toString", "0", "7", "-1", "a b"));
const leaf = fc.oneof(
  text,
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double(),
  fc.bigInt({ min: -(1n << 70n), max: 1n << 70n }),
  fc.date({ noInvalidDate: false }),
  fc.constantFrom<unknown>(null, undefined, true, false, -0, NaN, 2 ** 31, 2 ** 32 - 1, /a/g),
  fc.uint8Array({ maxLength: 5 }),
);
const { value: anyValue } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    leaf,
    fc.array(tie("value"), { maxLength: 5 }),
    fc.array(fc.tuple(key, tie("value")), { maxLength: 5 }).map((entries) => {
      const object = {};
      for (const [name, value] of entries) {
        const property = { value, enumerable: true, configurable: true, writable: true };
        Object.defineProperty(object, name, property);
      }
      return object;
    }),
    fc.array(fc.tuple(tie("value"), tie("value")), { maxLength: 4 }).map((list) => new Map(list)),
    fc.array(tie("value"), { maxLength: 4 }).map((list) => new Set(list)),
  ),
}));

/** The bytes of an object that has a key twice, which V8 does not write. */
function bytesWithTwo(key: string): Uint8Array {
  const property = (
    value: number,
  ) => [0x22, key.length, ...new TextEncoder().encode(key), 0x49, value];
  return Uint8Array.of(0xff, 15, 0x6f, ...property(2), ...property(4), 0x7b, 2);
}

describe("readCommonValue()", () => {
  // First, while there is room for its keys in what the reader remembers.
  it("defines keys that a program has given to all objects as V8 does, also known ones", () => {
    const prototype = Object.prototype as Record<string, unknown>;
    const bytes = serialize({ first: 1, polluted: 2 });
    for (let i = 0; i < 3; i++) {
      assertEquals(readCommonValue(bytes, 0, bytes.length, inheritsAsEver()), {
        first: 1,
        polluted: 2,
      });
    }
    Object.defineProperty(prototype, "polluted", { configurable: true, set: () => assert(false) });
    try {
      assertEquals(readCommonValue(bytes, 0, bytes.length, inheritsAsEver()), UNREAD);
      assertEquals(readCommonValue(bytes), UNREAD);
    } finally {
      delete prototype["polluted"];
    }
    assertEquals(inheritsAsEver(), true);
  });

  it("reads objects as V8 does whose keys are strange, or come twice", () => {
    const strange = ['"]: alert(1), "', "a b", "\u2028", "\\", "\xe9", "-1"];
    const names = [["id", "class", "$_1"], ["id", "_"], ...strange.map((name) => ["id", name])];
    const objects = names.map((keys) => Object.fromEntries(keys.map((name, i) => [name, [i]])));
    objects.push({}, JSON.parse('{ "id": { "id": { "in": 1 }, "id2": 2 } }'));
    const known = [...objects.map(serialize), bytesWithTwo("id"), bytesWithTwo("__proto__")];
    for (const bytes of known) {
      for (let i = 0; i < 3; i++) readCommonValue(bytes);
      assertAsV8(bytes);
      // What a program does with one object, others do not see.
      const [first, second] = [readCommonValue(bytes), readCommonValue(bytes)];
      if (first === UNREAD) continue;
      for (const key of Object.keys(first as object)) delete (first as typeof objects[0])![key];
      assertEquals(second, readCommonValue(bytes));
    }
  });

  it(`reads random values as V8 does, seed ${SEED}`, () => {
    let read = 0;
    const property = fc.property(anyValue, (value) => {
      if (assertAsV8(serialize(value))) read++;
    });
    fc.assert(property, { seed: SEED, numRuns: RUNS });
    assert(read > RUNS / 3, `${read} of ${RUNS} were read`);
  });

  it(`reads mutated bytes as V8 does, or gives up, seed ${SEED}`, () => {
    const random = new Random(SEED);
    let read = 0;
    for (const value of fc.sample(anyValue, { seed: SEED, numRuns: RUNS })) {
      const bytes = serialize(value).slice();
      for (let i = random.below(3); i >= 0; i--) {
        bytes[2 + random.below(bytes.length - 2)] = random.below(256);
      }
      if (assertAsV8(bytes)) read++;
      if (assertAsV8(bytes, random.below(bytes.length))) read++;
    }
    assert(read > RUNS / 10, `${read} were read`);
  });

  it("reads the values that programs store most", () => {
    const common = [
      { name: "Ada", born: 1815, tags: ["a", "b"], at: new Date(0), big: 5n, none: null },
      "text",
      "\u{1f600}",
      [1, 1.5, -1, 2 ** 31, -0],
      new Map([[1, new Set(["a"])]]),
      { deep: { deeper: [{ deepest: undefined }] } },
    ];
    for (const value of common) assert(assertAsV8(serialize(value)), Deno.inspect(value));
  });

  it("leaves what it does not know to V8", () => {
    const shared = { a: 1 };
    let deep: unknown = 1;
    for (let i = 0; i < 100; i++) deep = [deep];
    const others = [
      [shared, shared],
      [1, , 3],
      new Uint8Array(3),
      new Error("a"),
      Object(1),
      JSON.parse('{"__proto__": 1}'),
      { toString: 1 },
      1n << 64n,
      deep,
    ];
    for (const value of others) {
      assertEquals(readCommonValue(serialize(value)), UNREAD, Deno.inspect(value));
    }
    assertEquals(readCommonValue(new Uint8Array([0xff, 14, 0x30])), UNREAD);
    assertEquals(readCommonValue(new Uint8Array()), UNREAD);
  });
});
