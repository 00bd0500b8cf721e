/**
 * No engine: a map in memory whose sets resolve in a later turn of the event loop. Its figures are
 * what the clients, their timers and HTTP cost by themselves, so the lag of the loop beside them is
 * the least that can be measured here.
 */

import { setImmediate } from "node:timers/promises";
import { durableEngines } from "../durable/fixture.ts";
import { ENGINE_NAMES, type Engines } from "../engines/all_engines.ts";
import type { Changes, Engine, Store } from "../engines/engine.ts";

const NO_ENGINE = "none";

/** The names of the engines of the server bench, and that of no engine. */
export const SERVER_ENGINES: readonly string[] = [...ENGINE_NAMES, NO_ENGINE];

/** Loads an engine of the server bench, if it is present. */
export async function loadServerEngine(name: string): Promise<Engines> {
  if (name !== NO_ENGINE) return await durableEngines([name]);
  return { present: [noEngine], absent: [] };
}

/** Whether an engine keeps nothing. Rates of its sets mean nothing then. */
export function isNoEngine(engine: Engine): boolean {
  return engine === noEngine;
}

const noEngine: Engine = {
  name: NO_ENGINE,
  about: "a map in memory, whose sets resolve in the next turn of the event loop",
  open: () => new MapStore(),
};

class MapStore implements Store {
  readonly #values = new Map<string, Uint8Array>();

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#values.get(key.toHex());
  }

  scan(): number {
    return 0;
  }

  count(): number {
    return this.#values.size;
  }

  write(count: number, change: (changes: Changes, index: number) => void): void {
    const changes: Changes = {
      put: (key, value) => void this.#values.set(key.toHex(), value.slice()),
      remove: (key) => void this.#values.delete(key.toHex()),
    };
    for (let i = 0; i < count; i++) change(changes, i);
  }

  load(entries: Iterable<[Uint8Array, Uint8Array]>): void {
    for (const [key, value] of entries) this.#values.set(key.toHex(), value.slice());
  }

  async commit(key: Uint8Array, value: Uint8Array): Promise<void> {
    this.#values.set(key.toHex(), value.slice());
    await setImmediate();
  }

  async commitAll(entries: readonly [Uint8Array, Uint8Array][]): Promise<void> {
    this.load(entries);
    await setImmediate();
  }

  removeAll(): void {
    this.#values.clear();
  }

  close(): void {}
}
