/**
 * The load generator, in a process of its own: requests on a number of connections, each of which
 * sends its next request when the previous one is answered. Prints the figures as one line of JSON.
 *
 * It ends after a time or a number of requests, and fails if a response is missing long after that.
 * The rate includes the last responses and the time until they arrive, because a server that
 * answers in batches would otherwise lose up to a batch.
 */

import { Values, xorshift } from "../../measure/keys.ts";
import { latencyOf, type Sample } from "../results.ts";
import { HttpConnection } from "./http_connection.ts";
import { Samples } from "./samples.ts";

/** How long after the end a response may arrive. */
export const GRACE_MS = 60_000;
/** The time before the measurement. */
export const WARM_UP_MS = 300;

/** The load to generate. */
export interface LoadInput {
  readonly port: number;
  readonly connections: number;
  readonly writePercent: number;
  readonly entries: number;
  /** The time to measure, and the most requests meanwhile. */
  readonly ms: number;
  readonly requests: number;
}

/** Requests, and how long each took. */
class Load {
  readonly reads = new Samples();
  readonly writes = new Samples();
  readonly all = new Samples();
  readonly #input: LoadInput;
  readonly #values = new Values();
  readonly #random: () => number;
  #left: number;

  constructor(input: LoadInput, seed: number) {
    this.#input = input;
    this.#left = input.requests;
    this.#random = xorshift(seed);
  }

  /** Sends requests on all connections until the time is over. Returns how long that took. */
  async run(connections: readonly HttpConnection[], ms: number): Promise<number> {
    const begin = performance.now();
    const end = begin + ms;
    await Promise.all(connections.map((connection) => this.#drive(connection, end)));
    return performance.now() - begin;
  }

  async #drive(connection: HttpConnection, end: number): Promise<void> {
    while (performance.now() < end && this.#left-- > 0) {
      const number = this.#random() % this.#input.entries;
      const isWrite = this.#random() % 100 < this.#input.writePercent;
      const begin = performance.now();
      if (isWrite) {
        await send(connection, "PUT", `/${number}`, 204, this.#values.at(this.#random()));
      } else await send(connection, "GET", `/${number}`, 200);
      const ms = performance.now() - begin;
      this.all.add(ms);
      (isWrite ? this.writes : this.reads).add(ms);
    }
  }
}

if (import.meta.main) console.log(JSON.stringify(await measure(JSON.parse(Deno.args[0]!))));

async function measure(input: LoadInput): Promise<Sample> {
  const opening = Array.from({ length: input.connections }, () => HttpConnection.open(input.port));
  const connections = await Promise.all(opening);
  // A closed connection rejects the request that waits on it.
  const guard = setTimeout(() => {
    console.error(`a response was missing ${GRACE_MS / 1000} s after the end`);
    for (const connection of connections) connection.close();
  }, WARM_UP_MS + input.ms + GRACE_MS);
  await new Load(input, 2463534242).run(connections, WARM_UP_MS);
  await send(connections[0]!, "PUT", "/lag", 204);
  const load = new Load(input, 88675123);
  const ms = await load.run(connections, input.ms);
  const lag = await send(connections[0]!, "GET", "/lag", 200);
  clearTimeout(guard);
  for (const connection of connections) connection.close();
  const isMixed = load.reads.length > 0 && load.writes.length > 0;
  return {
    rate: load.all.length / ms * 1000,
    latency: latencyOf(load.all),
    ...(isMixed ? { reads: latencyOf(load.reads), writes: latencyOf(load.writes) } : {}),
    lag: JSON.parse(new TextDecoder().decode(lag)),
  };
}

/** The body of a response with the expected status. */
async function send(
  connection: HttpConnection,
  method: string,
  path: string,
  expected: number,
  body?: Uint8Array,
): Promise<Uint8Array> {
  const response = await connection.request(method, path, body);
  if (response.status === expected) return response.body;
  throw new Error(`Cannot measure: ${method} ${path} was answered with ${response.status}`);
}
