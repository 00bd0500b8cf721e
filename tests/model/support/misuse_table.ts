/**
 * The misuse of each method of the public API: one row for each method, named `Class.method`, with
 * a valid use and every wrong one. `misuse_test.ts` tries the valid use in states that do not allow
 * it (closed, ended, read-only, inside a transaction), and the wrong ones in states that do. It
 * fails if a method of `mod.ts` has no row here.
 *
 * A new method needs one row in the table of its class. For keys, values, ranges, names and trees,
 * `badKeys` and similar functions create the wrong uses.
 */

import type { Inspector } from "../../../inspect.ts";
import {
  ClosedError,
  type Database,
  IoError,
  json,
  open,
  type ReadTree,
  type Snapshot,
  SnapshotTooOldError,
  type Transaction,
  type TransactionTree,
  type Tree,
} from "../../../mod.ts";

/** A class of errors. */
export type Thrown = new (...args: never[]) => Error;

/** A use that must fail, its error, and text in the message. */
export type Wrong<T> = readonly [use: (on: T, db: Database) => unknown, Thrown, string];

/** The uses and misuses of a method. */
export interface Row<T> {
  /** A valid use, on the small database of `sample.ts`. */
  readonly use: (on: T, db: Database) => unknown;
  /** Uses with wrong arguments. */
  readonly wrong: readonly Wrong<T>[];
  /** It changes the database: refused read-only, and after a failed write. */
  readonly changes?: true;
  /** It is allowed after its handle, or the database, was closed. */
  readonly closed?: "works";
  /** It cannot be used while a transaction is open. */
  readonly inside?: "refused";
  /** It writes committed data, so it fails after a failed write. */
  readonly failed?: "refused";
  /** It reads no page, so it is allowed on a snapshot that was ended to bound memory. */
  readonly tooOld?: "works";
}

/** The rows of a class, by the names of its methods. */
export type Rows<T> = Readonly<Record<string, Row<T>>>;

type Bad = readonly [value: unknown, Thrown, message: string];
type Use<T> = (on: T, bad: never, db: Database) => unknown;

const VALUE = new Uint8Array([1]);
/** Invalid values of every type. */
const NONSENSE = [null, 1, NaN, 1n, true, Symbol("a"), {}, [1], () => 1, new Date(0)];
const NO_OBJECTS = [null, 1, NaN, 1n, true, Symbol("a"), "text"];

function all(values: readonly unknown[], type: Thrown, message: string): Bad[] {
  return values.map((value) => [value, type, message]);
}

const BAD_KEYS: readonly Bad[] = [
  ...all(NONSENSE, TypeError, "Cannot encode: "),
  ...all([new ArrayBuffer(1), new Uint16Array(1)], TypeError, "Cannot encode: "),
  ...all(["x".repeat(2049), new Uint8Array(2049)], RangeError, "2049 bytes exceed 2048"),
  ["\ud800", TypeError, "lone surrogate"],
];

const BAD_VALUES: readonly Bad[] = [
  ...all([...NONSENSE, undefined, "text"], TypeError, "Cannot"),
  ...all([new ArrayBuffer(1), new Uint16Array(1), new DataView(VALUE.buffer)], TypeError, "Cannot"),
  // Its memory is never touched, so none is allocated.
  [new Uint8Array(2 ** 31 + 1), RangeError, "2147483649 bytes exceed 2147483648"],
];

const BAD_NAMES: readonly Bad[] = [
  ...all([...NONSENSE, undefined, VALUE], TypeError, "Cannot name a tree"),
  ["a\udfff", TypeError, "lone surrogate"],
  ["", RangeError, "0 bytes are not 1..1024"],
  ["\u00e9".repeat(513), RangeError, "1026 bytes are not 1..1024"],
];

const BAD_LIMITS: readonly Bad[] = [
  ...all([null, "1", 1n, true, Symbol("a"), {}], TypeError, "limit is"),
  ...all([-1, 1.5, NaN, -Infinity], RangeError, "is not a count"),
];

/** Invalid keys, and invalid optional keys. */
function badKeys<T>(use: Use<T>, maybe: "required" | "optional" = "required"): Wrong<T>[] {
  const missing = all([undefined], TypeError, "Cannot encode: ");
  return wrongs(maybe === "required" ? [...BAD_KEYS, ...missing] : BAD_KEYS, use);
}

function badValues<T>(use: Use<T>): Wrong<T>[] {
  return wrongs(BAD_VALUES, use);
}

function badNames<T>(use: Use<T>): Wrong<T>[] {
  return wrongs(BAD_NAMES, use);
}

/** Invalid ranges, and ranges with an invalid bound or option. */
function badRanges<T>(use: Use<T>, options: "all" | "only bounds" = "all"): Wrong<T>[] {
  const boundNames = ["prefix", "gt", "gte", "lt", "lte"];
  const found = [
    ...wrongs(all(NO_OBJECTS, TypeError, "Cannot use the range"), use),
    ...wrongs(all([{ start: "a" }, { toString: 1 }], TypeError, "unknown option"), use),
    ...wrongs(all([[1]], TypeError, "Cannot"), use),
    ...boundNames.flatMap((name) =>
      badKeys((on: T, bad, db) => use(on, { [name]: bad } as never, db), "optional")
    ),
  ];
  if (options === "only bounds") {
    const ordered = [{ limit: 2 }, { reverse: true }, { gt: "a", reverse: false }];
    return [...found, ...wrongs(all(ordered, TypeError, "limit and reverse"), use)];
  }
  const reverses = all([null, 1, "yes", {}], TypeError, "reverse is");
  return [
    ...found,
    ...wrongs(BAD_LIMITS, (on: T, bad, db) => use(on, { limit: bad } as never, db)),
    ...wrongs(reverses, (on: T, bad, db) => use(on, { reverse: bad } as never, db)),
  ];
}

/** Ranges whose bounds are all undefined, as where a variable has no value. */
function boundless<T>(use: Use<T>): Wrong<T>[] {
  const ranges = [{ prefix: undefined }, { gte: undefined, lt: undefined }];
  return wrongs(all(ranges, TypeError, "all its bounds are undefined"), use);
}

/** Invalid entries, and entries out of order where order is required. */
function badEntries<T>(use: Use<T>): Wrong<T>[] {
  const none = [null, undefined, 7, {}, true];
  const wrong = [[[]], [["key"]]];
  const noPairs = [[7], [null], "ab", [["key", VALUE], "ab"], [{ key: VALUE }]];
  const failing = function* () {
    yield ["a", VALUE];
    throw new RangeError("Cannot go on: it is the caller's error");
  };
  const unordered = [["b", VALUE], ["a", VALUE]];
  return [
    ...wrongs(all(none, TypeError, "Cannot "), use),
    ...wrongs(all(wrong, TypeError, ""), use),
    ...wrongs(all(noPairs, TypeError, "is not a key with its value"), use),
    ...badKeys((on: T, bad, db) => use(on, [["", VALUE], [bad, VALUE]] as never, db)),
    ...badValues((on: T, bad, db) => use(on, [["a", VALUE], ["b", bad]] as never, db)),
    ...wrongs(all([unordered, [unordered[0], unordered[0]]], RangeError, "not after"), use),
    [(on, db) => use(on, failing() as never, db), RangeError, "Cannot go on"],
  ];
}

/** Invalid trees, and trees of another database or class. */
function badTrees<T>(use: Use<T>): Wrong<T>[] {
  const foreign = (name: string) => {
    const other = open(":memory:");
    return { other, tree: other.tree(name) };
  };
  return [
    ...wrongs(BAD_NAMES, use),
    [(on, db) => use(on, foreign("tall").tree as never, db), TypeError, "of another database"],
    [
      (on, db) => {
        const { other, tree } = foreign("tall");
        other.close();
        use(on, tree as never, db);
      },
      TypeError,
      "of another database",
    ],
    [
      (on, db) => {
        const { other } = foreign("tall");
        other.writeSync((tx) => use(on, tx.tree("tall") as never, db));
      },
      TypeError,
      "Cannot name a tree",
    ],
    [
      (on, db) => {
        using snapshot = foreign("tall").other.snapshot();
        use(on, snapshot.tree("tall") as never, db);
      },
      TypeError,
      "Cannot name a tree",
    ],
    [
      (on, db) => {
        const { tree } = foreign("tall");
        use(on, Object.create(Object.getPrototypeOf(tree), { name: { value: "a" } }) as never, db);
      },
      TypeError,
      "of another database",
    ],
  ];
}

/** Invalid codecs with a name, and codecs given with a tree, which has its own. */
function badCodecs<T>(use: (on: T, tree: never, codecs: never) => unknown): Wrong<T>[] {
  const none = all([null, 7, "json", { codec: json }], TypeError, "Cannot open a tree: ");
  const wrong = all([null, 7, {}, { encode: 1, decode: 2 }], TypeError, "Cannot use the codec");
  const tree = (db: Database) => db.tree("tall") as never;
  return [
    ...wrongs<T>(none, (on, codecs) => use(on, "new" as never, codecs)),
    ...wrongs<T>(none, (on, codecs, db) => use(on, tree(db), codecs)),
    ...wrongs<T>(wrong, (on, value) => use(on, "new" as never, { value } as never)),
    [(on) => use(on, "new" as never, { key: json } as never), TypeError, "Cannot use codec json"],
    [
      (on, db) => use(on, tree(db), { value: json } as never),
      TypeError,
      "Cannot use tree tall: it has codecs",
    ],
  ];
}

/** Invalid callbacks and options of a transaction. */
function badWrites(use: (db: Database, callback: never, options: never) => unknown) {
  const callbacks: Bad[] = [
    ...all([null, undefined, 1, "text", {}, [() => {}]], TypeError, "Cannot write: "),
    ...all([async () => {}, () => Promise.resolve(1)], TypeError, "asynchronous"),
    [() => ({ then: () => {} }), TypeError, "asynchronous"],
  ];
  const levels = [null, 1, "", "Sync", "maybe", {}, true];
  return [
    ...wrongs(callbacks, (db: Database, bad) => use(db, bad, {} as never)),
    ...wrongs(
      all(levels, TypeError, "Cannot write: durability cannot be"),
      (db: Database, bad) => use(db, (() => {}) as never, { durability: bad } as never),
    ),
    ...wrongs(
      all([null, 7, "sync", { durabilty: "none" }], TypeError, "Cannot write: "),
      (db: Database, bad) => use(db, (() => {}) as never, bad),
    ),
  ];
}

function wrongs<T>(bads: readonly Bad[], use: Use<T>): Wrong<T>[] {
  return bads.map(([bad, type, message]) => [
    (on, db) => use(on, bad as never, db),
    type,
    message,
  ]);
}

const DATABASE: Rows<Database> = {
  "version": { use: (db) => db.version, wrong: [], closed: "works" },
  "durableVersion": { use: (db) => db.durableVersion, wrong: [], closed: "works" },
  "follows": { use: (db) => db.follows, wrong: [], closed: "works" },
  "tree": {
    use: (db) => db.tree("tall"),
    wrong: [
      ...badNames<Database>((db, name) => db.tree(name)),
      ...wrongs<Database>(
        all([null, 7, "json", { codec: json }], TypeError, "Cannot open a tree: "),
        (db, codecs) => db.tree("new", codecs),
      ),
      ...wrongs<Database>(
        all([null, 7, {}, { encode: 1, decode: 2 }], TypeError, "Cannot use the codec"),
        (db, codec) => db.tree("new", { value: codec }),
      ),
      [(db) => db.tree("new", { key: json as never }), TypeError, "Cannot use codec json for keys"],
      [(db) => db.tree("tall", { value: json }), TypeError, "Cannot open tree tall: it"],
    ],
  },
  "codecsOf": {
    use: (db) => db.codecsOf("tall"),
    wrong: badNames((db, name) => db.codecsOf(name)),
  },
  "trees": { use: (db) => db.trees(), wrong: [] },
  "renameTree": {
    use: (db) => db.renameTree("tall", "other"),
    wrong: [
      ...badNames<Database>((db, name) => db.renameTree(name, "other")),
      ...badNames<Database>((db, name) => db.renameTree("tall", name)),
      [(db) => db.renameTree("none", "other"), RangeError, "it does not exist"],
      [(db) => db.renameTree("tall", "short"), RangeError, "it exists"],
    ],
    changes: true,
  },
  "dropTree": {
    use: (db) => db.dropTree("tall"),
    wrong: badNames((db, name) => db.dropTree(name)),
    changes: true,
  },
  "write": {
    use: (db) => db.write(() => {}),
    wrong: badWrites((db, callback, options) => db.write(callback, options)),
    changes: true,
  },
  "writeSync": {
    use: (db) => db.writeSync(() => {}),
    wrong: badWrites((db, callback, options) => db.writeSync(callback, options)),
    changes: true,
  },
  "snapshot": { use: (db) => db.snapshot().close(), wrong: [], inside: "refused" },
  "checkpoint": {
    use: (db) => db.checkpoint(),
    wrong: [],
    inside: "refused",
    failed: "refused",
  },
  "compact": {
    use: (db) => db.compact(),
    wrong: [
      ...wrongs<Database>(
        all(
          [null, 7, { signal: 1 }, { signal: {} }, { budgetMs: "1" }, { depth: 1 }],
          TypeError,
          "Cannot compact",
        ),
        (db, options) => db.compact(options),
      ),
      ...wrongs<Database>(all([0, -1, NaN], RangeError, "is not above 0"), (db, budgetMs) => {
        return db.compact({ budgetMs });
      }),
    ],
    changes: true,
    inside: "refused",
  },
  "census": { use: (db) => db.census(), wrong: [], inside: "refused" },
  "changes": {
    use: (db) => db.changes({ since: db.snapshot() }).next(),
    wrong: wrongs<Database>(
      [
        ...all([null, 7, {}, { since: null }, { since: {} }], TypeError, "Cannot list changes: "),
        ...all([{ since: 1, signal: {} }], TypeError, "Cannot list changes: the signal is not"),
        [{ since: 7 }, RangeError, "Cannot list changes: the pages of version 7 are gone"],
      ],
      (db, options) => db.changes(options),
    ),
    inside: "refused",
  },
  "chunks": { use: (db) => db.chunks(), wrong: [], inside: "refused" },
  "inspect": { use: (db) => db.inspect(), wrong: [] },
  "stats": { use: (db) => db.stats(), wrong: [] },
  "verify": {
    use: (db) => db.verify(),
    wrong: [
      ...wrongs<Database>(
        all(
          [null, 7, { signal: 1 }, { signal: {} }, { onProgress: {} }, { depth: 1 }],
          TypeError,
          "Cannot verify: ",
        ),
        (db, options) => db.verify(options),
      ),
      ...wrongs<Database>(all([-1, 0.5, NaN], RangeError, "Cannot"), (db, maxFindings) => {
        return db.verify({ maxFindings });
      }),
    ],
    inside: "refused",
  },
  "backup": {
    use: (db) => db.backup(new WritableStream()),
    wrong: [
      ...wrongs<Database>(
        all(
          [null, 7, { signal: 1 }, { signal: {} }, { onProgress: {} }, { since: "1" }, {
            depth: 1,
          }],
          TypeError,
          "Cannot back up: ",
        ),
        (db, options) => db.backup(new WritableStream(), options),
      ),
      ...wrongs<Database>(
        all([undefined, null, 7, {}], TypeError, "Cannot back up: "),
        (db, to) => {
          return db.backup(to);
        },
      ),
      ...wrongs<Database>(all([-1, 0.5, NaN], RangeError, "Cannot back up: "), (db, since) => {
        return db.backup(new WritableStream(), { since });
      }),
    ],
    inside: "refused",
    // Its version is not on the medium.
    failed: "refused",
  },
  "close": {
    use: (db) => db.close(),
    wrong: [],
    closed: "works",
    inside: "refused",
    failed: "refused",
  },
  "[Symbol.dispose]": {
    use: (db) => db[Symbol.dispose](),
    wrong: [],
    closed: "works",
    inside: "refused",
    failed: "refused",
  },
  "[Symbol.asyncDispose]": {
    use: (db) => db[Symbol.asyncDispose](),
    wrong: [],
    closed: "works",
    inside: "refused",
    failed: "refused",
  },
};

const READ_TREE: Rows<ReadTree> = {
  "get": { use: (tree) => tree.get("key 1"), wrong: badKeys((tree, key) => tree.get(key)) },
  "has": { use: (tree) => tree.has("key 1"), wrong: badKeys((tree, key) => tree.has(key)) },
  "getMany": {
    use: (tree) => tree.getMany(["key 1", "none"]),
    wrong: [
      ...badKeys<ReadTree>((tree, key) => tree.getMany(["key 1", key])),
      ...wrongs<ReadTree>(
        all([7, null, undefined, {}], TypeError, "Cannot get many: "),
        (tree, keys) => tree.getMany(keys),
      ),
    ],
  },
  "getView": {
    use: (tree) => tree.getView("key 1"),
    wrong: badKeys((tree, key) => tree.getView(key)),
  },
  "getRange": {
    use: (tree) => tree.getRange("key 1", 0, 3),
    wrong: [
      ...badKeys<ReadTree>((tree, key) => tree.getRange(key)),
      ...wrongs<ReadTree>(
        all([null, -1, 0.5, NaN, Infinity, "1", 1n], RangeError, "Cannot read part of a value: "),
        (tree, bound) => {
          tree.getRange("key 1", bound);
        },
      ),
      [(tree) => tree.getRange("key 1", 0, -1), RangeError, "Cannot read part of a value: "],
    ],
  },
  "getStream": {
    use: (tree) => void tree.getStream("key 1")?.cancel(),
    wrong: badKeys((tree, key) => tree.getStream(key)),
  },
  "count": {
    use: (tree) => tree.count(),
    wrong: badRanges((tree, range) => tree.count(range), "only bounds"),
  },
  "first": {
    use: (tree) => tree.first(),
    wrong: badRanges((tree, range) => tree.first(range), "only bounds"),
  },
  "last": {
    use: (tree) => tree.last(),
    wrong: badRanges((tree, range) => tree.last(range), "only bounds"),
  },
  "entries": {
    use: (tree) => tree.entries(),
    wrong: badRanges((tree, range) => tree.entries(range)),
  },
  "keys": { use: (tree) => tree.keys(), wrong: badRanges((tree, range) => tree.keys(range)) },
  "values": { use: (tree) => tree.values(), wrong: badRanges((tree, range) => tree.values(range)) },
  "visit": {
    use: (tree) => tree.visit({}, () => {}),
    wrong: [
      ...badRanges<ReadTree>((tree, range) => tree.visit(range, () => {})),
      ...wrongs<ReadTree>(
        all([null, undefined, 7, {}, "text"], TypeError, "Cannot visit: "),
        (tree, visitor) => tree.visit({}, visitor),
      ),
    ],
  },
  "visitViews": {
    use: (tree) => tree.visitViews({}, () => {}),
    wrong: [
      ...badRanges<ReadTree>((tree, range) => tree.visitViews(range, () => {})),
      ...wrongs<ReadTree>(
        all([null, undefined, 7, {}, "text"], TypeError, "Cannot visit: "),
        (tree, visitor) => tree.visitViews({}, visitor),
      ),
    ],
  },
  "prefetch": {
    use: (tree) => tree.prefetch(["key 1", "none"]),
    wrong: [
      ...badRanges<ReadTree>((tree, range) => tree.prefetch(range)),
      ...badKeys<ReadTree>((tree, key) => tree.prefetch(["key 1", key])),
      ...wrongs<ReadTree>(all([VALUE], TypeError, "Cannot prefetch: "), (tree, key) => {
        return tree.prefetch(key);
      }),
      ...wrongs<ReadTree>(
        all(
          [null, 7, { signal: 7 }, { signal: {} }, { values: 1 }, { depth: 1 }],
          TypeError,
          "Cannot prefetch: ",
        ),
        (tree, options) => tree.prefetch({}, options),
      ),
    ],
    inside: "refused",
  },
  "[Symbol.iterator]": { use: (tree) => tree[Symbol.iterator](), wrong: [] },
};

/** Invalid options of a removal in slices. */
function badBudgets(use: Use<Tree>): Wrong<Tree>[] {
  const malformed = [null, 7, "5", { budget: 5 }, { budgetMs: "5" }, { budgetMs: null }];
  return wrongs(
    [
      ...all(malformed, TypeError, "Cannot delete the range: "),
      ...all([{ budgetMs: 0 }, { budgetMs: -1 }, { budgetMs: NaN }], RangeError, "not above 0"),
    ],
    use,
  );
}

/** The methods of a `Tree` that a `TransactionTree` does not have, or has with fewer options. */
const TREE: Rows<Tree> = {
  "setStream": {
    use: (tree) => tree.setStream("new", new Blob([VALUE]).stream()),
    wrong: [
      ...badKeys<Tree>((tree, key) => tree.setStream(key, new Blob([VALUE]).stream())),
      ...wrongs<Tree>(
        all([null, undefined, 7, "text", {}, VALUE], TypeError, "Cannot set: "),
        (tree, stream) => tree.setStream("new", stream),
      ),
      [(tree) => tree.setStream("new", ReadableStream.from(["text"]) as never), TypeError, "chunk"],
    ],
    changes: true,
  },
  "watch": {
    use: (tree) => void tree.watch().return(),
    wrong: [
      ...badRanges<Tree>((tree, range) => tree.watch(range), "only bounds"),
      ...wrongs<Tree>(
        all(
          [null, 7, { signal: 7 }, { signal: {} }, { maxPending: "1" }, { depth: 1 }],
          TypeError,
          "Cannot watch: ",
        ),
        (tree, options) => tree.watch({}, options),
      ),
      ...wrongs<Tree>(all([0, -1, 1.5, NaN], RangeError, "Cannot watch: "), (tree, maxPending) => {
        return tree.watch({}, { maxPending });
      }),
    ],
    inside: "refused",
  },
  "deleteRange": {
    use: (tree) => tree.deleteRange({ gt: "key 2" }, { budgetMs: 1 }),
    wrong: [
      ...badRanges<Tree>((tree, range) => tree.deleteRange(range), "only bounds"),
      ...boundless<Tree>((tree, range) => tree.deleteRange(range)),
      ...boundless<Tree>((tree, range) => tree.deleteRange(range, { budgetMs: 1 })),
      ...badRanges<Tree>((tree, range) => tree.deleteRange(range, { budgetMs: 1 }), "only bounds"),
      ...badBudgets((tree, options) => tree.deleteRange({}, options)),
    ],
    changes: true,
  },
  "clear": {
    use: (tree) => tree.clear({ budgetMs: 1 }),
    wrong: badBudgets((tree, options) => tree.clear(options)),
    changes: true,
  },
  "stats": { use: (tree) => tree.stats(), wrong: [], inside: "refused" },
};

/** The changes of a tree, of a `Tree`, where they return promises, and in a transaction. */
const CHANGES: Rows<Tree | TransactionTree> = {
  "set": {
    use: (tree) => tree.set("new", VALUE),
    wrong: [
      ...badKeys<Tree | TransactionTree>((tree, key) => tree.set(key, VALUE)),
      ...badValues<Tree | TransactionTree>((tree, value) => tree.set("new", value)),
    ],
    changes: true,
  },
  "setMany": {
    use: (tree) => tree.setMany([["new", VALUE]]),
    wrong: badEntries<Tree | TransactionTree>((tree, entries) => tree.setMany(entries)).filter(
      // The entries may come in any order.
      ([, , message]) => message !== "not after",
    ),
    changes: true,
  },
  "update": {
    use: (tree) => tree.update("new", () => VALUE),
    wrong: [
      ...badKeys<Tree | TransactionTree>((tree, key) => tree.update(key, () => VALUE)),
      ...badValues<Tree | TransactionTree>((tree, value) => tree.update("new", () => value))
        .filter((_, index) => BAD_VALUES[index]![0] !== undefined),
      ...wrongs<Tree | TransactionTree>(
        all([null, undefined, 7, {}], TypeError, "Cannot update: "),
        (tree, change) => tree.update("key 1", change),
      ),
      [
        (tree) => tree.update("key 1", (() => Promise.resolve(VALUE)) as never),
        TypeError,
        "Cannot update: the change is asynchronous",
      ],
    ],
    changes: true,
  },
  "setIfAbsent": {
    use: (tree) => tree.setIfAbsent("new", VALUE),
    wrong: [
      ...badKeys<Tree | TransactionTree>((tree, key) => tree.setIfAbsent(key, VALUE)),
      ...badValues<Tree | TransactionTree>((tree, value) => tree.setIfAbsent("new", value)),
    ],
    changes: true,
  },
  "compareAndSet": {
    use: (tree) => tree.compareAndSet("new", undefined, VALUE),
    wrong: [
      ...badKeys<Tree | TransactionTree>((tree, key) => tree.compareAndSet(key, VALUE, VALUE)),
      ...badValues<Tree | TransactionTree>((tree, value) => {
        return tree.compareAndSet("new", undefined, value);
      }).filter((_, index) => BAD_VALUES[index]![0] !== undefined),
      ...wrongs<Tree | TransactionTree>(
        all([null, 7, "text", {}], TypeError, "Cannot encode: "),
        (tree, expected) => tree.compareAndSet("key 1", expected, VALUE),
      ),
    ],
    changes: true,
  },
  "delete": {
    use: (tree) => tree.delete("key 1"),
    wrong: badKeys((tree, key) => tree.delete(key)),
    changes: true,
  },
  "deleteRange": {
    use: (tree) => tree.deleteRange({ gt: "key 2" }),
    wrong: [
      ...badRanges<Tree | TransactionTree>((tree, range) => tree.deleteRange(range), "only bounds"),
      ...boundless<Tree | TransactionTree>((tree, range) => tree.deleteRange(range)),
    ],
    changes: true,
  },
  "clear": { use: (tree) => tree.clear(), wrong: [], changes: true },
  "load": {
    use: (tree) => tree.load([["new", VALUE]]),
    wrong: [
      ...badEntries<Tree | TransactionTree>((tree, entries) => tree.load(entries)),
      ...wrongs<Tree | TransactionTree>(
        [
          ...all([null, 7, "full", { fil: 1 }, { fill: "0.9" }], TypeError, "Cannot load: "),
          ...all([{ unordered: 1 }], TypeError, "Cannot load: "),
          ...all([{ fill: 0.4 }, { fill: 1.1 }, { fill: NaN }], RangeError, "Cannot load: fill"),
        ],
        (tree, options) => tree.load([], options as never),
      ),
    ],
    changes: true,
  },
};

const TRANSACTION: Rows<Transaction> = {
  "tree": {
    use: (tx) => tx.tree("tall"),
    wrong: [
      ...badTrees<Transaction>((tx, tree) => tx.tree(tree)),
      ...badCodecs<Transaction>((tx, tree, codecs) => tx.tree(tree, codecs)),
    ],
  },
};

const SNAPSHOT: Rows<Snapshot> = {
  "version": { use: (snapshot) => snapshot.version, wrong: [], closed: "works", tooOld: "works" },
  "tree": {
    use: (snapshot) => snapshot.tree("tall"),
    wrong: [
      ...badTrees<Snapshot>((snapshot, tree) => snapshot.tree(tree)),
      ...badCodecs<Snapshot>((snapshot, tree, codecs) => snapshot.tree(tree, codecs)),
    ],
    tooOld: "works",
  },
  "codecsOf": {
    use: (snapshot) => snapshot.codecsOf("tall"),
    wrong: badNames<Snapshot>((snapshot, name) => snapshot.codecsOf(name)),
  },
  "trees": { use: (snapshot) => snapshot.trees(), wrong: [] },
  "close": {
    use: (snapshot) => snapshot.close(),
    wrong: [],
    closed: "works",
    tooOld: "works",
  },
  "[Symbol.dispose]": {
    use: (snapshot) => snapshot[Symbol.dispose](),
    wrong: [],
    closed: "works",
    tooOld: "works",
  },
};

/** Invalid numbers, and numbers past the end of the small file. */
function badNumbers(use: Use<Inspector>): Wrong<Inspector>[] {
  const none = [null, undefined, "1", 1n, true, Symbol("a"), {}, [1]];
  const outside = [-1, 1.5, NaN, Infinity, 2 ** 32, 2 ** 53];
  return wrongs([
    ...all(none, TypeError, "is not a number"),
    ...all(outside, RangeError, "the file has"),
  ], use);
}

const INSPECTOR: Rows<Inspector> = {
  "file": { use: (inspector) => inspector.file(), wrong: [], inside: "refused" },
  "trees": { use: (inspector) => inspector.trees(), wrong: [], inside: "refused" },
  "header": {
    use: (inspector) => inspector.header(3),
    wrong: badNumbers((inspector, page) => inspector.header(page)),
    inside: "refused",
  },
  "headers": {
    use: (inspector) => inspector.headers(0),
    wrong: badNumbers((inspector, chunk) => inspector.headers(chunk)),
    inside: "refused",
  },
  "page": {
    use: (inspector) => inspector.page(3),
    wrong: badNumbers((inspector, page) => inspector.page(page)),
    inside: "refused",
  },
  "descend": {
    use: (inspector) => inspector.descend("tall", VALUE),
    wrong: [
      ...badNames<Inspector>((inspector, name) => inspector.descend(name, VALUE)),
      ...wrongs<Inspector>(
        all([...NONSENSE, undefined, "text"], TypeError, "Cannot descend"),
        (inspector, key) => inspector.descend("tall", key),
      ),
      [(on) => on.descend("tall", new Uint8Array(2049)), RangeError, "2049 bytes exceeds 2048"],
      [(on) => on.descend("none", VALUE), RangeError, "tree none does not exist"],
    ],
    inside: "refused",
  },
  "cache": { use: (inspector) => inspector.cache(), wrong: [], inside: "refused" },
  "trace": {
    use: (inspector) => inspector.trace(true),
    wrong: wrongs(
      all([null, undefined, 1, "on", {}], TypeError, "Cannot trace: on is"),
      (inspector, on) => inspector.trace(on),
    ),
  },
  "takeTrace": {
    use: (inspector) => {
      inspector.trace(true);
      return inspector.takeTrace();
    },
    wrong: [[(inspector) => inspector.takeTrace(), TypeError, "none is on"]],
  },
};

/** The rows of every class of `mod.ts`, except errors. */
export const TABLE = {
  Database: DATABASE,
  Inspector: INSPECTOR,
  ReadTree: READ_TREE,
  Snapshot: SNAPSHOT,
  Transaction: TRANSACTION,
  TransactionTree: CHANGES as Rows<TransactionTree>,
  Tree: { ...CHANGES as Rows<Tree>, ...TREE },
};

/** The functions of `mod.ts`; other tests have their wrong uses. */
export const FUNCTIONS: readonly string[] = [
  "archive",
  "folderStore",
  "open",
  "openReplica",
  "replicate",
  "restore",
  "salvage",
  "verify",
];

/** The error of a use in each state that refuses it. */
export const REFUSALS = {
  closed: [ClosedError, "closed"],
  ended: [ClosedError, "Cannot use the transaction: it has ended"],
  readOnly: [TypeError, "opened read-only"],
  inside: [TypeError, "a transaction is open"],
  failed: [IoError, "an earlier write or sync failed"],
  tooOld: [SnapshotTooOldError, "Cannot"],
} as const;
