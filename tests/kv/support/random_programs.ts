/**
 * Random programs of operations, for fast-check: each operation is data, so that a failed program
 * can be shrunk and printed.
 *
 * Keys of counters are changed only by arithmetic and by values that suit it. Deno's local KV keeps
 * the mutations before one that fails, and Quire's keeps none, so arithmetic that may fail is alone
 * in its operation.
 */

import fc from "fast-check";
import type { Side } from "./side.ts";

/** An operation on a side. */
export interface Step {
  /** What it does, for the report. */
  readonly text: string;
  run(side: Side): unknown;
}

type Part = Deno.KvKeyPart;
type Change = (operation: Deno.AtomicOperation, side: Side) => unknown;

const PARTS: Part[] = [
  "",
  "a",
  "b",
  "a\0",
  "\u00e9",
  "\u{1f600}",
  0,
  -0,
  1,
  -1,
  1.5,
  NaN,
  Infinity,
  -Infinity,
  255,
  256,
];
PARTS.push(0n, 1n, -1n, 255n, -256n, 1n << 64n, -(1n << 64n), -(1n << 72n), true, false);
PARTS.push(new Uint8Array(), new Uint8Array([0]), new Uint8Array([0, 255]), new Uint8Array([255]));

const part = fc.constantFrom(...PARTS);
const key = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom<Part>("a", "b", 1, true).map((one): Part[] => [one]) },
  { weight: 3, arbitrary: fc.array(part, { minLength: 1, maxLength: 3 }) },
);
const prefix = fc.oneof(fc.constant<Part[]>([]), key);
const counter = fc.integer({ min: 0, max: 3 }).map((i): Part[] => ["counters", i]);
const u64 = fc.constantFrom(0n, 1n, 5n, (1n << 64n) - 1n, 1n << 63n);
const value = fc.oneof(
  fc.constantFrom<unknown>(null, undefined, 1, -0, 1.5, 10n, -(1n << 70n), "x", true, NaN),
  fc.constantFrom<unknown>(new Date(5), /a/g, new Map([[1, { a: 2 }]]), new Set(["s"]), [1, , 3]),
  fc.uint8Array({ maxLength: 40 }),
  fc.string(),
  fc.object({ maxDepth: 2 }),
  u64.map((n) => new Deno.KvU64(n)),
);

const show = (given: unknown) => Deno.inspect(given, { depth: 9, compact: true });

const set = fc.tuple(key, value).map(([k, v]): Step => ({
  text: `set ${show(k)} ${show(v)}`,
  run: async (side) => side.noted(await side.kv.set(k, v)),
}));

const remove = key.map((k): Step => ({
  text: `delete ${show(k)}`,
  run: ({ kv }) => kv.delete(k),
}));

const get = key.map((k): Step => ({ text: `get ${show(k)}`, run: ({ kv }) => kv.get(k) }));

const getMany = fc.array(fc.oneof(key, counter), { maxLength: 11 }).map((ks): Step => ({
  text: `getMany ${show(ks)}`,
  run: ({ kv }) => kv.getMany(ks),
}));

const selector = fc.oneof(
  prefix.map((k): unknown => ({ prefix: k })),
  fc.tuple(prefix, part).map(([k, p]): unknown => ({ prefix: k, start: [...k, p] })),
  fc.tuple(prefix, part).map(([k, p]): unknown => ({ prefix: k, end: [...k, p] })),
  fc.tuple(prefix, prefix).map(([start, end]): unknown => ({ start, end })),
);
const listOptions = fc.record({
  limit: fc.integer({ min: 1, max: 20 }),
  batchSize: fc.constantFrom(1, 2, 3, 500),
  reverse: fc.boolean(),
}, { requiredKeys: [] });

/** Lists some entries, and continues another list at the cursor. */
const list = fc.tuple(selector, listOptions, fc.nat({ max: 5 })).map((
  [which, options, steps],
): Step => ({
  text: `list ${show(which)} ${show(options)}, on after ${steps}`,
  async run({ kv }) {
    const iterator = kv.list(which as Deno.KvListSelector, options);
    const first = [];
    for (let i = 0; i < steps; i++) first.push(await iterator.next());
    if (steps === 0) return await Array.fromAsync(iterator);
    const { cursor } = iterator;
    const rest = kv.list(which as Deno.KvListSelector, { ...options, cursor });
    // The bytes, in which the text of a versionstamp shows.
    const last = atob(cursor.replaceAll("-", "+").replaceAll("_", "/"))
      .replaceAll(/[^ -~]/g, (byte) => `<${byte.charCodeAt(0)}>`);
    return [first, last, await Array.fromAsync(rest), await Array.fromAsync(iterator)];
  },
}));

const change: fc.Arbitrary<[string, Change]> = fc.oneof(
  fc.tuple(key, value).map((
    [k, v],
  ): [string, Change] => [`set ${show(k)} ${show(v)}`, (a) => a.set(k, v)]),
  key.map((k): [string, Change] => [`delete ${show(k)}`, (a) => a.delete(k)]),
  key.map((k): [string, Change] => [
    `stamped ${show(k)}`,
    (a, { kv }) => a.set([...k, kv.commitVersionstamp()], "stamped"),
  ]),
  fc.tuple(counter, u64, fc.constantFrom("sum", "min", "max")).map((
    [k, n, type],
  ): [string, Change] => [
    `${type} ${show(k)} ${n}`,
    (a) => a[type as "sum"](k, n),
  ]),
  counter.map((k): [string, Change] => [`delete ${show(k)}`, (a) => a.delete(k)]),
);

/** A check that holds, one of an old or of a missing version, or one that there is no entry. */
const check = fc.tuple(key, fc.constantFrom("now", "now", "first", "none", "missing")).map((
  [k, which],
): [string, (side: Side) => Promise<Deno.AtomicCheck>] => [
  `check ${show(k)} ${which}`,
  async ({ kv, versionstamps }) => {
    const now = which === "now" ? (await kv.get(k)).versionstamp : null;
    const other = which === "first" ? versionstamps[0] ?? null : "f".repeat(20);
    return { key: k, versionstamp: which === "now" || which === "none" ? now : other };
  },
]);

const commit = fc.tuple(fc.array(check, { maxLength: 2 }), fc.array(change, { maxLength: 6 })).map((
  [checks, changes],
): Step => ({
  text: `commit ${[...checks, ...changes].map(([text]) => text).join(", ")}`,
  async run(side) {
    const operation = side.kv.atomic();
    for (const [, checkOf] of checks) operation.check(await checkOf(side));
    for (const [, apply] of changes) apply(operation, side);
    return side.noted(await operation.commit());
  },
}));

const operand = fc.oneof(
  u64.map((n): unknown => new Deno.KvU64(n)),
  fc.constantFrom<unknown>(1, 1.5, -3, 10n, -100n, 1n << 64n, "x"),
);
const arithmetic = fc.tuple(
  fc.oneof(key, counter),
  operand,
  fc.constantFrom("sum", "sum", "min", "max"),
).map((
  [k, by, type],
): Step => ({
  text: `${type} ${show(k)} ${show(by)}`,
  async run(side) {
    const isCounter = k[0] === "counters";
    const given = isCounter && !(by instanceof Deno.KvU64) ? new Deno.KvU64(3n) : by;
    const mutation = { type, key: k, value: given } as unknown as Deno.KvMutation;
    return side.noted(await side.kv.atomic().mutate(mutation).commit());
  },
}));

const step = fc.oneof(
  { weight: 4, arbitrary: set },
  { weight: 2, arbitrary: remove },
  { weight: 3, arbitrary: get },
  { weight: 1, arbitrary: getMany },
  { weight: 4, arbitrary: list },
  { weight: 4, arbitrary: commit },
  { weight: 2, arbitrary: arithmetic },
);

/** A program of a number of operations. */
export function programOf(length: number): fc.Arbitrary<Step[]> {
  return fc.array(step, { minLength: 1, maxLength: length, size: "max" });
}
