/**
 * The meaning of values: `undefined` means no entry, equal values compare equal in any
 * representation, and detached buffers are refused.
 */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import {
  bytes,
  type Codec,
  json,
  keyBytes,
  type KeyCodec,
  open,
  string,
  structured,
  tuple,
  u64,
} from "../../mod.ts";

/** A user's codec that accepts undefined as a value and as a key. */
const maybe: KeyCodec<string | undefined> = {
  encode: (value) => new TextEncoder().encode(value ?? "nothing"),
  decode: (bytes) => new TextDecoder().decode(bytes),
};

const VALUE_CODECS: Readonly<Record<string, Codec<unknown, never>>> = {
  bytes: bytes as Codec<unknown, never>,
  json,
  string: string as Codec<unknown, never>,
  structured,
  tuple: tuple as Codec<unknown, never>,
  u64: u64 as Codec<unknown, never>,
  maybe: maybe as Codec<unknown, never>,
};

describe("undefined", () => {
  for (const [name, value] of Object.entries(VALUE_CODECS)) {
    it(`is no value to set, in a tree of ${name}`, async () => {
      using db = open(":memory:");
      const tree = db.tree("a", { key: string, value });
      const none = undefined as never;
      for (
        const use of [
          () => tree.set("k", none),
          () => tree.setMany([["k", none]]),
          () => tree.setIfAbsent("k", none),
          () => tree.load([["k", none]]),
        ]
      ) {
        await assertRejects(use, TypeError, "Cannot encode: ");
        assert(!tree.has("k"));
      }
      db.writeSync((tx) => {
        assertThrows(() => tx.tree(tree).set("k", none), TypeError, "Cannot encode: ");
        assertThrows(() => tx.tree(tree).setIfAbsent("k", none), TypeError, "Cannot encode: ");
      });
      assertEquals([tree.count(), db.version], [0, 0]);
    });

    it(`is no entry as the result of an update, in a tree of ${name}`, async () => {
      using db = open(":memory:");
      const tree = db.tree("a", { key: string, value });
      const some = { bytes: new Uint8Array(1), tuple: [1], u64: 1n }[name] ?? "some";
      await tree.set("k", some as never);
      assertEquals(await tree.update("k", () => undefined), undefined);
      assert(!tree.has("k"));
      assert(await tree.compareAndSet("k", undefined, some as never));
      assert(!await tree.compareAndSet("k", undefined, some as never));
      assert(await tree.compareAndSet("k", some as never, undefined));
      assertEquals([tree.has("k"), tree.get("k"), tree.getMany(["k"])], [false, undefined, [
        undefined,
      ]]);
    });
  }

  it("is no key, and no part of one", () => {
    using db = open(":memory:");
    const trees = [keyBytes, string, tuple, u64, maybe].map((key, i) =>
      db.tree(`${i}`, { key: key as KeyCodec<string> })
    );
    for (const tree of trees) {
      const none = undefined as never;
      assertThrows(() => tree.get(none), TypeError, "Cannot encode: ");
      assertThrows(() => tree.has(none), TypeError, "Cannot encode: ");
      assertThrows(() => tree.getMany([none]), TypeError, "Cannot encode: ");
    }
    assertThrows(() => tuple.encode(["a", undefined as never]), TypeError, "Cannot encode: ");
    assertThrows(() => tuple.encode(Array(2)), TypeError, "Cannot encode: ");
  });

  it("is refused by the codecs themselves, too", () => {
    for (const codec of [bytes, keyBytes, json, string, structured, tuple, u64]) {
      assertThrows(() => codec.encode(undefined as never), TypeError, "Cannot encode: ");
    }
  });

  it("is kept inside a structured value", () => {
    const value = { a: undefined, b: [undefined], c: new Map([[undefined, 1]]) };
    assertEquals(structured.decode(structured.encode(value)), value);
  });
});

/** A computed half: a number that V8 stores as a double. */
const [half] = JSON.parse("[0.5]") as [number];
const shared = { x: 1 };

/** Values that V8 represents differently from equal ones. */
const REWRITTEN: Readonly<Record<string, () => [unknown, unknown]>> = {
  "a sum of halves": () => [half + half, 1],
  "a sum in an object": () => [{ x: half + half }, { x: 1 }],
  "a sum in a map": () => [new Map([["x", half + half]]), new Map([["x", 1]])],
  "an array made of doubles": () => [[half, 1], [0.5, half + half]],
  "an array that was filled": () => [Array(3).fill(0), [0, 0, 0]],
  "an array that grew": () => {
    const grown: number[] = [];
    grown[2] = 2;
    grown[0] = 0;
    grown[1] = 1;
    return [grown, [0, 1, 2]];
  },
  "one object twice": () => [[shared, shared], [{ x: 1 }, { x: 1 }]],
  "bytes that are a view": () => [new Uint8Array([0, 1, 2]).subarray(1), new Uint8Array([1, 2])],
  "text that was joined": () => ["\u1234abc".slice(1), "abc"],
  "properties in another order": () => [{ a: 1, b: 2 }, { b: 2, a: 1 }],
};

describe("compareAndSet", () => {
  for (const [name, make] of Object.entries(REWRITTEN)) {
    it(`compares ${name} by content`, async () => {
      using db = open(":memory:");
      const tree = db.tree("a", { key: string, value: structured });
      const [given, equal] = make();
      await tree.set("k", given);
      assert(await tree.compareAndSet("k", tree.get("k"), equal), "what was read");
      assert(await tree.compareAndSet("k", given, given), "what was given");
      assert(await tree.compareAndSet("k", equal, "next"), "what is equal");
      assertEquals(tree.get("k"), "next");
      db.writeSync((tx) => {
        tx.tree(tree).set("k", given);
        assert(tx.tree(tree).compareAndSet("k", tx.tree(tree).get("k"), "next"));
      });
    });
  }

  it("finds any structured value equal to the one read", async () => {
    using db = open(":memory:");
    const tree = db.tree("a", { key: string, value: structured });
    const options = { withBigInt: true, withDate: true, withMap: true, withSet: true };
    const anything = fc.anything({ ...options, withTypedArray: true, withSparseArray: true });
    await fc.assert(fc.asyncProperty(anything, async (value) => {
      if (value === undefined) return;
      await tree.set("k", value);
      assert(await tree.compareAndSet("k", tree.get("k"), value));
      assert(await tree.compareAndSet("k", value, tree.get("k")));
    }));
  });

  it("distinguishes different values", async () => {
    using db = open(":memory:");
    const tree = db.tree("a", { key: string, value: structured });
    const different: [unknown, unknown][] = [
      [0, -0],
      [[half + half], [1.5]],
      [1, 1n],
      [1, "1"],
      [null, {}],
      [{ a: undefined }, {}],
      [[1, , 3], [1, undefined, 3]],
      [[1, 2], { 0: 1, 1: 2 }],
      [new Map([[1, [2]]]), new Map([[1, [3]]])],
      [new Set([[1], [1]]), new Set([[1], [2]])],
      [new Date(1), new Date(2)],
      [/a/g, /a/i],
      [new RangeError("a"), new RangeError("b")],
      [new RangeError("a"), new TypeError("a")],
      [new Uint8Array(2), new Uint8ClampedArray(2)],
      [new Uint8Array([1]), new Uint8Array([2])],
      [new ArrayBuffer(2), new ArrayBuffer(3)],
      ["a\ud800", "a\ud801"],
    ];
    for (const [a, b] of different) {
      await tree.set("k", a);
      assert(!await tree.compareAndSet("k", b, "next"), Deno.inspect([a, b]));
      await tree.set("k", b);
      assert(!await tree.compareAndSet("k", a, "next"), Deno.inspect([b, a]));
    }
  });

  it("compares json by content, whatever wrote it", async () => {
    using db = open(":memory:");
    const tree = db.tree("a", { key: string, value: json.as<Record<string, number>>() });
    const stream = new Blob(['{ "b": 1.0, "a": [ ] }']).stream();
    await tree.setStream("k", stream);
    assert(!await tree.compareAndSet("k", { b: 1 }, {}));
    assert(await tree.compareAndSet("k", tree.get("k"), { a: 1, b: 2 }));
    assert(await tree.compareAndSet("k", { b: 2, a: 1 }, {}));
  });

  it("calls a codec's equals, and compares the bytes of other codecs", async () => {
    using db = open(":memory:");
    let salt = 0;
    // Like a codec that encrypts, it never writes the same bytes twice.
    const salted: Codec<string> = {
      encode: (value) => new TextEncoder().encode(`${value}#${salt++}`),
      decode: (bytes) => new TextDecoder().decode(bytes).split("#")[0]!,
    };
    const without = db.tree("without", { key: string, value: salted });
    await without.set("k", "a");
    assert(!await without.compareAndSet("k", "a", "b"));
    const equals = (a: string, b: string) => a === b;
    const tree = db.tree("with", { key: string, value: { ...salted, equals } });
    await tree.set("k", "a");
    assert(!await tree.compareAndSet("k", "b", "c"));
    assert(await tree.compareAndSet("k", "a", "b"));
    assertEquals(tree.get("k"), "b");
  });
});

/** Byte arrays with a detached or shrunk buffer. */
function goneBytes(): Uint8Array[] {
  const detached = new Uint8Array([1, 2, 3]);
  structuredClone(detached.buffer, { transfer: [detached.buffer] });
  const cut = new ArrayBuffer(8, { maxByteLength: 8 });
  const outside = new Uint8Array(cut, 4, 4);
  cut.resize(2);
  return [detached, outside];
}

describe("detached buffers", () => {
  it("are refused as keys and as values", async () => {
    using db = open(":memory:");
    const tree = db.tree("a");
    const only = db.tree("b", { key: bytes, value: bytes });
    const tuples = db.tree("c", { key: tuple, value: structured });
    const own: KeyCodec<Uint8Array> = { encode: (value) => value, decode: (value) => value };
    const custom = db.tree("d", { key: own, value: own });
    const fine = new Uint8Array(0);
    for (const gone of goneBytes()) {
      const uses: (() => unknown)[] = [tree, only, custom].flatMap((tree) => [
        () => tree.get(gone),
        () => tree.has(gone),
        () => tree.delete(gone),
        () => tree.set(gone, fine),
        () => tree.set(fine, gone),
        () => tree.setMany([[fine, gone]]),
        () => tree.setIfAbsent(fine, gone),
        () => tree.load([[fine, gone]]),
        () => tree.update(fine, () => gone),
        () => tree.compareAndSet(fine, undefined, gone),
        () => tree.compareAndSet(fine, gone, undefined),
        () => tree.entries({ gte: gone }),
        () => tree.keys({ prefix: gone }),
        () => tree.setStream(gone, new Blob([]).stream()),
      ]);
      uses.push(
        () => tuples.get([gone]),
        () => tuples.set([], gone),
        () => tuples.set([], { a: [gone] }),
        () => db.inspect().descend("a", gone),
        ...[bytes, keyBytes, structured].map((codec) => () => codec.encode(gone)),
        () => bytes.encodeInto!(gone, new Uint8Array(9)),
      );
      for (const use of uses) {
        await assertRejects(async () => await use(), TypeError, "Cannot ", String(use));
      }
    }
    for (const tree of db.trees()) assertEquals(db.tree(tree).count(), 0, tree);
    assertEquals(db.version, 0);
  });

  it("are refused from a stream, even if detached while it is read", async () => {
    using db = open(":memory:");
    const tree = db.tree("a");
    for (const gone of goneBytes()) {
      const stream = ReadableStream.from([new Uint8Array(5), gone]);
      await assertRejects(() => tree.setStream("k", stream), TypeError, "Cannot set: ");
    }
    const large = new Uint8Array(5_000_000);
    const promise = tree.setStream("k", ReadableStream.from([large]));
    const timer = setInterval(() => {
      if (!large.buffer.detached) structuredClone(large.buffer, { transfer: [large.buffer] });
    });
    await assertRejects(() => promise, TypeError, "Cannot set: ");
    clearInterval(timer);
    assert(!tree.has("k"));
  });

  it("are not confused with empty arrays", async () => {
    using db = open(":memory:");
    const tree = db.tree("a");
    const empty = [new Uint8Array(0), new Uint8Array(new ArrayBuffer(0, { maxByteLength: 8 }))];
    for (const bytes of [...empty, new Uint8Array(8).subarray(8)]) {
      await tree.set(bytes, bytes);
      assertEquals(tree.get(bytes), new Uint8Array(0));
      assertEquals(structured.decode(structured.encode(bytes)), new Uint8Array(0));
      assertEquals(tuple.decode(tuple.encode([bytes])), [new Uint8Array(0)]);
    }
  });
});
