/**
 * The server of the bench, in a process of its own: one database of one engine behind HTTP on this
 * machine, until its input ends.
 *
 * `GET /N` reads the entry with number N, `PUT /N` sets it and responds when it is durable.
 * `PUT /lag` starts to measure the lag of the event loop, `GET /lag` returns it as JSON. Prints the
 * port as one line of JSON once it listens.
 */

import { openFilled } from "../durable/fixture.ts";
import type { Engine, Store } from "../engines/engine.ts";
import { Keys, Values } from "../measure/keys.ts";
import { idleLag, LoopLag } from "./client/loop_lag.ts";
import { threadClock } from "./client/thread_time.ts";
import { loadServerEngine } from "./no_engine.ts";
import type { Lag } from "./results.ts";
import { syncUs } from "./slow/sync_cost.ts";

const IDLE_MS = 300;

/** What to serve. */
export interface ServerInput {
  readonly engine: string;
  readonly folder: string;
  readonly entries: number;
}

/** What the server prints. */
export type ServerOutput = { readonly absent: string } | {
  readonly port: number;
  /** The engine's version and configuration. */
  readonly about: string;
  /** The microseconds of a write of 4 KiB that syncs, in this process. */
  readonly syncUs: number;
  /** The lag of the event loop without requests. */
  readonly idle: Lag;
};

if (import.meta.main) {
  const input: ServerInput = JSON.parse(Deno.args[0]!);
  const { present: [engine], absent } = await loadServerEngine(input.engine);
  if (engine === undefined) print({ absent: absent[0]![1] });
  else await serve(engine, input);
}

async function serve(engine: Engine, { folder, entries }: ServerInput): Promise<void> {
  const keys = new Keys(entries);
  const store = await openFilled(engine, `${folder}/db`, keys, new Values());
  const about = { about: engine.about, syncUs: syncUs(folder), idle: await idleLag(IDLE_MS) };
  using lag = new LoopLag(undefined, threadClock());
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen: ({ port }) => print({ port, ...about }),
    onError: failed,
  }, (request) => respond(request, store, keys, lag));
  // Nothing is written to the input; it ends with the bench.
  for await (const _ of Deno.stdin.readable);
  await server.shutdown();
  await store.close();
}

async function respond(
  request: Request,
  store: Store,
  keys: Keys,
  lag: LoopLag,
): Promise<Response> {
  const name = request.url.slice(request.url.lastIndexOf("/") + 1);
  const isWrite = request.method === "PUT";
  if (name === "lag") {
    if (!isWrite) return Response.json(lag.read());
    lag.restart();
    return new Response(null, { status: 204 });
  }
  // A copy, because a request that waits keeps its key.
  const key = keys.at(Number(name)).slice();
  if (isWrite) {
    const value = await request.bytes();
    await (store.commitShared ?? store.commit).call(store, key, value);
    return new Response(null, { status: 204 });
  }
  const value = await store.get(key);
  if (value === undefined || value === null) return new Response(null, { status: 404 });
  return new Response(value as Uint8Array<ArrayBuffer>);
}

function failed(error: unknown): Response {
  console.error(error);
  return new Response(null, { status: 500 });
}

function print(output: ServerOutput): void {
  console.log(JSON.stringify(output));
}
