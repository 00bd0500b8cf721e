// Trees with codecs: every method with every pair of codecs, trees reopened with other codecs, and
// user codecs that throw, return garbage, or reuse their memory.

import { Buffer } from "node:buffer";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { CorruptionError, MemoryFile } from "../pager/mod.ts";
import { openBoth, openOn } from "../tests/support/databases/database.ts";
import {
  bytes,
  type Codec,
  json,
  keyBytes,
  type KeyCodec,
  string,
  structured,
  tuple,
  type TuplePart,
  u64,
} from "./codec/mod.ts";
import type { Database } from "./database.ts";
import type { Codecs } from "./read/tree_format.ts";
import type { Tree } from "./tree.ts";

const VALUE = new Uint8Array([1]);

/** A codec with keys for it, in their order. */
interface Keys {
  readonly codec: KeyCodec<unknown, never, never>;
  readonly keys: readonly unknown[];
}

/** A codec with four values for it, no two alike, one of them large. */
interface Values {
  readonly codec: Codec<unknown, never>;
  readonly values: readonly unknown[];
}

function keys<K, KI extends K, P>(codec: KeyCodec<K, KI, P>, list: readonly KI[]): Keys {
  return { codec: codec as unknown as Keys["codec"], keys: list };
}

function values<V>(codec: Codec<V>, list: readonly V[]): Values {
  return { codec: codec as unknown as Values["codec"], values: list };
}

const LARGE = "large ".repeat(3000);
const octets = (...list: number[]) => new Uint8Array(list);

const KEYS: Record<string, Keys> = {
  bytes: keys(bytes, [octets(), octets(0), octets(0, 0), octets(1), octets(255, 255)]),
  keyBytes: keys<Uint8Array, Uint8Array, unknown>(
    keyBytes as KeyCodec<Uint8Array, Uint8Array, unknown>,
    [octets(), octets(0), octets(97), octets(97, 0), octets(255)],
  ),
  string: keys(string, ["", "\0", "a", "a\0", "\ue000", "\u{1f600}"]),
  tuple: keys<TuplePart[], TuplePart[], unknown>(
    tuple as unknown as KeyCodec<TuplePart[], TuplePart[], unknown>,
    [[], [octets(1)], ["a"], ["a", 1], ["a", 1, true], ["b"], [-Infinity], [-1], [0], [1n], [true]],
  ),
  u64: keys<bigint, bigint, never>(u64 as KeyCodec<bigint, bigint, never>, [
    0n,
    1n,
    255n,
    256n,
    2n ** 32n,
    2n ** 63n,
    2n ** 64n - 1n,
  ]),
};

const VALUES: Record<string, Values> = {
  bytes: values(bytes, [octets(), octets(0), octets(1, 2), new Uint8Array(20_000).fill(7)]),
  string: values(string, ["", "a", "\ufeff\0", LARGE]),
  json: values(json, [null, 0, { a: [1, "b"] }, LARGE]),
  structured: values(structured, [
    null,
    new Map([["a", new Date(5)]]),
    [1n, /x/g],
    { large: LARGE },
  ]),
  tuple: values<TuplePart[]>(tuple as unknown as Codec<TuplePart[]>, [[], [1n, "a"], [-0], [
    LARGE,
  ]]),
  u64: values<bigint>(u64 as unknown as Codec<bigint>, [0n, 1n, 2n ** 63n, 2n ** 64n - 1n]),
};

type AnyTree = Tree<unknown, unknown, unknown, unknown, unknown>;

function openTree(db: Database, { codec: key }: Keys, { codec: value }: Values): AnyTree {
  return db.tree("tree", { key, value }) as unknown as AnyTree;
}

describe("a tree with codecs", () => {
  for (const [keyName, keyed] of Object.entries(KEYS)) {
    for (const [valueName, valued] of Object.entries(VALUES)) {
      it(`keeps what it is given: keys ${keyName}, values ${valueName}`, async () => {
        const file = new MemoryFile();
        const db = openOn(file);
        const tree = openTree(db, keyed, valued);
        const entries = keyed.keys.map((key, i) => [key, valued.values[i & 3]] as const);
        for (const [key, value] of entries.toReversed()) await tree.set(key, value);
        assertReads(tree, entries);
        using snapshot = db.snapshot();
        await tree.clear();
        assertReads(snapshot.tree(tree), entries);
        assertEquals(await tree.load(entries), entries.length);
        assertReads(tree, entries);
        db.writeSync((tx) => assertReads(tx.tree(tree), entries));
        await assertChanges(tree, entries);
        snapshot.close();
        db.close();
        const again = openOn(file);
        assertReads(openTree(again, keyed, valued), entries);
        again.close();
      });
    }
  }

  it("finds prefixes of tuples, which are whole parts", async () => {
    const db = openOn(new MemoryFile());
    const tree = db.tree("tree", { key: tuple, value: string });
    for (const key of [["ES"], ["ES", "M"], ["ES", "M", 1], ["ES", "Ma"], ["ESx"], ["PT", "L"]]) {
      await tree.set(key, key.join("/"));
    }
    const found = (range: Parameters<typeof tree.values>[0]) => [...tree.values(range)];
    assertEquals(found({ prefix: ["ES"] }), ["ES", "ES/M", "ES/M/1", "ES/Ma"]);
    assertEquals(found({ prefix: ["ES", "M"] }), ["ES/M", "ES/M/1"]);
    assertEquals(found({ prefix: [] }).length, 6);
    assertEquals(found({ prefix: ["ES"], gt: ["ES", "M"] }), ["ES/M/1", "ES/Ma"]);
    assertEquals(found({ prefix: ["ES"], lt: ["ES", "M"], reverse: true }), ["ES"]);
    assertEquals(found({ gte: ["ES", "Ma"], lte: ["PT"] }), ["ES/Ma", "ESx"]);
    assertEquals([tree.count({ prefix: ["ES"] }), tree.count({ prefix: ["E"] })], [4, 0]);
    assertEquals(await tree.deleteRange({ prefix: ["ES", "M"] }), 2);
    assertEquals(tree.last({ prefix: ["ES"] }), [["ES", "Ma"], "ES/Ma"]);
    db.close();
  });

  it("finds prefixes of text, which may end within a word and not within a letter", async () => {
    const db = openOn(new MemoryFile());
    const tree = db.tree("tree", { key: string, value: u64 });
    const words = ["", "Lis", "Lisboa", "Lisbon", "Lit", "\u00e9", "\u00e9t\u00e9", "\uffff"];
    await tree.setMany(words.map((word, i) => [word, i]));
    assertEquals([...tree.keys({ prefix: "Lis" })], ["Lis", "Lisboa", "Lisbon"]);
    assertEquals([...tree.keys({ prefix: "" })], words);
    assertEquals([...tree.keys({ prefix: "\u00e9", reverse: true })], ["\u00e9t\u00e9", "\u00e9"]);
    assertEquals([...tree.keys({ gt: "Lis", lt: "Lit" })], ["Lisboa", "Lisbon"]);
    assertThrows(() => tree.keys({ prefix: "\ud83d" }), TypeError, "lone surrogate");
    db.close();
  });

  it("takes ranges of numbers as numbers and bigints", async () => {
    const db = openOn(new MemoryFile());
    const tree = db.tree("tree", { key: u64 });
    for (let i = 0; i < 600; i++) await tree.set(i * 2, VALUE);
    assertEquals([...tree.keys({ gte: 254, lte: 258n })], [254n, 256n, 258n]);
    assertEquals([...tree.keys({ gt: 254, lt: 259 })], [256n, 258n]);
    assertEquals(tree.count({ gte: 255n, lt: 2n ** 64n - 1n }), 600 - 128);
    assertEquals(tree.last({ lt: 7 })?.[0], 6n);
    assertThrows(() => tree.keys({ gte: -1 }), RangeError);
    assertThrows(() => tree.count({ lt: 2n ** 64n }), RangeError);
    db.close();
  });
});

/** Asks everything there is to ask. */
function assertReads(
  tree: Pick<AnyTree, "get" | "getMany" | "has" | "count" | "first" | "last" | "entries"> & {
    keys: AnyTree["keys"];
    values: AnyTree["values"];
  },
  entries: readonly (readonly [unknown, unknown])[],
): void {
  const keys = entries.map(([key]) => key);
  assertEquals([...tree.entries()], entries);
  assertEquals([...tree.keys({ reverse: true })], keys.toReversed());
  assertEquals([...tree.values()], entries.map(([, value]) => value));
  assertEquals(tree.getMany(keys), entries.map(([, value]) => value));
  assertEquals([tree.count(), tree.first(), tree.last()], [
    keys.length,
    [...entries[0]!],
    [...entries.at(-1)!],
  ]);
  for (let at = 0; at < keys.length; at++) {
    const key = keys[at];
    assertEquals([tree.has(key), tree.get(key)], [true, entries[at]![1]]);
    assertEquals([...tree.keys({ gte: key })], keys.slice(at));
    assertEquals([...tree.keys({ gt: key, limit: 2 })], keys.slice(at + 1, at + 3));
    assertEquals([tree.count({ lt: key }), tree.count({ lte: key })], [at, at + 1]);
  }
}

/** Changes the first entry in every way there is, and leaves it as it was. */
async function assertChanges(
  tree: AnyTree,
  entries: readonly (readonly [unknown, unknown])[],
): Promise<void> {
  const [key, value] = entries[0]!;
  const other = entries[1]![1];
  assertEquals(await tree.setIfAbsent(key, other), false);
  assertEquals(await tree.delete(key), true);
  assertEquals(await tree.setIfAbsent(key, other), true);
  assertEquals(await tree.compareAndSet(key, value, other), false);
  assertEquals(await tree.compareAndSet(key, other, value), true);
  assertEquals(await tree.update(key, (now) => (assertEquals(now, value), other)), other);
  assertEquals(await tree.update(key, (now) => void assertEquals(now, other)), undefined);
  assertEquals(tree.has(key), false);
  assertEquals(await tree.setMany([[key, other], [key, value]]), 2);
  assertEquals(tree.get(key), value);
}

describe("a tree opened with other codecs than it was made with", () => {
  const other: Codecs<unknown, unknown, never, never, never>[] = [
    {},
    { key: tuple as never },
    { value: structured },
    { key: string as never, value: structured },
    { key: u64 as never, value: json },
  ];

  async function make(): Promise<MemoryFile> {
    const file = new MemoryFile();
    const db = openOn(file);
    await db.tree("made", { key: string, value: json }).set("a", 1);
    db.close();
    return file;
  }

  it("is refused, when it is reopened and by its name in a transaction or a snapshot", async () => {
    const file = await make();
    const db = openOn(file);
    const refusal = ["Cannot open tree made: its ", " not "];
    for (const codecs of other) {
      assertThrows(() => db.tree("made", codecs), TypeError, refusal[0]);
      db.writeSync((tx) => {
        const inside = tx.tree("made", codecs);
        assertThrows(() => inside.get("a" as never), TypeError);
        assertThrows(() => inside.count(), TypeError, refusal[0]);
        assertThrows(() => inside.clear(), TypeError, refusal[0]);
        assertThrows(() => [...inside.keys()], TypeError, refusal[0]);
      });
      using snapshot = db.snapshot();
      assertThrows(() => snapshot.tree("made", codecs).first(), TypeError, refusal[0]);
    }
    assertEquals(db.codecsOf("made"), { key: "string", value: "json" });
    assertEquals([...db.tree("made", { key: string, value: json })], [["a", 1]]);
    db.close();
  });

  it("refuses to be written, which dooms the transaction that tries", async () => {
    const db = openOn(await make());
    const { version } = db;
    const write = () =>
      db.writeSync((tx) => {
        tx.tree("new").set("a", VALUE);
        try {
          tx.tree("made").set("a", VALUE);
        } catch {
          // The error that is caught here has doomed the transaction.
        }
      });
    assertThrows(write, TypeError, "its keys are string, not bytes");
    assertEquals([db.trees(), db.version], [["made"], version]);
    db.close();
  });

  it("is refused after it was renamed or dropped and made anew, by handles of before", async () => {
    const db = openOn(await make());
    const before = db.tree("made", { key: string, value: json });
    db.renameTree("made", "moved");
    assertEquals([before.get("a"), before.count()], [undefined, 0]);
    assertThrows(() => db.tree("moved"), TypeError, "its keys are string, not bytes");
    const bytesOfNow = db.tree("made");
    await bytesOfNow.set("a", VALUE);
    assertThrows(() => before.get("a"), TypeError, "its keys are bytes, not string");
    await assertRejects(() => before.set("a", 1), TypeError, "its keys are bytes, not string");
    assertThrows(() => [...before], TypeError);
    assertEquals([bytesOfNow.get("a"), bytesOfNow.count()], [VALUE, 1]);
    db.dropTree("made");
    assertEquals(before.count(), 0);
    await before.set("b", 2);
    assertEquals(before.get("b"), 2);
    assertThrows(() => bytesOfNow.get("b"), TypeError, "its keys are string, not bytes");
    db.close();
  });

  it("may be opened with its own after a rename to a name that was open", async () => {
    const db = openOn(await make());
    // Opened and never written, so nothing of it is kept.
    const unmade = db.tree("wanted", { key: u64 });
    db.renameTree("made", "wanted");
    assertEquals(db.tree("wanted", { key: string, value: json }).get("a"), 1);
    assertThrows(() => unmade.count(), TypeError, "its keys are string, not u64");
    db.close();
  });

  it("is the same tree where the codecs are those that go without saying", () => {
    const db = openOn(new MemoryFile());
    assert(db.tree("a") === db.tree("a", { key: keyBytes, value: bytes }) as unknown);
    assertThrows(() => db.tree("a", { value: json }), TypeError, "it is open with other codecs");
    db.close();
  });

  it("comes with no codecs where a tree and not a name is given", () => {
    const db = openOn(new MemoryFile());
    const tree = db.tree("a", { key: string });
    const given = { key: string };
    const refusal = "Cannot use tree a: it has codecs";
    db.writeSync((tx) => assertThrows(() => tx.tree(tree, given), TypeError, refusal));
    using snapshot = db.snapshot();
    assertThrows(() => snapshot.tree(tree, given), TypeError, refusal);
    assertEquals(snapshot.tree(tree, {}).count(), 0);
    for (const wrong of [{ codec: json }, null, 1] as never[]) {
      assertThrows(() => snapshot.tree("a", wrong), TypeError, "Cannot open a tree: ");
      assertThrows(() => db.writeSync((tx) => tx.tree("a", wrong)), TypeError, "Cannot open a tre");
      assertThrows(() => snapshot.tree(tree, wrong), TypeError, "Cannot open a tree: ");
    }
    db.close();
  });
});

/** Text, by way of one and the same memory. */
function reusing(memory = new Uint8Array(64)): KeyCodec<string> {
  return {
    encode(value: string): Uint8Array {
      memory.fill(0xee);
      return memory.subarray(0, new TextEncoder().encodeInto(value, memory).written);
    },
    decode: (bytes: Uint8Array): string => new TextDecoder().decode(bytes),
  };
}

describe("a codec of a user's", () => {
  const named = (name: string): KeyCodec<string> => ({ ...reusing(), name });

  it("needs no name, and is not checked then", async () => {
    const file = new MemoryFile();
    const db = openOn(file);
    await db.tree("tree", { key: reusing(), value: reusing() }).set("a", "b");
    assertEquals(db.codecsOf("tree"), { key: "", value: "" });
    db.close();
    const again = openOn(file);
    assertEquals([...again.tree("tree", { key: string, value: string })], [["a", "b"]]);
    again.close();
  });

  it("may have any text for a name, which is kept as it is", async () => {
    const names = ["a", "\ufeffbom", "\0", "\u{1f600}", "x".repeat(255), "\u00e9".repeat(127)];
    for (const name of names) {
      const file = new MemoryFile();
      const db = openOn(file);
      await db.tree("tree", { key: named(name), value: named(name) }).set("a", "b");
      db.close();
      const again = openOn(file);
      assertEquals(again.codecsOf("tree"), { key: name, value: name });
      assertThrows(() => again.tree("tree", { key: named(`${name.slice(1)}?`) }), TypeError);
      assertEquals(again.tree("tree", { key: named(name), value: named(name) }).get("a"), "b");
      again.close();
    }
  });

  it("is refused at once when its name is empty, too long or no text", () => {
    const db = openOn(new MemoryFile());
    const wrong: [unknown, new (...args: never[]) => Error][] = [
      ["", RangeError],
      ["x".repeat(256), RangeError],
      ["\u00e9".repeat(128), RangeError],
      ["\ud800", TypeError],
      [1, TypeError],
      [null, TypeError],
    ];
    for (const [name, type] of wrong) {
      const codec = named(name as string);
      assertThrows(() => db.tree("tree", { key: codec }), type, "Cannot use the codec: its name");
      assertThrows(() => db.tree("tree", { value: codec }), type, "Cannot use the codec: its name");
    }
    db.close();
  });

  it("may use its memory again, also one codec for keys and values", async () => {
    const codec = reusing();
    const db = openOn(new MemoryFile());
    const tree = db.tree("tree", { key: codec, value: codec });
    await tree.set("key", "a value");
    assertEquals([...tree], [["key", "a value"]]);
    assertEquals(await tree.setIfAbsent("other", "second"), true);
    assertEquals(await tree.compareAndSet("other", "second", "third, longer"), true);
    assertEquals(await tree.update("key", (value) => `${value}!`), "a value!");
    await tree.setMany([["m1", "v1"], ["m2", "value 2"]]);
    assertEquals([...tree.entries({ gte: "m", lt: "m2" })], [["m1", "v1"]]);
    assertEquals([...tree.keys({ prefix: "m" })], ["m1", "m2"]);
    assertEquals([tree.get("other"), tree.get("key")], ["third, longer", "a value!"]);
    await tree.clear();
    const entries = Array.from({ length: 300 }, (_, i) => [`key ${1000 + i}`, `value ${i}`]);
    assertEquals(await tree.load(entries as [string, string][]), 300);
    assertEquals([...tree], entries as [string, string][]);
    db.close();
  });

  it("that throws changes nothing, and the transaction goes on", () => {
    const db = openOn(new MemoryFile());
    const picky: KeyCodec<string> = {
      ...reusing(),
      encode(value: string): Uint8Array {
        if (value === "bad") throw new Error("it is bad");
        return new TextEncoder().encode(value);
      },
    };
    const tree = db.tree("tree", { key: picky, value: picky });
    db.writeSync((tx) => {
      const inside = tx.tree(tree);
      inside.set("a", "1");
      const uses: ((tree: typeof inside) => unknown)[] = [
        (tree) => tree.set("a", "bad"),
        (tree) => tree.set("bad", "2"),
        (tree) => tree.get("bad"),
        (tree) => tree.update("a", () => "bad"),
        (tree) => tree.update("bad", () => "2"),
        (tree) => tree.setIfAbsent("b", "bad"),
        (tree) => tree.setIfAbsent("bad", "2"),
        (tree) => tree.compareAndSet("a", "bad", "2"),
        (tree) => tree.compareAndSet("a", "1", "bad"),
        (tree) => tree.compareAndSet("bad", undefined, "2"),
        (tree) => tree.delete("bad"),
        (tree) => tree.deleteRange({ gt: "bad" }),
        (tree) => tree.entries({ lte: "bad" }),
      ];
      for (const use of uses) assertThrows(() => use(inside), Error, "it is bad", String(use));
      inside.set("b", "2");
    });
    assertEquals([...tree], [["a", "1"], ["b", "2"]]);
    db.close();
  });

  it("that throws among many entries undoes all of them, also if the error is caught", () => {
    const db = openOn(new MemoryFile());
    const tree = db.tree("tree", { key: string, value: json });
    db.writeSync((tx) => tx.tree(tree).set("kept", 0));
    const entries: [string, unknown][] = [["a", 1], ["b", 2n]];
    for (const method of ["setMany", "load"] as const) {
      const { version } = db;
      const write = () =>
        db.writeSync((tx) => {
          const inside = tx.tree(tree);
          inside.set("before", 1);
          try {
            inside[method](entries);
          } catch {
            // The error that is caught here has doomed the transaction.
          }
        });
      assertThrows(write, TypeError, "BigInt");
      assertEquals([[...tree.keys()], db.version], [["kept"], version], method);
      db.writeSync((tx) => {
        const inside = tx.tree(tree);
        inside.set("outer", 1);
        assertThrows(() => db.writeSync(() => inside[method](entries)), TypeError, "BigInt");
        inside.delete("outer");
      });
      assertEquals([...tree.keys()], ["kept"], method);
    }
    db.close();
  });

  it("that throws when it decodes leaves the entry, and no version is kept", async () => {
    const db = openOn(new MemoryFile());
    const value: Codec<string> = {
      encode: (text) => new TextEncoder().encode(text),
      decode(bytes) {
        throw new Error(`no ${bytes.length} bytes`);
      },
    };
    const tree = db.tree("tree", { key: string, value });
    await tree.set("a", "abc");
    assertThrows(() => tree.get("a"), Error, "no 3 bytes");
    await assertRejects(() => tree.update("a", () => "b"), Error, "no 3 bytes");
    assertThrows(() => [...tree], Error, "no 3 bytes");
    assertThrows(() => tree.first(), Error, "no 3 bytes");
    assertEquals([db.stats().snapshots, [...tree.keys()], tree.count()], [0, ["a"], 1]);
    assertEquals(tree.getView("a"), new TextEncoder().encode("abc"));
    db.close();
  });

  it("that returns no bytes is refused", async () => {
    const garbage = [undefined, null, 1, "text", [1], {}, new ArrayBuffer(1), new Uint16Array(1)];
    for (const made of garbage) {
      const db = openOn(new MemoryFile());
      const codec: KeyCodec<string> = { ...reusing(), encode: () => made as Uint8Array };
      const keyed = db.tree("keyed", { key: codec });
      const valued = db.tree("valued", { value: codec });
      const refusal = "Cannot encode: the codec made";
      await assertRejects(() => keyed.set("a", VALUE), TypeError, refusal);
      assertThrows(() => keyed.get("a"), TypeError, refusal);
      assertThrows(() => keyed.keys({ prefix: "a" }), TypeError, refusal);
      await assertRejects(() => valued.set("a", "b"), TypeError, refusal);
      await assertRejects(() => valued.update("a", () => "b"), TypeError, refusal);
      assertEquals(db.trees(), []);
      db.close();
    }
  });

  it("that says it wrote a length that is none is asked to encode", async () => {
    for (const length of [-1, -5, NaN, 1.5, Infinity, 2049, 2 ** 40, "1", undefined, null, {}]) {
      const db = openOn(new MemoryFile());
      const codec: KeyCodec<string> = {
        ...reusing(),
        encodeInto(_, into) {
          into.fill(65, 0, 3);
          return length as number;
        },
      };
      const tree = db.tree("tree", { key: codec });
      await tree.set("x", VALUE);
      await tree.set("y", VALUE);
      assertEquals([...tree.keys({ gte: "x" })], ["x", "y"], String(length));
      db.close();
    }
  });

  it("may give a Buffer of memory that it uses again", async () => {
    const memory = Buffer.alloc(16);
    const codec: KeyCodec<string> = {
      encode: (text) => memory.subarray(0, memory.write(text)),
      encodePrefix: (text) => memory.subarray(0, memory.write(text)),
      decode: (bytes) => new TextDecoder().decode(bytes),
    };
    const db = openOn(new MemoryFile());
    const tree = db.tree("tree", { key: codec, value: codec });
    await tree.setMany([["a1", "v1"], ["a2", "value"], ["b1", "v3"]]);
    assertEquals([...tree.keys({ gte: "a2", lte: "b1" })], ["a2", "b1"]);
    assertEquals([...tree.keys({ prefix: "a", lt: "a2" })], ["a1"]);
    assertEquals(await tree.compareAndSet("a2", "value", "other"), true);
    assertEquals(tree.get("a2"), "other");
    db.close();
  });
});

describe("a key that is a Buffer", () => {
  it("is copied before a range or the caller changes it", async () => {
    const db = openOn(new MemoryFile());
    const tree = db.tree("tree");
    await tree.setMany([["a1", VALUE], ["a2", VALUE], ["b1", VALUE]]);
    const prefix = Buffer.from("a");
    assertEquals([tree.count({ prefix }), [...tree.keys({ prefix })].length], [2, 2]);
    assertEquals(prefix.toString(), "a");
    const bound = Buffer.from("a2");
    const found = tree.keys({ gte: bound });
    bound.fill(0xff);
    assertEquals([...found].length, 2);
    db.close();
  });
});

describe("what the catalog says of codecs, malformed", () => {
  const malformed: Record<string, number[]> = {
    "one name": [1, 97],
    "a name cut short": [1, 97, 3, 98],
    "a name and more": [1, 97, 1, 98, 0],
    "one byte": [0],
    "a length past the end": [200, 97, 1, 98],
    "no UTF-8": [1, 0xff, 1, 97],
    "no UTF-8 in the second": [1, 97, 2, 0xc3, 0x28],
  };
  for (const [what, attributes] of Object.entries(malformed)) {
    it(`is CorruptionError wherever the tree is opened: ${what}`, () => {
      const { db, session } = openBoth(new MemoryFile());
      const opened = db.tree("bad");
      db.writeSync(() => {
        session.catalog.create("bad", { attributes: Uint8Array.from(attributes) });
        session.treesChanged();
      });
      db.writeSync((tx) => tx.tree("good").set("a", VALUE));
      const { version } = db;
      const refusal = "names codecs that are malformed";
      assertThrows(() => db.codecsOf("bad"), CorruptionError, refusal);
      assertThrows(() => opened.get("a"), CorruptionError, refusal);
      assertThrows(() => [...opened], CorruptionError, refusal);
      db.renameTree("bad", "moved");
      assertThrows(() => db.tree("moved", { key: string }), CorruptionError, refusal);
      using snapshot = db.snapshot();
      assertThrows(() => snapshot.tree("moved").count(), CorruptionError, refusal);
      const write = () => db.writeSync((tx) => tx.tree("moved").set("a", VALUE));
      assertThrows(write, CorruptionError, refusal);
      assertEquals([db.version, db.trees()], [version + 1, ["good", "moved"]]);
      assertEquals(db.dropTree("moved"), true);
      db.close();
    });
  }
});
