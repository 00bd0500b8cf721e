/**
 * Scenarios with streams and queues, which take time: each says what it saw, and sees the same in
 * Deno's KV and in Quire's.
 */

import { setTimeout } from "node:timers/promises";
import type { Side } from "./side.ts";

/** A scenario. Returns what it saw. */
export type Scenario = (side: Side) => Promise<unknown>;

const QUIET = { backoffSchedule: [1, 1] };

async function watchCoalesces({ kv }: Side): Promise<unknown> {
  const seen: unknown[] = [];
  const reader = kv.watch<[number, string]>([["a"], ["b"]]).getReader();
  const read = async () => {
    const { value } = await reader.read();
    seen.push(value?.map((entry) => [entry.key, entry.value, entry.versionstamp === null]));
  };
  await read();
  await kv.set(["a"], 1);
  await read();
  await kv.atomic().set(["a"], 2).set(["b"], "x").commit();
  await read();
  await kv.delete(["missing"]);
  await kv.delete(["a"]);
  await read();
  await reader.cancel();
  return seen;
}

async function watchSkipsEqualStates({ kv }: Side): Promise<unknown> {
  const reader = kv.watch([["a"]]).getReader();
  const first = await reader.read();
  const second = reader.read();
  await kv.delete(["a"]);
  const isQuiet = await Promise.race([second.then(() => false), setTimeout(100, true)]);
  await kv.set(["a"], 1);
  const values = [first, await second].map(({ value }) => value?.[0].value);
  await reader.cancel();
  return [isQuiet, values];
}

async function watchEndsWithTheHandle({ kv }: Side): Promise<unknown> {
  const states: unknown[] = [];
  for await (const [entry] of kv.watch([["a"]])) {
    states.push(entry.value);
    if (entry.value === null) await kv.set(["a"], 1);
    else kv.close();
  }
  return states;
}

async function watchShowsManyKeys({ kv }: Side): Promise<unknown> {
  const keys = Array.from({ length: 10 }, (_, i) => ["many", i % 9]);
  const reader = kv.watch(keys).getReader();
  const seen = [await reader.read()];
  const changed = reader.read();
  await kv.atomic().set(["many", 0], new Deno.KvU64(1n)).set(["many", 8], "x").commit();
  seen.push(await changed);
  await reader.cancel("enough");
  const after = await reader.read();
  return [seen.map(({ value }) => value?.map((entry) => entry.value)), after];
}

async function watchesRace({ kv }: Side): Promise<unknown> {
  const readers = Array.from({ length: 20 }, () => kv.watch<[number]>([["race"]]).getReader());
  await Promise.all(readers.map((reader) => reader.read()));
  const last = readers.map(async (reader) => {
    for (;;) {
      const { value, done } = await reader.read();
      if (done || value[0].value === 50) return [done, value?.[0].value];
    }
  });
  await Promise.all(Array.from({ length: 50 }, (_, i) => kv.set(["race"], i)));
  await kv.set(["race"], 50);
  const ends = await Promise.all(last);
  await Promise.all(readers.map((reader) => reader.cancel()));
  return ends;
}

async function readsOfAWatchEndWithTheHandle({ kv }: Side): Promise<unknown> {
  const reader = kv.watch([["a"]]).getReader();
  await reader.read();
  const pending = reader.read();
  kv.close();
  const iterator = kv.list({ prefix: [] });
  return [
    await pending,
    await reader.read(),
    await iterator.next().catch((error) => error.name),
    await kv.enqueue(1).catch((error) => error.name),
    await kv.listenQueue(() => {}).catch((error) => error.message),
  ];
}

async function listenersShareMessages({ kv }: Side): Promise<unknown> {
  const seen: number[] = [];
  const all = Promise.withResolvers<void>();
  const handler = (message: number) => {
    seen.push(message);
    if (seen.length === 20) all.resolve();
  };
  const listeners = Array.from({ length: 5 }, () => kv.listenQueue(handler));
  await Promise.all(Array.from({ length: 20 }, (_, i) => kv.enqueue(i)));
  await all.promise;
  kv.close();
  const ended = await Promise.all(listeners);
  return [seen.toSorted((a, b) => a - b), ended];
}

async function aHandlerMayUseAndCloseTheHandle({ kv }: Side): Promise<unknown> {
  const seen: unknown[] = [];
  const ended = kv.listenQueue(async (message) => {
    const { versionstamp } = await kv.get(["claim", message]);
    const check = { key: ["claim", message], versionstamp };
    const claims = () => kv.atomic().check(check).set(check.key, true).commit();
    seen.push((await claims()).ok, (await claims()).ok);
    kv.close();
    seen.push(await kv.get(["claim"]).catch((error) => error.name));
  });
  await kv.enqueue(7);
  await ended;
  await setTimeout(50);
  return seen;
}

async function queueDelivers({ kv }: Side): Promise<unknown> {
  const seen: unknown[] = [];
  const all = Promise.withResolvers<void>();
  const ended = kv.listenQueue(function (this: unknown, message) {
    seen.push([message, typeof this]);
    if (seen.length === 3) all.resolve();
  });
  await kv.enqueue("first");
  await setTimeout(200);
  await kv.enqueue({ second: [1] });
  await setTimeout(200);
  await kv.atomic().set(["a"], 1).enqueue(new Uint8Array([3])).commit();
  await all.promise;
  kv.close();
  await ended;
  return seen;
}

async function queueRetriesAndGivesUp(side: Side): Promise<unknown> {
  const { kv } = side;
  let deliveries = 0;
  const ended = kv.listenQueue(() => {
    deliveries++;
    throw new Error("refused");
  });
  await kv.enqueue({ text: "lost" }, { ...QUIET, keysIfUndelivered: [["lost"], ["too"]] });
  // Deno does not wake watchers of such keys.
  while ((await kv.get(["lost"])).versionstamp === null) await setTimeout(20);
  const lost = await kv.getMany([["lost"], ["too"]]);
  const isOne = lost[0].versionstamp === lost[1].versionstamp;
  kv.close();
  await ended;
  return [deliveries, lost.map(({ value }) => value), isOne];
}

/** All scenarios. Each gets a database of its own. */
export const SCENARIOS: readonly Scenario[] = [
  watchCoalesces,
  watchSkipsEqualStates,
  watchEndsWithTheHandle,
  watchShowsManyKeys,
  watchesRace,
  readsOfAWatchEndWithTheHandle,
  listenersShareMessages,
  aHandlerMayUseAndCloseTheHandle,
  queueDelivers,
  queueRetriesAndGivesUp,
];
