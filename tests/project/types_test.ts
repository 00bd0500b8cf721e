/**
 * The types of the public API: how codecs determine the types of a tree, in every read and change,
 * and what the compiler refuses. A line marked as an error without one fails the check.
 *
 * The uses are compiled and not run, except for the one that omits every option.
 */

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { ExploreOptions } from "../../cli/mod.ts";
import {
  bytes,
  type Codec,
  type Codecs,
  type Database,
  type DatabaseStats,
  json,
  keyBytes,
  type KeyCodec,
  type KeyRange,
  open,
  type OpenOptions,
  type PrefetchOptions,
  type ProgressOptions,
  type Range,
  type ReadTree,
  salvage,
  type SalvageOptions,
  type Snapshot,
  string,
  structured,
  type Sync,
  type Transaction,
  type TransactionTree,
  type Tree,
  tuple,
  type TuplePart,
  u64,
  type ValueCodec,
  verify,
  type VerifyFileOptions,
  type VerifyOptions,
  type WatchOptions,
  type WriteOptions,
} from "../../mod.ts";
import type { PagerOptions, PagerStats } from "../../pager/mod.ts";

/** True if two types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true
  : false;

/** True if every option may be undefined, which means that it is omitted. */
type TakesUndefined<T> = { [K in keyof T]-?: undefined } extends T ? true : false;

/** Fails the type check if two types differ. */
function same<_Is extends true>(): void {}

/** Accepts a use for the compiler, and does not run it. */
function compiles(_use: (db: Database, tx: Transaction, snapshot: Snapshot) => unknown): void {}

const VALUE = new Uint8Array([1]);

interface City {
  readonly population: number;
}

type CityKey = [country: string, city: string];
const cityCodecs = { key: tuple.as<CityKey>(), value: json.as<City>() };

const date: KeyCodec<Date> = {
  encode: (value) => string.encode(value.toISOString()),
  decode: (bytes) => new Date(string.decode(bytes)),
};

describe("the types of a tree without codecs", () => {
  it("are bytes, and keys may be given as text", () => {
    compiles(async (db) => {
      const tree = db.tree("a");
      same<Same<typeof tree, Tree>>();
      same<Same<ReturnType<typeof tree.get>, Uint8Array | undefined>>();
      same<Same<Parameters<typeof tree.get>, [key: Uint8Array | string]>>();
      same<Same<Parameters<typeof tree.set>, [key: Uint8Array | string, value: Uint8Array]>>();
      await tree.set("a", new Uint8Array(1));
      for (const [key, value] of tree) {
        same<Same<typeof key, Uint8Array>>();
        same<Same<typeof value, Uint8Array>>();
      }
      tree.keys({ prefix: "a", gt: new Uint8Array(1), limit: 1, reverse: true });
      // @ts-expect-error: a number is no key,
      tree.get(1);
      // @ts-expect-error: text is no value,
      await tree.set("a", "b");
      // @ts-expect-error: nor is one left out.
      await tree.set("a");
    });
  });

  it("are the same with explicit default codecs", () => {
    compiles((db) => {
      same<Same<Tree, ReturnType<typeof withKeyBytes>>>();
      function withKeyBytes() {
        return db.tree("a", { key: keyBytes, value: bytes });
      }
      const strict = db.tree("a", { key: bytes });
      // @ts-expect-error: the codec bytes takes bytes alone.
      strict.get("a");
    });
  });
});

describe("the types of a tree with codecs", () => {
  it("are those of the codecs", () => {
    compiles((db) => {
      const cities = db.tree("cities", cityCodecs);
      same<Same<ReturnType<typeof cities.get>, City | undefined>>();
      same<Same<Parameters<typeof cities.get>, [key: Readonly<CityKey>]>>();
      same<Same<ReturnType<typeof cities.first>, [CityKey, City] | undefined>>();
      same<Same<ReturnType<typeof cities.getMany>, (City | undefined)[]>>();
      same<Same<ReturnType<typeof cities.getView>, Uint8Array | undefined>>();
      same<Same<ReturnType<typeof cities.visit>, number>>();
      cities.visit({ prefix: ["ES"], limit: 1 }, (key, value) => key.length < value.length);
      cities.visit({}, () => {});
      // @ts-expect-error: a visit is synchronous.
      cities.visit({}, async () => {});
      for (const [[country, city], { population }] of cities) {
        same<Same<[typeof country, typeof city, typeof population], [string, string, number]>>();
      }
      same<Same<ReturnType<typeof cities.prefetch>, Promise<boolean>>>();
      cities.prefetch([["ES", "Madrid"]]);
      cities.prefetch({ prefix: ["ES"], limit: 1 }, { signal: AbortSignal.abort(), values: false });
      for (const key of cities.keys()) same<Same<typeof key, CityKey>>();
      for (const value of cities.values()) same<Same<typeof value, City>>();
    });
    compiles((db) => {
      const counts = db.tree("counts", { key: u64, value: u64 });
      same<Same<ReturnType<typeof counts.get>, bigint | undefined>>();
      counts.set(1, 2n);
      counts.set(1n, 2);
      const dates = db.tree("dates", { key: date, value: date });
      same<Same<ReturnType<typeof dates.last>, [Date, Date] | undefined>>();
      const loose = db.tree("loose", { key: tuple, value: json });
      same<Same<ReturnType<typeof loose.first>, [TuplePart[], unknown] | undefined>>();
      const clones = db.tree("clones", { value: structured.as<Map<string, Date>>() });
      same<Same<Parameters<typeof clones.get>[0], Uint8Array | string>>();
      same<Same<ReturnType<typeof clones.get>, Map<string, Date> | undefined>>();
    });
  });

  it("may be given, and the codecs must then match", () => {
    compiles((db) => {
      const cities = db.tree<string, City>("cities", { key: string, value: json.as<City>() });
      same<Same<typeof cities, Tree<string, City>>>();
      const kept: Tree<string, City> = db.tree("a", { key: string, value: json.as<City>() });
      kept.get("a")?.population.toFixed();
      // @ts-expect-error: what JSON returns is not known without a type.
      db.tree<string, City>("cities", { key: string, value: json });
      // @ts-expect-error: keys of text need a codec of text.
      db.tree<string, City>("cities", { key: u64, value: json.as<City>() });
      // @ts-expect-error: nor do they go without one,
      db.tree<string>("cities");
      // @ts-expect-error: nor does a value.
      db.tree<string, City>("cities");
      // @ts-expect-error: the tree is of another type.
      const wrong: Tree<string, string> = db.tree("a", { key: string, value: json.as<City>() });
      return wrong;
    });
  });

  it("make wrong uses errors", () => {
    compiles(async (db) => {
      const cities = db.tree("cities", cityCodecs);
      // @ts-expect-error: a key has all its parts,
      cities.get(["ES"]);
      // @ts-expect-error: of their types,
      cities.get(["ES", 1]);
      // @ts-expect-error: and is no text.
      cities.get("ES");
      // @ts-expect-error: a value is of its type,
      await cities.set(["ES", "Madrid"], { population: "many" });
      // @ts-expect-error: whole,
      await cities.set(["ES", "Madrid"], {});
      // @ts-expect-error: also among many,
      await cities.setMany([[["ES", "Madrid"], 1]]);
      // @ts-expect-error: and where entries are loaded,
      await cities.load([[["ES"], { population: 1 }]]);
      // @ts-expect-error: and where it is compared,
      await cities.compareAndSet(["ES", "Madrid"], 1, undefined);
      // @ts-expect-error: and when nothing is there.
      await cities.setIfAbsent(["ES", "Madrid"], undefined);
      // @ts-expect-error: the function returns a value or undefined,
      await cities.update(["ES", "Madrid"], () => 1);
      // @ts-expect-error: which may not be there,
      await cities.update(["ES", "Madrid"], (city) => ({ population: city.population }));
      // @ts-expect-error: and is not asynchronous.
      await cities.update(["ES", "Madrid"], (city) => Promise.resolve(city));
      // @ts-expect-error: keys are given together,
      await cities.prefetch(["ES", "Madrid"]);
      // @ts-expect-error: or as a range.
      await cities.prefetch({ before: ["ES"] });
      // @ts-expect-error: what was found may be nothing.
      cities.get(["ES", "Madrid"]).population;
      // @ts-expect-error: clones do not sort.
      db.tree("a", { key: structured });
      // @ts-expect-error: nor does JSON, whatever its type.
      db.tree("a", { key: json.as<City>() });
      // @ts-expect-error: there is no such option.
      db.tree("a", { codec: json });
      // @ts-expect-error: a codec reads and writes.
      db.tree("a", { value: { encode: string.encode } });
    });
  });
});

describe("the types of ranges", () => {
  it("are those of keys and prefixes", () => {
    compiles((db, tx) => {
      const cities = db.tree("cities", cityCodecs);
      cities.entries({ prefix: ["ES"], gt: ["ES", "A"], lte: ["ES", "Z"], limit: 3 });
      cities.count({ prefix: [] });
      cities.keys({ prefix: ["ES", "Madrid"] });
      // @ts-expect-error: a bound is a whole key.
      cities.keys({ gte: ["ES"] });
      // @ts-expect-error: a prefix has the first parts.
      cities.keys({ prefix: [1] });
      // @ts-expect-error: there is no such bound.
      cities.keys({ start: ["ES", "A"] });
      // @ts-expect-error: the order of what is counted is none.
      cities.count({ reverse: true });
      // @ts-expect-error: nor is there a limit to what is removed,
      cities.deleteRange({ limit: 1 });
      cities.deleteRange({}, { budgetMs: 5 });
      // @ts-expect-error: there is no such option,
      cities.clear({ budget: 5 });
      // @ts-expect-error: and none inside a transaction.
      tx.tree(cities).clear({ budgetMs: 5 });
      // @ts-expect-error: or to one entry.
      cities.first({ limit: 1 });
      const counts = db.tree("counts", { key: u64 });
      counts.count({ gt: 1, lt: 5n });
      // @ts-expect-error: numbers have no prefixes.
      counts.count({ prefix: 1 });
      const words = db.tree("words", { key: string });
      words.keys({ prefix: "a" });
      // @ts-expect-error: text is no bytes.
      words.keys({ gte: new Uint8Array(1) });
      const range: Range = { prefix: "a", gt: new Uint8Array(1), reverse: true };
      const bounds: KeyRange<string> = { gt: "a" };
      db.tree("a").keys(range);
      words.deleteRange(bounds);
    });
  });
});

describe("the types of the results of changes", () => {
  it("are promises outside a transaction, and plain inside", () => {
    compiles((db, tx) => {
      const tree = db.tree("cities", cityCodecs);
      const inside = tx.tree(tree);
      same<Same<ReturnType<typeof tree.set>, Promise<void>>>();
      same<Same<ReturnType<typeof inside.set>, void>>();
      same<Same<ReturnType<typeof tree.delete>, Promise<boolean>>>();
      same<Same<ReturnType<typeof inside.delete>, boolean>>();
      same<Same<ReturnType<typeof tree.load>, Promise<number>>>();
      same<Same<ReturnType<typeof inside.setMany>, number>>();
      same<Same<ReturnType<typeof inside.compareAndSet>, boolean>>();
      const key = ["ES", "Madrid"] as const;
      const changed = inside.update(key, (city) => ({ population: city?.population ?? 0 }));
      same<Same<typeof changed, { population: number }>>();
      const removed = inside.update(key, () => undefined);
      same<Same<typeof removed, undefined>>();
    });
  });

  it("are what a callback returns", () => {
    compiles((db) => {
      const written = db.write(() => 1);
      same<Same<typeof written, Promise<number>>>();
      const now = db.writeSync((tx) => tx.tree("a").delete("a"));
      same<Same<typeof now, boolean>>();
    });
  });
});

describe("the types of trees of a transaction and of a snapshot", () => {
  it("are those of the tree", () => {
    compiles((db, tx, snapshot) => {
      const tree = db.tree("cities", cityCodecs);
      const inside = tx.tree(tree);
      const old = snapshot.tree(tree);
      same<Same<ReturnType<typeof inside.get>, City | undefined>>();
      same<Same<ReturnType<typeof old.last>, [CityKey, City] | undefined>>();
      old.entries({ prefix: ["ES"] });
      // @ts-expect-error: a key has all its parts.
      inside.get(["ES"]);
      // @ts-expect-error: a snapshot is not written.
      old.set(["ES", "Madrid"], { population: 1 });
      const plain = db.tree("plain");
      const plainInside = tx.tree(plain);
      const plainOld = snapshot.tree(plain);
      same<Same<typeof plainInside, TransactionTree>>();
      same<Same<typeof plainOld, ReadTree>>();
    });
  });

  it("are those of codecs given with a name, and bytes without", () => {
    compiles((_db, tx, snapshot) => {
      const inside = tx.tree("cities", cityCodecs);
      const old = snapshot.tree("cities", cityCodecs);
      same<Same<ReturnType<typeof inside.first>, [CityKey, City] | undefined>>();
      same<Same<ReturnType<typeof old.first>, [CityKey, City] | undefined>>();
      const plain = tx.tree("plain");
      const plainOld = snapshot.tree("plain");
      same<Same<typeof plain, TransactionTree>>();
      same<Same<typeof plainOld, ReadTree>>();
      const said = tx.tree<string, City>("cities", { key: string, value: json.as<City>() });
      same<Same<typeof said, TransactionTree<string, City>>>();
      // @ts-expect-error: clones do not sort.
      snapshot.tree("cities", { key: structured });
    });
  });

  it("fit functions that read any tree", () => {
    compiles((db, tx, snapshot) => {
      const total = (tree: ReadTree<string, number>) => tree.count({ prefix: "a" });
      const tree = db.tree("a", { key: string, value: json.as<number>() });
      total(tree);
      total(tx.tree(tree));
      total(snapshot.tree(tree));
      // @ts-expect-error: one with other keys does not.
      total(db.tree("b", { key: u64, value: json.as<number>() }));
      const ofJson = <T>(name: string) => db.tree(name, { key: string, value: json.as<T>() });
      same<Same<ReturnType<typeof ofJson<City>>, Tree<string, City>>>();
      const copy = <K, V>(from: ReadTree<K, V, K>, to: Tree<K, V, K, V>) => to.setMany(from);
      copy(tree, tree);
    });
  });
});

describe("the types that repeat names of the pager", () => {
  it("have all of their names", () => {
    type Opened =
      | Exclude<keyof PagerOptions, "isBuilt" | "journal" | "replayRecords" | "tailBytes">
      | "durability"
      | "debugViews";
    same<Same<keyof OpenOptions, Opened>>();
    type Own =
      | "version"
      | "durableVersion"
      | "recovery"
      | "pageCount"
      | "fileBytes"
      | "sharing"
      | "archive";
    same<Same<keyof DatabaseStats, keyof PagerStats | Own>>();
  });
});

/** Every option by name, so that none is missing here. */
const OPEN_OPTIONS: Record<keyof OpenOptions, undefined> = {
  cacheBytes: undefined,
  create: undefined,
  debugViews: undefined,
  durability: undefined,
  follow: undefined,
  io: undefined,
  journalBytes: undefined,
  lockTimeoutMs: undefined,
  memory: undefined,
  mode: undefined,
  maxSnapshotBytes: undefined,
  maxTransactionBytes: undefined,
  readOnly: undefined,
  shared: undefined,
  tornSectors: undefined,
};

describe("the types of options", () => {
  it("take undefined for every option", () => {
    same<TakesUndefined<OpenOptions>>();
    same<TakesUndefined<WriteOptions>>();
    same<TakesUndefined<WatchOptions>>();
    same<TakesUndefined<PrefetchOptions>>();
    same<TakesUndefined<VerifyOptions>>();
    same<TakesUndefined<VerifyFileOptions>>();
    same<TakesUndefined<SalvageOptions>>();
    same<TakesUndefined<ProgressOptions>>();
    same<TakesUndefined<ExploreOptions>>();
    same<TakesUndefined<PagerOptions>>();
    same<TakesUndefined<Range>>();
    same<TakesUndefined<KeyRange<string>>>();
    same<TakesUndefined<Codecs<string, string>>>();
    same<TakesUndefined<Pick<Codec<string>, "name" | "ordered" | "keepsBytes">>>();
    same<TakesUndefined<Pick<KeyCodec<string>, "ordered">>>();
    same<TakesUndefined<Pick<ValueCodec<string>, "name">>>();
  });

  it("are ignored at run time if they are undefined", async () => {
    // Every option by name, so that none is missing here.
    const no = undefined;
    const range: Record<keyof Range, undefined> = {
      prefix: no,
      gt: no,
      gte: no,
      lt: no,
      lte: no,
      reverse: no,
      limit: no,
    };
    const fileOptions: Record<keyof VerifyFileOptions, undefined> = {
      cacheBytes: no,
      lockTimeoutMs: no,
      maxFindings: no,
      onProgress: no,
      signal: no,
    };
    const dir = Deno.makeTempDirSync({ prefix: "quire-test-" });
    try {
      {
        using db = open(`${dir}/a.quire`, OPEN_OPTIONS);
        const tree = db.tree("a", { key: no, value: no });
        await using watcher = tree.watch(range, { signal: no, maxPending: no });
        db.writeSync((tx) => tx.tree("a", { key: no }).set("k", VALUE), { durability: no });
        await db.write((tx) => tx.tree(tree).set("l", VALUE), { durability: no });
        assertEquals((await watcher.next()).value?.changes.length, 1);
        assertEquals([...tree.keys(range)].length, 2);
        assert(await tree.prefetch(range, { signal: no, values: no }));
        assertEquals([...tree.values(range)].length, [...tree.entries(range)].length);
        const ends = [tree.first(range)?.[1], tree.last(range)?.[1]];
        assertEquals([tree.count(range), ...ends], [2, VALUE, VALUE]);
        const { maxFindings, onProgress, signal } = fileOptions;
        assert((await db.verify({ maxFindings, onProgress, signal })).ok);
        assertEquals((await db.compact({ budgetMs: no, onProgress, signal })).pagesMoved, 0);
        await db.backup(`${dir}/copy`, { since: no, onProgress, signal });
        assertEquals(await tree.deleteRange({ ...range, gt: "k" }, { budgetMs: no }), 1);
      }
      assert((await verify(`${dir}/a.quire`, fileOptions)).ok);
      assertEquals((await salvage(`${dir}/a.quire`, `${dir}/b.quire`, fileOptions)).entries, 1);
    } finally {
      Deno.removeSync(dir, { recursive: true });
    }
  });
});

describe("the types of callbacks", () => {
  it("refuse asynchronous ones, and infer the results of others", () => {
    compiles(async (db) => {
      const data = db.tree("data", { key: string, value: structured });
      // @ts-expect-error: what comes after an await is outside of the transaction.
      await db.write(async (tx) => await data.set("a", tx));
      // @ts-expect-error: nor is a promise returned,
      await db.write(() => Promise.resolve(1));
      // @ts-expect-error: by any branch,
      await db.write((tx) => tx.tree("a").has("k") ? 1 : Promise.resolve(1));
      // @ts-expect-error: here too.
      db.writeSync(async (tx) => await tx.tree("a").get("k"));
      // @ts-expect-error: a value that is any data is no promise either.
      await data.update("a", async (value) => await value);
      db.writeSync((tx) => {
        // @ts-expect-error: inside a transaction neither.
        tx.tree(data).update("a", () => Promise.resolve(1));
      });
      const number = await db.write(() => 1);
      same<Same<typeof number, number>>();
      const found = db.writeSync((tx) => tx.tree("a").get("k"));
      same<Same<typeof found, Uint8Array | undefined>>();
      const nothing = db.write((tx) => tx.tree("a").set("k", VALUE));
      same<Same<typeof nothing, Promise<void>>>();
      const thrown = db.write(() => {
        throw new Error("no");
      });
      same<Same<typeof thrown, Promise<never>>>();
      const twice = <T>(body: (tx: Transaction) => Sync<T>): [T, T] => [
        db.writeSync(body),
        db.writeSync(body),
      ];
      same<Same<ReturnType<typeof twice<string>>, [string, string]>>();
    });
  });
});

describe("the types of opening and writing", () => {
  it("refuse unknown options", () => {
    compiles((db) => {
      // @ts-expect-error: there is no such option.
      open(":memory:", { cacheSize: 1 });
      // @ts-expect-error: there is no such durability.
      open(":memory:", { durability: "maybe" });
      // @ts-expect-error: nor here.
      db.write(() => 1, { durability: "maybe" });
      open(new URL("file:///a"));
      // @ts-expect-error: a path is text or a URL.
      open(new Uint8Array(1));
      const codec: Codec<string> = string;
      return codec;
    });
  });
});
