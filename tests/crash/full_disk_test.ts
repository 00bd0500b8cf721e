/**
 * Full disks, simulated: however much space there is, no acknowledged commit is lost, no checkpoint
 * and no recovery needs more space than the file has, and deletes continue. The simulated file
 * system has a budget of blocks; `full_disk_mount_test.ts` fills a real one.
 *
 * QUIRE_BUDGETS=N tries every Nth budget only, 26 by default; each run tries others.
 */

import { assert, assertEquals, assertGreater, assertLessOrEqual } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { IoError } from "../../pager/mod.ts";
import { BudgetFile } from "../support/files/budget_file.ts";
import { Random } from "../support/random.ts";
import { TURN } from "../support/turn.ts";
import {
  type Change,
  describeDifference,
  type Handle,
  sameState,
  type State,
  stateAfter,
} from "./support/engine.ts";
import { quireEngine } from "./support/quire_engine.ts";
import { remove, set } from "./support/workloads.ts";

const BUDGETS = Deno.env.get("QUIRE_BUDGETS");
const EVERY = Number(BUDGETS ?? 26);
const SKIPPED = BUDGETS === undefined ? 13 * (TURN % 2) : 0;
const OPTIONS = {};
/** A new database, and the first pages of its journal. */
const FIRST_BLOCKS = 6;
/** With this much free space, a close reserves nothing. */
const PLENTY_BLOCKS = 256;
/** More than the whole workload needs. */
const LAST_BLOCKS = 900;

const range = (length: number) => Array.from({ length }, (_, i) => i);
/**
 * Small values, values of one run each, and a commit that writes new pages directly to the file.
 */
const COMMITS: readonly (readonly Change[])[] = [
  ...range(6).map((i) => range(12).map((k) => set("main", `a${k * 7 + i}`, i, 300))),
  ...range(10).map((i) => [set("main", `b${i}`, i, 30_000)]),
  [set("other", "c", 1, 700_000)],
  ...range(6).map((i) => [remove("main", `b${i}`), set("main", `d${i}`, i, 45_000)]),
  range(60).map((k) => set("other", `e${k}`, k, 2_000)),
];

/** A database filled until the disk is full. */
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

  /** Makes all commits for which there is space. */
  fill(checkpointEvery: number): void {
    COMMITS.forEach((changes, i) => {
      this.write(changes);
      if (checkpointEvery > 0 && i % checkpointEvery === 0) this.handle.checkpoint();
    });
  }

  /** Makes a commit, which may be refused. */
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

  /** Deletes every entry in a commit of its own. */
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

/** Changes that delete every entry. */
function removals(state: State): Change[] {
  return [...state.keys()].map((name) => {
    const [tree, key] = name.split("/");
    return { tree: tree!, key: Uint8Array.fromHex(key!), value: undefined };
  });
}

/** Whether an error reports a full disk, and nothing else. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof IoError) || !(error.cause instanceof Error)) return false;
  return "code" in error.cause && error.cause.code === "ENOSPC";
}

/** Opens a file, and expects it to be intact and writable, and its entries to be deletable. */
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

/** As `reopen`, for a file closed after a refusal, on a disk that others have filled since. */
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

/** Fills a disk of a number of blocks, and tries everything that must still work. */
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

describe("a full disk", () => {
  const totals = { budgets: 0, acknowledged: 0, refused: 0 };

  for (const checkpointEvery of [0, 3]) {
    it(`loses nothing, opens and shrinks; a checkpoint every ${checkpointEvery} commits`, () => {
      for (let budget = FIRST_BLOCKS + SKIPPED; budget <= LAST_BLOCKS; budget += EVERY) {
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

  it("leaves enough space for deletes, whichever commit was the last to fit", () => {
    const random = new Random(9);
    for (let trial = 0; trial < 120; trial++) {
      const file = new BudgetFile(LAST_BLOCKS * 10);
      const filling = new Filling(file, quireEngine.open(file, OPTIONS));
      // The journal ends at various points of its reserved space.
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

  it("is hit at many points", () => {
    console.log(`full disks: ${JSON.stringify(totals)}`);
    assertGreater(totals.refused, totals.budgets);
    assertGreater(totals.acknowledged, totals.budgets);
  });

  it("prevents only the first blocks of a creation, which can be repeated later", () => {
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
