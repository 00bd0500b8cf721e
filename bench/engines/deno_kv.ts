/**
 * The adapter of Deno KV on a file.
 *
 * It keeps a reference to a key until it commits, so keys are copied. A transaction has at most
 * 1,000 changes, so larger ones are divided.
 */

import type { Changes, Engine, Store } from "./engine.ts";

const CHANGES_MAX = 1000;
const READ_BATCH = 500;

/** The key-value store of the runtime. */
export function denoKvEngine(): Engine {
  if (!("openKv" in Deno)) throw new Error("the runtime has it only as unstable");
  return {
    name: "Deno KV",
    about: "keys of one part in bytes, at most 1,000 changes a transaction",
    open: async (path) => new DenoKvStore(await Deno.openKv(path)),
  };
}

class DenoKvStore implements Store {
  readonly #kv: Deno.Kv;

  constructor(kv: Deno.Kv) {
    this.#kv = kv;
  }

  async get(key: Uint8Array): Promise<Uint8Array | null> {
    return (await this.#kv.get<Uint8Array>([key])).value;
  }

  async scan(from: Uint8Array, limit: number): Promise<number> {
    let bytes = 0;
    const selector = { start: [from.slice()], end: [new Uint8Array(17).fill(255)] };
    const options = Number.isFinite(limit) ? { limit } : {};
    const batchSize = Math.min(limit, READ_BATCH);
    for await (const entry of this.#kv.list<Uint8Array>(selector, { ...options, batchSize })) {
      bytes += (entry.key[0] as Uint8Array).length + entry.value.length;
    }
    return bytes;
  }

  async count(): Promise<number> {
    let count = 0;
    for await (const _ of this.#kv.list({ prefix: [] }, { batchSize: READ_BATCH })) count++;
    return count;
  }

  async write(count: number, change: (changes: Changes, index: number) => void): Promise<void> {
    for (let from = 0; from < count; from += CHANGES_MAX) {
      const atomic = this.#kv.atomic();
      const changes: Changes = {
        put: (key, value) => void atomic.set([key.slice()], value),
        remove: (key) => void atomic.delete([key.slice()]),
      };
      for (let i = from; i < Math.min(from + CHANGES_MAX, count); i++) change(changes, i);
      await atomic.commit();
    }
  }

  async load(entries: Iterable<[Uint8Array, Uint8Array]>): Promise<void> {
    const all = Array.from(
      entries,
      ([key, value]): [Uint8Array, Uint8Array] => [key.slice(), value],
    );
    await this.write(all.length, (changes, index) => changes.put(...all[index]!));
  }

  async commit(key: Uint8Array, value: Uint8Array): Promise<void> {
    await this.#kv.set([key], value);
  }

  async commitAll(entries: readonly [Uint8Array, Uint8Array][]): Promise<void> {
    await Promise.all(entries.map(([key, value]) => this.#kv.set([key], value)));
  }

  async removeAll(): Promise<void> {
    const keys = await Array.fromAsync(this.#kv.list({ prefix: [] }), ({ key }) => key[0]);
    await this.write(keys.length, (changes, index) => changes.remove(keys[index] as Uint8Array));
  }

  close(): void {
    this.#kv.close();
  }
}
