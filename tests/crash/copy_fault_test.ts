/**
 * Failing calls of the file system under copies of every kind, compaction, loads and streams: each
 * fails with a typed error, leaves nothing but a whole file under a final name, nothing under
 * another, no descriptor, and its source as it was; the next attempt succeeds.
 *
 * QUIRE_COPY_FAULTS=N fails every Nth call of each, 32 by default; each run fails others.
 */

import { assertEquals, assertGreater } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import { TURN } from "../support/turn.ts";
import { PROGRAM } from "./faults/program.ts";
import { SCENARIOS } from "./faults/scenarios.ts";

const EVERY = Number(Deno.env.get("QUIRE_COPY_FAULTS") ?? 32);
const MAP = fromFileUrl(new URL("./faults/import_map.json", import.meta.url));
/** Calls that once failed without an IoError, or left a file, a descriptor or a lock. */
const ALWAYS: readonly (readonly [scenario: string, call: string])[] = [
  ["backup", "fstat"],
  ["backup", "close"],
  ["compact backup", "fstat"],
  ["restore", "close"],
  ["promotion", "fstat"],
  ["replica of an archive", "close"],
];

/** Fails calls of a scenario in a process of its own, in which `node:fs` is another. */
async function sweep(scenario: string, every: number, only: readonly string[] = []) {
  const args = ["run", "-A", "-q", "--no-check", `--import-map=${MAP}`, PROGRAM];
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: [...args, scenario, `${every}`, `${TURN}`, ...only],
    stderr: "inherit",
    env: { NO_COLOR: "1" },
  }).output();
  const wrong = new TextDecoder().decode(stdout).trim().split("\n");
  const trials = Number(wrong.pop());
  assertEquals(wrong, []);
  return trials;
}

describe("a failing call of the file system", () => {
  for (const scenario of Object.keys(SCENARIOS)) {
    it(`under ${scenario} is typed, and leaves nothing`, async () => {
      const few = ["compact", "load", "setStream", "dropTree", "backup to a stream"];
      const trials = await sweep(scenario, few.includes(scenario) ? Math.min(EVERY, 3) : EVERY);
      assertGreater(trials, 0);
    });
  }

  for (const [scenario, call] of ALWAYS) {
    it(`of any ${call} under ${scenario} too`, async () => {
      assertGreater(await sweep(scenario, 1, [call]), 2);
    });
  }
});
