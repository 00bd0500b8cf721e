/**
 * The child process that `kill_test.ts` kills: it opens a database, prints the state that it found,
 * and then commits as fast as it can, printing the beginning and the end of each commit. While a
 * sync runs off the thread it ends by itself for `exit_test.ts`, or waits to be killed.
 *
 * A commit changes one of a fixed set of entries, so the state after any number of commits is
 * known. Most commits are made while a sync runs off the thread. Lines of its output: `s` it has
 * started, `o N` it has opened state N, `t N` it begins commit N, `a N` commits up to N are
 * acknowledged, `f N` it starts a sync off the thread of commits up to N, `l N` it takes note of
 * the end of that sync, `w N` it waits, with commits up to N made in that flight. Any other line is
 * an error.
 */

import { type Io, openDiskFile } from "../../../pager/mod.ts";
import {
  type Change,
  describeDifference,
  type Durability,
  type Handle,
  sameState,
  type State,
  stateKey,
} from "../support/engine.ts";
import { quireEngine } from "../support/quire_engine.ts";
import { valueOf } from "../support/workloads.ts";

const KEYS = 61;
/** The commits in line between two series of flights. */
const IN_LINE = 10;
/** The flights of a series, which requests a checkpoint in the middle. */
const FLIGHTS = 24;
const LEVELS: readonly Durability[] = ["sync", "buffered", "buffered", "none", "sync", "none"];
/** The series in which it ends by itself, if it does, or waits. */
const LAST_SERIES = { ends: 3, waits: 0 };
const encoder = new TextEncoder();

/** How it ends by itself; or "wait": it does not. */
export type Ending = "exit" | "throw" | "reject" | "SIGTERM" | "wait";

const ENDINGS: Readonly<Record<Ending, () => void>> = {
  exit: () => Deno.exit(7),
  throw: () =>
    void setTimeout(() => {
      throw new Error("uncaught");
    }, 0),
  reject: () => void Promise.reject(new Error("unhandled")),
  SIGTERM: () => Deno.kill(Deno.pid, "SIGTERM"),
  // A program that waits for nothing would end.
  wait: () => void setInterval(() => {}, 1000),
};

/** Makes one commit, which sets or deletes one entry and records its number. */
export function changesOf(commit: number): Change[] {
  const key = `key ${commit % KEYS}`;
  const isLarge = commit % 17 === 0;
  const length = isLarge ? 20_000 : commit * 31 % 900;
  const value = commit % 7 === 3 ? undefined : valueOf(key, commit, length);
  return [
    { tree: "main", key: encoder.encode(key), value },
    { tree: "last", key: encoder.encode("commit"), value: encoder.encode(String(commit)) },
  ];
}

/** The state after a number of commits. */
export function stateOf(commits: number): State {
  const state = new Map<string, Uint8Array>();
  for (let commit = Math.max(1, commits - KEYS + 1); commit <= commits; commit++) {
    for (const { tree, key, value } of changesOf(commit)) {
      if (value !== undefined) state.set(stateKey(tree, key), value);
    }
  }
  return state;
}

/** Checks a database, and returns how many commits it has seen. */
export function commitsIn(handle: Handle): number {
  const state = handle.state();
  const last = state.get(stateKey("last", encoder.encode("commit")));
  const commits = last === undefined ? 0 : Number(new TextDecoder().decode(last));
  const expected = stateOf(commits);
  if (!sameState(state, expected)) {
    throw new Error(`after ${commits} commits: ${describeDifference(state, expected)}`);
  }
  handle.check();
  return commits;
}

function say(line: string): void {
  Deno.stdout.writeSync(encoder.encode(`${line}\n`));
}

async function main(path: string, io: Io, ending: Ending | undefined): Promise<void> {
  say("s");
  const handle = quireEngine.open(openDiskFile(path, { io }), {
    io,
    journalBytes: 2 * 1024 * 1024,
  });
  const lastSeries = LAST_SERIES[ending === "wait" ? "waits" : "ends"];
  let commit = commitsIn(handle);
  say(`o ${commit}`);
  for (let turn = 0;; turn++) {
    commit++;
    say(`t ${commit}`);
    const level = LEVELS[commit % LEVELS.length]!;
    handle.write(changesOf(commit), level);
    if (level !== "none") say(`a ${commit}`);
    if (commit % 5 === 0) handle.checkpointStep();
    if (turn % IN_LINE !== 0) continue;
    const isLast = turn === lastSeries * IN_LINE;
    commit = await flyFor(handle, commit, isLast ? ending : undefined);
  }
}

/** Makes some commits while syncs run off the thread; returns the last commit. */
async function flyFor(handle: Handle, first: number, ending?: Ending): Promise<number> {
  let commit = first;
  for (let flight = 0; flight < FLIGHTS; flight++) {
    if (flight === FLIGHTS >> 1) handle.requestCheckpoint();
    const covered = commit;
    const synced = handle.takeOff();
    say(`f ${covered}`);
    for (let i = 0; i < 3; i++) {
      commit++;
      say(`t ${commit}`);
      handle.write(changesOf(commit), "none");
    }
    if (ending !== undefined && flight === FLIGHTS >> 1) {
      if (ending === "wait") say(`w ${commit}`);
      ENDINGS[ending]();
      await new Promise(() => {}); // the flight never lands
    }
    await synced;
    say(`l ${covered}`);
    handle.land();
    say(`a ${covered}`);
  }
  return commit;
}

if (import.meta.main) {
  try {
    await main(Deno.args[0]!, Deno.args[1] as Io, Deno.args[2] as Ending | undefined);
  } catch (error) {
    say(`error ${error instanceof Error ? error.stack : error}`);
  }
}
