/**
 * The corners of the interface: calls with arguments at and beyond their limits, each of which has
 * the same result or error in Deno's KV and in Quire's.
 */

import type { Corner } from "./corners_of_types.ts";
import type { Side } from "./side.ts";

/** Arguments that the types refuse. */
// deno-lint-ignore no-explicit-any
const wrong = (value: unknown): any => value;

const all = <T>(iterator: AsyncIterable<T>): Promise<T[]> => Array.fromAsync(iterator);
const many = <T>(length: number, item: (i: number) => T): T[] =>
  Array.from({ length }, (_, i) => item(i));
const list = (selector: unknown, options?: unknown): Corner[1] => ({ kv }) =>
  all(kv.list(wrong(selector), wrong(options)));
const get = (key: unknown): Corner[1] => ({ kv }) => kv.get(wrong(key));
const set = (key: unknown, value: unknown, options?: unknown): Corner[1] => (side) =>
  side.kv.set(wrong(key), value, wrong(options)).then((result) => side.noted(result));
const commit =
  (build: (operation: Deno.AtomicOperation, side: Side) => unknown): Corner[1] => (side) => {
    const operation = side.kv.atomic();
    build(operation, side);
    return operation.commit().then((result) => side.noted(result));
  };
const mutate = (mutation: unknown): Corner[1] =>
  commit((operation) => operation.mutate(wrong(mutation)));
const enqueue = (value: unknown, options?: unknown): Corner[1] => (side) =>
  side.kv.enqueue(value, wrong(options)).then((result) => side.noted(result));

const LONGEST = "k".repeat(2046);
const LONGER = `${LONGEST}k`;
const GROWING = { maxByteLength: 2 };
const EMPTY_MODULE = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);

const keys: Corner[] = [
  ["an empty key is read", get([])],
  ["an empty key is set", set([], 1)],
  ["an empty key is removed", ({ kv }) => kv.delete([])],
  ...[null, undefined, {}, Symbol("x"), [1], new ArrayBuffer(3)].flatMap((part): Corner[] => [
    [`a part is ${Deno.inspect(part)}`, get(["a", part])],
    [`a part that is set is ${Deno.inspect(part)}`, set(["a", part], 1)],
  ]),
  ...["abc", undefined, null, {}, 5, true].flatMap((key): Corner[] => [
    [`a key is ${Deno.inspect(key)}`, get(key)],
    [`a key that is set is ${Deno.inspect(key)}`, set(key, 1)],
    [`a key that is removed is ${Deno.inspect(key)}`, ({ kv }) => kv.delete(wrong(key))],
  ]),
  [
    "a part is a view of another type",
    set([new Uint16Array([1, 2]), new DataView(new ArrayBuffer(2))], 1),
  ],
  ["a part is such a view, read", list({ prefix: [new Uint16Array([1, 2])] })],
  ...Object.entries({
    shared: () => new Uint16Array(new SharedArrayBuffer(2)),
    resizable: () => new DataView(new ArrayBuffer(1, GROWING)),
    "given away": () => {
      const bytes = new Uint8Array(4);
      structuredClone(bytes, { transfer: [bytes.buffer] });
      return bytes;
    },
  }).flatMap(([memory, part]): Corner[] => [
    [`a part in memory that is ${memory} is set`, set(["memory", part()], 1)],
    [`a part in memory that is ${memory} is read`, get(["memory", part()])],
    [`a part in memory that is ${memory} is listed`, list({ prefix: ["memory", part()] })],
  ]),
  ["a lone surrogate is set", set(["lone", "\ud800"], 1)],
  ["a lone surrogate is read as U+FFFD", list({ prefix: ["lone"] })],
  ["the longest key is set", set([LONGEST], 1)],
  ["the longest key is read", get([LONGEST])],
  ["a longer key is set", set([LONGER], 1)],
  ["a longer key is read", get([LONGER])],
  ["a longer key is removed", ({ kv }) => kv.delete([LONGER])],
  ["the longest key is a prefix", list({ prefix: [LONGEST] })],
  ["a longer key is a prefix", list({ prefix: [LONGER] })],
  ["the longest key ends a range", list({ start: [LONGEST], end: [LONGER] })],
  ["the largest bigint is set", set([(1n << 2040n) - 1n], 1)],
  ["a larger bigint is set", set([1n << 2040n], 1)],
  ["a smaller bigint is set", set([-(1n << 2040n)], 1)],
  ["a larger bigint is read", get([1n << 2040n])],
];

const reads: Corner[] = [
  ["an unknown consistency", ({ kv }) => kv.get(["a"], { consistency: wrong("weak") })],
  ["options that are null", ({ kv }) => kv.get(["a"], wrong(null))],
  ["ten keys", ({ kv }) => kv.getMany(many(10, (i) => [i]))],
  ["eleven keys", ({ kv }) => kv.getMany(many(11, (i) => [i]))],
  ["no keys", ({ kv }) => kv.getMany([])],
  ["keys that are a number", ({ kv }) => kv.getMany(wrong(5))],
  ["keys that are undefined", ({ kv }) => kv.getMany(wrong(undefined))],
  ["keys of which one is text", ({ kv }) => kv.getMany(wrong(["a"]))],
  ["a key that is null, and one that is text", ({ kv }) => kv.getMany(wrong([null, "a"]))],
  ["a key that is null, and one too long", ({ kv }) => kv.getMany(wrong([null, [LONGER]]))],
  ["a key too long, and one that is null", ({ kv }) => kv.getMany(wrong([[LONGER], null]))],
  ["a null and an unknown consistency", ({ kv }) => {
    return kv.get(wrong(null), { consistency: wrong("weak") });
  }],
  ["a start outside of the prefix", list({ prefix: ["a"], start: ["b"] })],
  ["a start that is the prefix", list({ prefix: ["a"], start: ["a"] })],
  ["an end outside of the prefix", list({ prefix: ["a"], end: ["b"] })],
  ["an end that is the prefix", list({ prefix: ["a"], end: ["a"] })],
  ["a prefix with start and end", list({ prefix: ["a"], start: ["a", 1], end: ["a", 2] })],
  ["a start after the end", list({ start: ["b"], end: ["a"] })],
  ["a start that is the end", list({ start: ["b"], end: ["b"] })],
  ["a start alone", list({ start: ["b"] })],
  ["an end alone", list({ end: ["b"] })],
  ["an empty selector", list({})],
  ["no selector", list(undefined)],
  ["a prefix that is undefined", list({ prefix: undefined })],
  ["a prefix that is text", list({ prefix: "a" })],
  ...[0, -1, 1.5, NaN, Infinity, null].flatMap((count): Corner[] => [
    [`a limit of ${count}`, list({ prefix: [] }, { limit: count })],
    [`a batch size of ${count}`, list({ prefix: [] }, { batchSize: count })],
  ]),
  ["a batch of 1000", list({ prefix: ["none"] }, { batchSize: 1000 })],
  ["a batch of 1001", list({ prefix: ["none"] }, { batchSize: 1001 })],
  ["a limit of 2000", list({ prefix: ["none"] }, { limit: 2000 })],
  ...["!!", "AA", "AA==", "_w==", "+w==", "A A==", ""].flatMap((cursor): Corner[] => [
    [`the cursor "${cursor}"`, list({ start: ["a"], end: ["b"] }, { cursor })],
    [
      `the cursor "${cursor}" backwards`,
      list({ start: ["a"], end: ["b"] }, { cursor, reverse: true }),
    ],
  ]),
  ...["_w==", "AmEA", "AA==", "A".repeat(4000), "A".repeat(400_000)].flatMap((cursor): Corner[] => [
    [`a cursor of ${cursor.length} below a prefix`, list({ prefix: ["a"] }, { cursor })],
    [
      `a cursor of ${cursor.length} below a prefix, backwards`,
      list({ prefix: ["a"] }, { cursor, reverse: true }),
    ],
    [`a cursor of ${cursor.length} of a range`, list({ start: ["a"], end: ["b"] }, { cursor })],
  ]),
  ["a cursor that is a number", list({ prefix: [] }, { cursor: 5 })],
  ["list options that are null", list({ prefix: [] }, null)],
  ["an unknown consistency of a list", list({ prefix: [] }, { consistency: "weak" })],
  ["a cursor before the first entry", ({ kv }) => kv.list({ prefix: [] }).cursor],
  ["the cursor that was given", ({ kv }) => kv.list({ prefix: [] }, { cursor: "AnMA" }).cursor],
  ["the cursor after the end", async ({ kv }) => {
    const iterator = kv.list({ prefix: ["none"] });
    return [await iterator.next(), iterator.cursor, await iterator.next()];
  }],
];

const values: Corner[] = [
  ...[() => 1, Symbol("q"), Promise.resolve(), new WeakMap(), new SharedArrayBuffer(1)].map((
    value,
  ): Corner => [
    `a value that is ${Deno.inspect(value)}`,
    set(["v"], value),
  ]),
  ["a proxy", set(["v"], new Proxy({}, {}))],
  ["a function in a value", set(["v"], { a: [() => 1] })],
  [
    "a getter that throws",
    set(["v"], {
      get a() {
        throw new RangeError("mine");
      },
    }),
  ],
  ["64 KiB of bytes", set(["v"], new Uint8Array(65_536))],
  ["more than 64 KiB of bytes", set(["v"], new Uint8Array(65_537))],
  ["more than 64 KiB of text", set(["v"], "v".repeat(65_536))],
  ["bytes that can be resized", set(["v"], new Uint8Array(new ArrayBuffer(1, GROWING)))],
  ["bytes that are shared", set(["v"], new Uint8Array(new SharedArrayBuffer(1)))],
  ["bytes in such memory in a value", set(["v"], [new Uint8Array(new ArrayBuffer(1, GROWING))])],
  ["a module", set(["v"], [new WebAssembly.Module(EMPTY_MODULE)])],
  ["undefined", set(["v"], undefined)],
  ["undefined, read", get(["v"])],
  ...[-1, NaN, 1.5, Infinity, "a", null, 2 ** 53, 1e19, 1e20, 1e25].flatMap((
    expireIn,
  ): Corner[] => [
    [`an expiry of ${expireIn}`, set(["v"], 1, { expireIn })],
    [
      `an expiry of ${expireIn} in a mutation`,
      mutate({ type: "set", key: ["v"], value: 1, expireIn }),
    ],
    [`an expiry of ${expireIn} in an operation`, ({ kv }) => {
      kv.atomic().set(["v"], 1, { expireIn: wrong(expireIn) });
      return "not refused yet";
    }],
  ]),
];

const operations: Corner[] = [
  ["100 checks", commit((a) => a.check(...many(100, (i) => ({ key: [i], versionstamp: null }))))],
  ["101 checks", commit((a) => a.check(...many(101, (i) => ({ key: [i], versionstamp: null }))))],
  ["1000 mutations", commit((a) => many(1000, (i) => a.delete(["none", i])))],
  ["1001 mutations", commit((a) => many(1001, (i) => a.delete(["none", i])))],
  ["too many bytes", commit((a) => many(14, (i) => a.set([i], new Uint8Array(65_536))))],
  ["too many bytes of keys", commit((a) => many(41, (i) => a.set(["k".repeat(2000), i], 1)))],
  ["a versionstamp that is short", commit((a) => a.check({ key: ["a"], versionstamp: "abc" }))],
  [
    "a versionstamp that is no number",
    commit((a) => a.check({ key: ["a"], versionstamp: "x".repeat(20) })),
  ],
  [
    "a versionstamp in capitals",
    commit((a) => a.check({ key: ["a"], versionstamp: "A".repeat(20) })),
  ],
  ["a versionstamp that is missing", commit((a) => a.check(wrong({ key: ["a"] })))],
  [
    "a versionstamp of another type",
    commit((a) => a.check({ key: ["a"], versionstamp: wrong(5) })),
  ],
  ["a check of the empty key", commit((a) => a.check({ key: [], versionstamp: null }))],
  ["a check that is null", commit((a) => a.check(wrong(null)))],
  ["a set without a value", mutate({ type: "set", key: ["a"] })],
  ["a sum without a value", mutate({ type: "sum", key: ["a"] })],
  ["a delete with a value", mutate({ type: "delete", key: ["a"], value: 1 })],
  ["an unknown mutation", mutate({ type: "append", key: ["a"], value: 1 })],
  ["a sum of text", mutate({ type: "sum", key: ["a"], value: "x" })],
  ["a sum of bytes", mutate({ type: "sum", key: ["a"], value: new Uint8Array(8) })],
  ["a minimum of a number", mutate({ type: "min", key: ["a"], value: 1 })],
  ["a maximum of bytes", mutate({ type: "max", key: ["a"], value: new Uint8Array(8) })],
  ...[-1n, 1n << 64n, 5, "5"].flatMap((operand): Corner[] => [
    [`a sum of ${Deno.inspect(operand)}`, commit((a) => a.sum(["a"], wrong(operand)))],
    [`a KvU64 of ${Deno.inspect(operand)}`, () => new Deno.KvU64(wrong(operand))],
  ]),
  ["an operation that is awaited", async ({ kv }) => await kv.atomic()],
  ["an empty operation", commit(() => {})],
  ["an empty operation as text", ({ kv }) => Deno.inspect(kv.atomic())],
  ["an operation as text", ({ kv }) => {
    const checked = kv.atomic().check({ key: ["a", 1n], versionstamp: null });
    const changed = checked.set(["a"], { x: [1] }, { expireIn: 5 }).sum(["x"], 5n).delete(["q"]);
    return Deno.inspect(changed.enqueue("x", { delay: 5, backoffSchedule: [1] }).enqueue(1));
  }],
  ["a versionstamp in the middle of a key", ({ kv }) => kv.set([kv.commitVersionstamp(), "a"], 1)],
  ["a versionstamp as the whole key", ({ kv }) => kv.set([kv.commitVersionstamp()], 1)],
  ["a versionstamp in a key that is read", ({ kv }) => kv.get(["a", kv.commitVersionstamp()])],
  [
    "a versionstamp in a key that is removed",
    ({ kv }) => kv.delete(["a", kv.commitVersionstamp()]),
  ],
  ["a versionstamp in a sum", commit((a, { kv }) => a.sum(["a", kv.commitVersionstamp()], 1n))],
  [
    "a versionstamp twice",
    commit((a, { kv }) => {
      const key = ["twice", kv.commitVersionstamp()];
      a.set(key, 1).set(key, 2).set([...key.slice(0, 1), "x", kv.commitVersionstamp()], 3);
    }),
  ],
  ["a versionstamp, read", list({ prefix: ["twice"] })],
];

const messages: Corner[] = [
  ...[-1, NaN, 30 * 86_400_000 + 1, Infinity, "a"].map((delay): Corner => [
    `a delay of ${delay}`,
    enqueue(1, { delay }),
  ]),
  ...[[1, 2, 3, 4, 5, 6], [-1], [3_600_001], [NaN], ["a"], [1, , 2], null, 5, 0, "", false].map((
    backoffSchedule,
  ): Corner => [
    `the schedule ${Deno.inspect(backoffSchedule)}`,
    enqueue(1, { backoffSchedule }),
  ]),
  ["an undelivered key of another type", enqueue(1, { keysIfUndelivered: [["a", null]] })],
  ["undelivered keys and a delay that are not", enqueue(1, { keysIfUndelivered: 5, delay: true })],
  ["undelivered keys with a hole", enqueue(1, { keysIfUndelivered: [["a"], , ["b"]] })],
  ["undelivered keys that are text", enqueue(1, { keysIfUndelivered: "a" })],
  ["a message that cannot be cloned", enqueue(() => 1)],
  ["a message that is too large", enqueue(new Uint8Array(65_537))],
  [
    "a message far in the future",
    enqueue(undefined, { delay: 30 * 86_400_000, keysIfUndelivered: [[]] }),
  ],
];

const streams: Corner[] = [
  ["a watch of eleven keys", ({ kv }) => kv.watch(many(11, (i) => [i]))],
  ["a watch of a malformed key", ({ kv }) => kv.watch([[wrong(null)]])],
  ["a watch of text", ({ kv }) => kv.watch(wrong("a"))],
  ["a watch with options that are null", ({ kv }) => kv.watch([["a"]], wrong(null))],
  ["a watch of nothing", ({ kv }) => all(kv.watch([]))],
  ["a watch of keys with a hole", ({ kv }) => kv.watch(wrong([["a"], , ["b"]]))],
  ["a raw watch of nothing", ({ kv }) => all(kv.watch([], { raw: true }))],
  ["a watch of a malformed key and of text", ({ kv }) => kv.watch(wrong([[null], "a"]))],
  ["a watch of the empty key", async ({ kv }) => {
    const reader = kv.watch([[]]).getReader();
    const first = await reader.read();
    await reader.cancel();
    return first;
  }],
];

/** The last ones, which close the handle. */
const closed: Corner[] = [
  ["close", ({ kv }) => kv.close()],
  ["a read after close", get(["a"])],
  ["reads after close", ({ kv }) => kv.getMany([["a"]])],
  ["a list after close", list({ prefix: [] })],
  ["a set after close", set(["a"], 1)],
  ["a removal after close", ({ kv }) => kv.delete(["a"])],
  ["a commit after close", commit((a) => a.set(["a"], 1))],
  ["a malformed key after close", get([null])],
  ["a key that is null after close", get(null)],
  ["a value that cannot be cloned after close", set(["a"], () => 1)],
  ["a message after close", enqueue(1)],
  ["a listener after close", ({ kv }) => kv.listenQueue(() => {})],
  ["a watch after close", ({ kv }) => kv.watch([["a"]])],
  ["close after close", ({ kv }) => kv.close()],
  ["disposal after close", ({ kv }) => kv[Symbol.dispose]()],
];

/** All corners, in the order in which they run. */
export const CORNERS: readonly Corner[] = [
  ...keys,
  ...reads,
  ...values,
  ...operations,
  ...messages,
  ...streams,
  ...closed,
];
