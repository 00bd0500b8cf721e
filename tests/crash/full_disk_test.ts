// A full disk: whatever room there is, nothing that was acknowledged is lost, no checkpoint and no
// recovery needs more room than the file has, and deletes go on. The file system is simulated, with
// a budget of blocks; `full_disk_mount_test.ts` fills real ones.
//
// QUIRE_BUDGETS=N tries each Nth budget only.

import { assert, assertEquals, assertGreater, assertLessOrEqual } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { IoError } from "../../pager/mod.ts";
import { BudgetFile } from "../support/budget_file.ts";
import {
  type Change,
  describeDifference,
  type Handle,
  sameState,
  type State,
  stateAfter,
} from "./support/engine.ts";
import { quireEngine } from "./support/quire_engine.ts";
import { Random } from "../support/random.ts";
import { remove, set } from "./support/workloads.ts";

const EVERY = Number(Deno.env.get("QUIRE_BUDGETS") ?? 13);
const OPTIONS = {};
/** A new database, and the first pages of its journal. */
const FIRST_BLOCKS = 6;
/** With so much room a close keeps nothing back. */
const PLENTY_BLOCKS = 256;
/** Past the room that the whole workload takes. */
const LAST_BLOCKS = 900;

const range = (length: number) => Array.from({ length }, (_, i) => i);
/** Small values, values of a run each, and a commit whose new pages go straight to the file. */
const COMMITS: readonly (readonly Change[])[] = [
  ...range(6).map((i) => range(12).map((k) => set("main", `a${k * 7 + i}`, i, 300))),
  ...range(10).map((i) => [set("main", `b${i}`, i, 30_000)]),
  [set("other", "c", 1, 700_000)],
  ...range(6).map((i) => [remove("main", `b${i}`), set("main", `d${i}`, i, 45_000)]),
  range(60).map((k) => set("other", `e${k}`, k, 2_000)),
];

/** A database that is filled as far as there is room. */
class Filling {
  state: State = new Map();
  acknowledged = 0;
  refused = 0;

  readonly file: BudgetFile;
  readonly handle: Handle;

  constructor(file: BudgetFile, handle: Handle) {
    this.file = file;
    this.handle = handle;
  }

  /** Makes all commits that there is room for. */
  fill(checkpointEvery: number): void {
    COMMITS.forEach((changes, i) => {
      this.write(changes);
      if (checkpointEvery > 0 && i % checkpointEvery === 0) this.handle.checkpoint();
    });
  }

  /** Makes a commit, or has it refused. */
  write(changes: readonly Change[]): void {
    try {
      this.handle.write(changes, "sync");
      this.acknowledged++;
      this.state = stateAfter(this.state, changes);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.refused++;
    }
  }

  /** Removes every entry, each by a commit of its own. */
  empty(): void {
    for (const change of removals(this.state)) {
      this.handle.write([change], "sync");
      this.state = stateAfter(this.state, [change]);
    }
  }

  expect(handle: Handle, what: string): void {
    const found = handle.state();
    if (sameState(found, this.state)) return;
    throw new Error(`${what}: ${describeDifference(found, this.state)}`);
  }
}

/** Changes that remove every entry. */
function removals(state: State): Change[] {
  return [...state.keys()].map((name) => {
    const [tree, key] = name.split("/");
    return { tree: tree!, key: Uint8Array.fromHex(key!), value: undefined };
  });
}

/** Whether an error says that there is no room, and no more than that. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof IoError) || !(error.cause instanceof Error)) return false;
  return "code" in error.cause && error.cause.code === "ENOSPC";
}

/** Opens what somebody left, and finds it whole, writable and able to lose entries. */
function reopen(from: Filling, file: BudgetFile, what: string): void {
  const handle = quireEngine.open(file, OPTIONS);
  const next = new Filling(file, handle);
  next.state = from.state;
  next.expect(handle, what);
  next.empty();
  handle.check();
  next.expect(handle, `${what}, emptied`);
  handle.close();
}

/** As `reopen`, of what was closed after a refusal, and of whose disk others then took the rest. */
function reopenClosed(from: Filling): void {
  const file = from.file.afterKill();
  const next = new Filling(file, quireEngine.open(file, OPTIONS));
  next.state = from.state;
  for (let i = 0; next.refused === 0; i++) next.write([set("main", `f${i}`, i, 20_000)]);
  next.handle.close();
  if (file.budget - file.used >= PLENTY_BLOCKS) return;
  file.budget = file.used;
  reopen(next, file, "closed on a full disk");
}

/** Fills a disk of so many blocks, and does everything that has to work on it then. */
function trial(budget: number, checkpointEvery: number): Filling {
  const file = new BudgetFile(budget);
  const filling = new Filling(file, quireEngine.open(file, OPTIONS));
  filling.fill(checkpointEvery);
  filling.expect(filling.handle, "filled");
  reopen(filling, file.afterKill(), "after a kill");
  reopen(filling, file.afterPowerCut(), "after a power cut");
  reopenClosed(filling);
  filling.handle.checkpoint();
  filling.expect(filling.handle, "after a checkpoint");
  filling.empty();
  filling.handle.check();
  const [size, used] = [file.size(), file.used];
  filling.handle.close();
  assertLessOrEqual(file.size(), size);
  assertLessOrEqual(file.used, used);
  reopen(filling, file, "opened again");
  return filling;
}

describe("a disk that is full", () => {
  const totals = { budgets: 0, acknowledged: 0, refused: 0 };

  for (const checkpointEvery of [0, 3]) {
    it(`loses nothing, opens and shrinks; a checkpoint every ${checkpointEvery} commits`, () => {
      for (let budget = FIRST_BLOCKS; budget <= LAST_BLOCKS; budget += EVERY) {
        try {
          const filling = trial(budget, checkpointEvery);
          totals.budgets++;
          totals.acknowledged += filling.acknowledged;
          totals.refused += filling.refused;
        } catch (cause) {
          const message = cause instanceof Error ? cause.message : String(cause);
          throw new Error(`${budget} blocks: ${message}`, { cause });
        }
      }
    });
  }

  it("leaves deletes what they need, whatever commit was the last that it had room for", () => {
    const random = new Random(9);
    for (let trial = 0; trial < 120; trial++) {
      const file = new BudgetFile(LAST_BLOCKS * 10);
      const filling = new Filling(file, quireEngine.open(file, OPTIONS));
      // So that the journal ends anywhere in what is claimed of it.
      const commits = 5 + random.below(12);
      for (let i = 0; i < commits; i++) {
        filling.write([set("main", `g${i}`, i, 10_000 + random.below(40_000))]);
      }
      file.budget = file.used;
      filling.empty();
      filling.expect(filling.handle, `trial ${trial}, emptied`);
      filling.handle.close();
    }
  });

  it("is met at many points", () => {
    console.log(`full disks: ${JSON.stringify(totals)}`);
    assertGreater(totals.refused, totals.budgets);
    assertGreater(totals.acknowledged, totals.budgets);
  });

  it("is no bar to creation past its first blocks, nor creation a bar to a later one", () => {
    for (let budget = 0; budget < FIRST_BLOCKS; budget++) {
      const file = new BudgetFile(budget);
      assert(isRefusal(errorOf(() => quireEngine.open(file, OPTIONS))));
      file.budget = LAST_BLOCKS;
      quireEngine.open(file, OPTIONS).close();
      assertEquals(file.used, FIRST_BLOCKS);
    }
  });
});

function errorOf(body: () => void): unknown {
  try {
    body();
  } catch (error) {
    return error;
  }
  return undefined;
}
