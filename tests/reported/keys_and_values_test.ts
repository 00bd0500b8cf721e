/**
 * Problems with keys and values that users of other stores reported, tried against the public API.
 * The comment of each test names the report.
 */

import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { json, open, string, structured, tuple, u64 } from "../../mod.ts";

const VALUE = new Uint8Array([1]);

describe("what users of other stores reported: keys", () => {
  // kriszyp/lmdb-js issue 190: "a,\0" was stored as "a,", and could overwrite it.
  it("a zero character at the end of a key is cut off, and the key overwrites another", () => {
    using db = open(":memory:");
    const texts = db.tree("texts", { key: string, value: string });
    const tuples = db.tree("tuples", { key: tuple, value: string });
    for (const key of ["a,", "a,\0", "a,\0\0", "\0", ""]) {
      texts.set(key, `text ${key}`);
      tuples.set([key], `one ${key}`);
      tuples.set([key, ""], `two ${key}`);
    }
    assertEquals(texts.keys().toArray(), ["", "\0", "a,", "a,\0", "a,\0\0"]);
    assertEquals(tuples.count(), 10);
    for (const key of ["a,", "a,\0", "a,\0\0", "\0", ""]) {
      assertEquals(texts.get(key), `text ${key}`);
      assertEquals([tuples.get([key]), tuples.get([key, ""])], [`one ${key}`, `two ${key}`]);
    }
  });

  // w3c/IndexedDB issue 375, rethinkdb/rethinkdb issue 3637, Agoric/agoric-sdk issue 4464.
  it("-0, 0 and NaN as keys hide each other, or come back as something else", () => {
    using db = open(":memory:");
    const tree = db.tree("numbers", { key: tuple, value: string });
    const numbers = [-Infinity, -1, -Number.MIN_VALUE, -0, 0, Number.MIN_VALUE, 1, Infinity, NaN];
    for (const number of numbers.toReversed()) tree.set([number], `${1 / number}`);
    assertEquals(tree.count(), numbers.length, "-0 and 0 are two keys, as in Deno KV");
    const found = tree.keys().map(([number]) => number).toArray();
    assert(found.every((number, i) => Object.is(number, numbers[i])), `${found}`);
    for (const number of numbers) assertEquals(tree.get([number]), `${1 / number}`);
    tree.set([-NaN], "again");
    assertEquals([tree.get([NaN]), tree.count()], ["again", numbers.length]);
  });

  // jnwatson/py-lmdb issue 91: "11" comes before "2".
  it("number 11 sorts before number 2", () => {
    using db = open(":memory:");
    const texts = db.tree("texts", { key: string, value: string });
    const numbers = db.tree("numbers", { key: u64, value: string });
    const tuples = db.tree("tuples", { key: tuple, value: string });
    for (const number of [100, 2, 11]) {
      texts.set(`${number}`, "");
      numbers.set(number, "");
      tuples.set(["n", number], "");
    }
    assertEquals(texts.keys().toArray(), ["100", "11", "2"], "texts sort as texts");
    assertEquals(numbers.keys().toArray(), [2n, 11n, 100n]);
    assertEquals(tuples.keys().map(([, number]) => number).toArray(), [2, 11, 100]);
  });

  // apache/couchdb-documentation issue 382: is a composed letter equal to a decomposed one?
  it("two texts that look alike are one key, or one that looks alike is not found", () => {
    using db = open(":memory:");
    const tree = db.tree("texts", { key: string, value: string });
    const composed = "caf\u00e9";
    const decomposed = composed.normalize("NFD");
    assertNotEquals(composed, decomposed);
    tree.set(composed, "composed");
    assertEquals(tree.get(decomposed), undefined);
    tree.set(decomposed, "decomposed");
    assertEquals([tree.get(composed), tree.count()], ["composed", 2]);
    for (const name of [composed, decomposed]) db.tree(name).set("k", VALUE);
    assertEquals(db.trees().filter((name) => name.startsWith("caf")).length, 2);
    // The order is that of code points in every locale, not of letters in one.
    for (const key of ["z", "Z", "a", "\u00e4"]) tree.set(key, "");
    assertEquals(tree.keys({ gt: "Z" }).toArray().at(-1), "\u00e4");
    assertEquals(tree.first()?.[0], "Z");
  });

  // dominictarr/level-sublevel issues 3 and 64: a name with the separator in it met other names.
  it("a key of one tree shows up in another whose name begins alike", () => {
    using db = open(":memory:");
    const names = ["a", "a!", "a!b", "a\0", "a\0b", "a/b", "ab", "!a!", "a\u00ff"];
    for (const name of names) {
      for (const key of ["", "b", "!b", "\0b", "/b"]) db.tree(name).set(key, VALUE);
    }
    for (const name of names) assertEquals(db.tree(name).count(), 5, name);
    db.tree("a").clear();
    db.dropTree("a!");
    for (const name of names.slice(2)) assertEquals(db.tree(name).count(), 5, name);
    assertEquals([db.tree("a").count(), db.tree("a!").count()], [0, 0]);
  });

  // oven-sh/bun issue 24475 (nedb), typicode/lowdb pull request 613.
  it("a key or a field named __proto__ changes every object of the program", () => {
    using db = open(":memory:");
    const names = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty"];
    const hostile = JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":2}}');
    for (const codec of [json, structured]) {
      for (const name of names) {
        const tree = db.tree(`${codec.name} ${name}`, { key: string, value: codec });
        tree.set(name, hostile);
        assertEquals(tree.keys().toArray(), [name]);
        const found = tree.get(name) as object;
        assertEquals(Object.keys(found), ["__proto__", "constructor"]);
        assertEquals(Object.getPrototypeOf(found), Object.prototype);
      }
    }
    for (const name of names) db.tree(name).set(name, VALUE);
    for (const name of names) assertEquals(db.tree(name).get(name), VALUE);
    assertEquals(db.codecsOf("__proto__"), db.codecsOf("toString"));
    assertEquals(({} as Record<string, unknown>)["polluted"], undefined);
  });
});

describe("what users of other stores reported: values", () => {
  // WiseLibs/better-sqlite3 issue 1046, TryGhost/node-sqlite3 issue 922.
  it("integers past 2^53 come back as other integers, without a word", () => {
    using db = open(":memory:");
    const past = [2n ** 53n, 2n ** 53n + 1n, 1152735103331642317n, 2n ** 64n - 1n];
    const keys = db.tree("keys", { key: u64, value: u64 });
    const tuples = db.tree("tuples", { key: tuple, value: structured });
    for (const number of past) {
      keys.set(number, number);
      tuples.set([number], { number });
    }
    assertEquals([...keys], past.map((number) => [number, number]));
    assertEquals([...tuples], past.map((number) => [[number], { number }]));
    assertThrows(() => u64.encode(2 ** 53), RangeError);
    assertThrows(() => u64.encode(2n ** 64n), RangeError);
    assertThrows(() => json.encode({ number: 1n }), TypeError);
  });

  // kriszyp/lmdb-js issue 244: the best way to count, which must not stop at 2^53.
  it("a counter that many raise at once loses some, or stops at 2^53", async () => {
    using db = open(":memory:");
    const tree = db.tree("counters", { key: string, value: u64 });
    await tree.set("hits", 2n ** 53n - 50n);
    const raise = () => tree.update("hits", (hits) => (hits as bigint) + 1n);
    await Promise.all(Array.from({ length: 100 }, raise));
    assertEquals(tree.get("hits"), 2n ** 53n + 50n);
    await tree.set("hits", 2n ** 64n - 1n);
    await assertRejects(raise, RangeError);
    assertEquals(tree.get("hits"), 2n ** 64n - 1n, "it does not begin again at 0");
  });

  // kriszyp/lmdb-js issue 7: a value that could not be read could not be replaced either.
  it("one value cannot be decoded, and I can neither overwrite nor remove it", async () => {
    using db = open(":memory:");
    const strict = {
      encode: (text: string) => string.encode(text),
      decode: (bytes: Uint8Array) => {
        if (bytes[0] === 0x3f) throw new SyntaxError("a question mark");
        return string.decode(bytes);
      },
    };
    const tree = db.tree("texts", { key: string, value: strict });
    for (const key of ["a", "b", "c", "d", "e"]) await tree.set(key, "?");
    assertThrows(() => tree.get("a"), SyntaxError);
    assertEquals([tree.has("a"), tree.count(), tree.keys().toArray().length], [true, 5, 5]);
    await tree.set("a", "good");
    assertEquals(await tree.delete("b"), true);
    assertEquals(await tree.setIfAbsent("c", "good"), false);
    await tree.setMany([["c", "good"]]);
    assertEquals(await tree.deleteRange({ gte: "d" }), 2);
    assertEquals([...tree], [["a", "good"], ["c", "good"]]);
  });

  // kriszyp/lmdb-js issue 7 again: Date was refused, or lost its milliseconds.
  it("Date, Map, bigint and typed arrays are refused, or come back as something else", () => {
    using db = open(":memory:");
    const tree = db.tree("values", { key: string, value: structured });
    const values = {
      date: new Date(1_600_000_000_123),
      before: new Date(-1),
      invalid: new Date(NaN),
      map: new Map([[{ a: 1n }, new Set([new Date(5)])]]),
      bytes: new Uint8ClampedArray([1, 255]),
      numbers: new Float64Array([-0, NaN]),
      sparse: [1, , 3],
      boxed: Object(5n),
      pattern: /a+/gi,
      text: "\0\ud800",
    };
    for (const [key, value] of Object.entries(values)) tree.set(key, value);
    for (const [key, value] of Object.entries(values)) {
      assertEquals(tree.get(key), value, key);
      assertEquals(
        Object.prototype.toString.call(tree.get(key)),
        Object.prototype.toString.call(value),
      );
    }
    assertEquals(Object.keys(tree.get("sparse") as unknown[]), ["0", "2"]);
  });

  // denoland/deno issue 34334, denoland/deploy_feedback issue 529: values that could not be read.
  it("a Blob, a Response or an instance of my class is stored and comes back empty", () => {
    using db = open(":memory:");
    const tree = db.tree("values", { key: string, value: structured });
    class Point {
      #hidden = 3;
      readonly x = 1;
      sum(): number {
        return this.x + this.#hidden;
      }
    }
    // Own data properties are stored, as documented, and nothing that cannot be read.
    tree.set("point", new Point());
    assertEquals(tree.get("point"), { x: 1 });
    const others = [new Blob(["b"]), new Response("r"), new URL("http://a/"), new Headers()];
    for (const value of others) {
      tree.set("other", value);
      assertEquals(tree.get("other"), {});
    }
    const refused = [Promise.resolve(1), new WeakMap(), () => 1, Symbol("s"), [1, () => 1]];
    for (const value of refused) assertThrows(() => structured.encode(value), TypeError);
    assertThrows(() => structured.encode(new Proxy({}, {})), TypeError);
    assertEquals(tree.count(), 2);
  });

  // iterate/iterate pull request 2158: null, NaN and no entry at all looked the same.
  it("null, false, 0, NaN or an empty text look as if there were no entry", () => {
    using db = open(":memory:");
    for (const codec of [json, structured]) {
      const tree = db.tree(codec.name!, { key: string, value: codec });
      const values = [null, false, 0, "", [], {}];
      values.forEach((value, i) => tree.set(`${i}`, value));
      assertEquals(tree.values().toArray(), values);
      assertEquals(tree.getMany(["0", "1", "none"]), [null, false, undefined]);
      values.forEach((_, i) => assert(tree.has(`${i}`)));
      assertEquals(tree.has("none"), false);
      assertThrows(() => db.writeSync((tx) => tx.tree(tree).set("none", undefined)), TypeError);
    }
    const bytes = db.tree("bytes");
    bytes.set("", new Uint8Array(0));
    assertEquals([bytes.get(""), bytes.has(""), bytes.count()], [new Uint8Array(0), true, 1]);
  });
});

describe("what users of other stores reported: transactions", () => {
  // couchbase/moss issue 22, dashpay/grovedb issue 698, ipfs/go-ds-flatfs pull request 150.
  it("I set and delete one key several times in a batch, and the wrong one wins", async () => {
    using db = open(":memory:");
    const tree = db.tree("texts", { key: string, value: string });
    await tree.set("committed", "0");
    await db.write((tx) => {
      const inside = tx.tree(tree);
      inside.set("set last", "1");
      inside.delete("set last");
      inside.set("set last", "2");
      inside.delete("deleted last");
      inside.set("deleted last", "1");
      inside.delete("deleted last");
      inside.set("cleared", "1");
      inside.set("committed", "1");
    });
    assertEquals([...tree], [["cleared", "1"], ["committed", "1"], ["set last", "2"]]);
    await db.write((tx) => {
      const inside = tx.tree(tree);
      inside.set("cleared", "2");
      inside.set("new", "1");
      assertEquals(inside.clear(), 4);
      inside.set("after", "1");
    });
    assertEquals([...tree], [["after", "1"]]);
    await tree.setMany([["k", "1"], ["k", "2"], ["after", "2"], ["k", "3"]]);
    assertEquals([...tree], [["after", "2"], ["k", "3"]]);
  });

  // kriszyp/lmdb-js issue 7: after a remove a conditional put still saw the old version.
  it("I remove a key, and cannot insert it again if it is not there", async () => {
    using db = open(":memory:");
    const tree = db.tree("texts", { key: string, value: string });
    for (let round = 0; round < 3; round++) {
      assertEquals(await tree.compareAndSet("k", undefined, "first"), true);
      assertEquals(await tree.compareAndSet("k", undefined, "second"), false);
      assertEquals(await tree.delete("k"), true);
      assertEquals(await tree.delete("k"), false);
      assertEquals(await tree.setIfAbsent("k", "again"), true);
      assertEquals(await tree.compareAndSet("k", "first", "x"), false);
      assertEquals(await tree.compareAndSet("k", "again", undefined), true);
      assertEquals(tree.has("k"), false);
    }
  });
});
