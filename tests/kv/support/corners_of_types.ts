/**
 * Corners of types: values of every type in place of every argument, the classes of what is
 * returned, and arguments that change after the call.
 */

import type { Side } from "./side.ts";

/** A call, by a name that says what is special about it. */
export type Corner = readonly [name: string, call: (side: Side) => unknown];

/** Arguments that the types refuse. */
// deno-lint-ignore no-explicit-any
const wrong = (value: unknown): any => value;

/** Values of types that no argument has, by name. */
const TYPES: Readonly<Record<string, unknown>> = {
  undefined,
  null: null,
  number: 1,
  boolean: true,
  bigint: 1n,
  text: "a",
  symbol: Symbol("x"),
  function: () => 1,
  "async function": async () => {},
  "generator function": function* () {},
  object: {},
  date: new Date(5),
  pattern: /a/,
  map: new Map(),
  set: new Set(),
  "weak map": new WeakMap(),
  promise: Promise.resolve(),
  bytes: new Uint8Array(1),
  halves: new Float16Array(1),
  floats: new Float64Array(1),
  view: new DataView(new ArrayBuffer(1)),
  buffer: new ArrayBuffer(1),
  error: new Error("a"),
  boxed: Object("a"),
  integer: new Deno.KvU64(1n),
};

const ofTypes = Object.entries(TYPES).flatMap(([name, value]): Corner[] => [
  [`a checked key: ${name}`, ({ kv }) => {
    return kv.atomic().check({ key: wrong(value), versionstamp: null }).commit();
  }],
  [`a versionstamp: ${name}`, async ({ kv }) => {
    const check = { key: ["none"], versionstamp: wrong(value) };
    return (await kv.atomic().check(check).commit()).ok;
  }],
  [`undelivered keys: ${name}`, async ({ kv }) => {
    return (await kv.enqueue(1, { keysIfUndelivered: wrong(value) })).ok;
  }],
  [`a delay: ${name}`, async ({ kv }) => {
    return (await kv.enqueue(1, { delay: wrong(value) }).catch(shortDate) as { ok: boolean }).ok;
  }],
  [`a read key: ${name}`, ({ kv }) => kv.getMany([wrong(value)])],
  [`a listed part: ${name}`, async ({ kv }) => {
    const iterator = kv.list({ prefix: [wrong(value)] });
    const first = await iterator.next();
    return [typeof iterator, first];
  }],
  [`a cursor: ${name}`, ({ kv }) => kv.list({ prefix: ["none"] }, { cursor: wrong(value) }).next()],
  [`watched keys: ${name}`, ({ kv }) => kv.watch(wrong(value)).cancel()],
  [`the key of a mutation: ${name}`, ({ kv }) => {
    return kv.atomic().mutate({ type: "delete", key: wrong(value) }).commit();
  }],
  [`an interval: ${name}`, async ({ kv }) => {
    return (await kv.enqueue(1, { backoffSchedule: [wrong(value)] })).ok;
  }],
]);

/** The text of a date depends on the time zone. */
function shortDate(error: Error): never {
  throw new TypeError(error.message.replace(/ \w+ \w+ \d+ .*/, ""));
}

const consistencies = ["undefined", "null", "number", "boolean", "bigint", "text", "object", "map"]
  .map((name): Corner => [`a consistency: ${name}`, ({ kv }) => {
    return kv.get(["none"], { consistency: wrong(TYPES[name]) });
  }]);

const classes: Corner[] = [
  ["the classes", ({ kv }) => [
    kv instanceof Deno.Kv,
    kv.atomic() instanceof Deno.AtomicOperation,
    // Deno's types have no such class.
    kv.list({ prefix: [] }) instanceof wrong(Deno).KvListIterator,
  ]],
  ["the handle as text", ({ kv }) => [
    Deno.inspect(kv),
    Deno.inspect(kv.list({ prefix: [] })),
    `${kv} ${Object.prototype.toString.call(kv.list({ prefix: [] }))}`,
    JSON.stringify(kv),
  ]],
  ["the handle as a value", async ({ kv }) => {
    await kv.set(["handle"], kv);
    return (await kv.get(["handle"])).value;
  }],
  ["the class of an integer", async ({ kv }) => {
    await kv.set(["u64"], new Deno.KvU64(7n));
    const { value } = await kv.get<Deno.KvU64>(["u64"]);
    return [value instanceof Deno.KvU64, wrong(value).constructor === Deno.KvU64, value];
  }],
  ["an object with the property of an integer", ({ kv }) => {
    return kv.atomic().mutate({ type: "sum", key: ["u64"], value: wrong({ value: 1n }) }).commit();
  }],
];

const changes: Corner[] = [
  ["a selector that changes", async ({ kv }) => {
    await kv.set(["changes", 1], 1);
    const prefix = ["changes"];
    const iterator = kv.list({ prefix });
    prefix[0] = "other";
    return (await Array.fromAsync(iterator)).length;
  }],
  ["options that change", async ({ kv }) => {
    const options = { limit: 1 };
    const iterator = kv.list({ prefix: [] }, options);
    options.limit = 2;
    return (await Array.fromAsync(iterator)).length;
  }],
  ["a key that changes before the commit", async ({ kv }) => {
    const key = ["before"];
    const operation = kv.atomic().set(key, 1);
    key[0] = "after";
    await operation.commit();
    return (await kv.getMany([["before"], ["after"]])).map(({ value }) => value);
  }],
  ["a value that changes before the commit", async ({ kv }) => {
    const [object, bytes] = [{ a: 1 }, new Uint8Array([1])];
    const operation = kv.atomic().set(["object"], object).set(["bytes"], bytes);
    object.a = bytes[0] = 2;
    await operation.commit();
    return (await kv.getMany([["object"], ["bytes"]])).map(({ value }) => value);
  }],
  ["bytes that were given away", async ({ kv }) => {
    const bytes = new Uint8Array(4);
    structuredClone(bytes, { transfer: [bytes.buffer] });
    await kv.set(["bytes"], bytes);
    return (await kv.get(["bytes"])).value;
  }],
  ["an iterator that is left and continued", async ({ kv }) => {
    await kv.atomic().set(["left", 1], 1).set(["left", 2], 2).set(["left", 3], 3).commit();
    const iterator = kv.list({ prefix: ["left"] }, { batchSize: 2 });
    for await (const _ of iterator) break;
    return (await Array.fromAsync(iterator)).map(({ key }) => key);
  }],
  ["an order that is no boolean", async ({ kv }) => {
    const iterator = kv.list({ prefix: ["left"] }, { reverse: wrong("yes") });
    return (await Array.fromAsync(iterator)).map(({ key }) => key);
  }],
  ["an operation that is committed twice", async ({ kv }) => {
    const operation = kv.atomic().sum(["twice"], 1n);
    await operation.commit();
    await operation.commit();
    return (await kv.get(["twice"])).value;
  }],
  ["keys with a hole", ({ kv }) => kv.getMany(wrong([["left", 1], , ["left", 2]]))],
  ["an array of checks", ({ kv }) => kv.atomic().check(wrong([{ key: ["a"] }])).commit()],
  ["shared memory in a value", ({ kv }) => kv.set(["s"], { a: new SharedArrayBuffer(1) })],
];

const hosts: Corner[] = [
  ["a blob", async ({ kv }) => {
    await kv.set(["host"], new Blob(["abc"], { type: "a/b" }));
    const { value } = await kv.get<Blob>(["host"]);
    return [value, await value?.text()];
  }],
  ["a file", async ({ kv }) => {
    await kv.set(["host"], new File(["abc"], "name", { type: "a/b", lastModified: 5 }));
    const { value } = await kv.get<File>(["host"]);
    return [value, value?.lastModified, await value?.text()];
  }],
  ["an exception", async ({ kv }) => {
    const exception = new DOMException("message", "DataError");
    await kv.set(["host"], exception);
    const { value } = await kv.get<DOMException>(["host"]);
    return [value instanceof DOMException, value?.name, value?.stack === exception.stack];
  }],
  ["a key", async ({ kv }) => {
    const format = { name: "AES-GCM" };
    const key = await crypto.subtle.importKey("raw", new Uint8Array(16), format, false, [
      "encrypt",
    ]);
    await kv.set(["host"], { key });
    return (await kv.get(["host"])).value;
  }],
  ["host objects in a value", async ({ kv }) => {
    const blob = new Blob(["abc"]);
    const value = { a: blob, b: [blob, new Uint8Array([1])], c: new Map([[blob, "\u{1f600}"]]) };
    await kv.set(["host"], value);
    const read = (await kv.get<typeof value>(["host"])).value!;
    return [read, read.b[0] === read.a, read.c.get(read.a), await read.a.text()];
  }],
  ["a message with a blob", async ({ kv }) => (await kv.enqueue([new Blob(["abc"])])).ok],
  ["a stream", ({ kv }) => kv.set(["host"], [new ReadableStream()])],
  ["a port", ({ kv }) => kv.set(["host"], new MessageChannel().port1)],
  ["a request", async ({ kv }) => {
    await kv.set(["host"], new Request("http://a"));
    return (await kv.get(["host"])).value;
  }],
];

/** The corners, in the order in which they run. */
export const CORNERS_OF_TYPES: readonly Corner[] = [
  ...ofTypes,
  ...consistencies,
  ...classes,
  ...changes,
  ...hosts,
];
