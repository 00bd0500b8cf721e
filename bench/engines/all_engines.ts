/**
 * Quire and its peers. A peer that cannot be loaded is reported as absent, with the reason.
 */

import { classicLevelEngine } from "./classic_level.ts";
import { denoKvEngine } from "./deno_kv.ts";
import type { Engine, Later } from "./engine.ts";
import { lmdbEngine } from "./lmdb.ts";
import { quireEngine } from "./quire.ts";
import { sqliteEngine } from "./sqlite.ts";

/** The available engines, Quire first, and the reasons why others are absent. */
export interface Engines {
  /** Those that can be measured. */
  readonly present: readonly Engine[];
  /** Name and reason of the others. */
  readonly absent: readonly (readonly [name: string, reason: string])[];
}

/** The loader of each peer; an error means that it is absent. */
const PEERS: Readonly<Record<string, (pageBytes: number) => Later<Engine>>> = {
  "lmdb-js": lmdbEngine,
  "node:sqlite": sqliteEngine,
  "classic-level": classicLevelEngine,
  "Deno KV": denoKvEngine,
};

/** The names of all engines, whether they can be loaded or not. */
export const ENGINE_NAMES: readonly string[] = ["Quire", ...Object.keys(PEERS)];

/**
 * Loads engines.
 *
 * @param lmdbPageBytes The size of pages for lmdb-js: 8192 is faster in bulk, 4096 writes less.
 */
export async function loadEngines(
  names: readonly string[],
  lmdbPageBytes: number,
): Promise<Engines> {
  const present: Engine[] = [];
  const absent: [string, string][] = [];
  for (const name of names) {
    try {
      present.push(name === "Quire" ? quireEngine() : await PEERS[name]!(lmdbPageBytes));
    } catch (error) {
      absent.push([name, error instanceof Error ? error.message.split("\n")[0]! : String(error)]);
    }
  }
  return { present, absent };
}
