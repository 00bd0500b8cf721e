/**
 * Random hostile files: with wrong sums, never wrong data; with forged sums, never an untyped
 * error, a step of more than a second, or a file that `verify` accepts and reading refuses.
 *
 * Half of the time goes to the same cases in every run, half to new ones. QUIRE_FUZZ_SECONDS=N sets
 * the total time, QUIRE_SEED=N runs one case. A failed case is stored in `tests/hostile/corpus/`,
 * and every later run repeats it.
 */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Random } from "../support/random.ts";
import { inTempDir } from "../support/temp.ts";
import { TURN } from "../support/turn.ts";
import { makeBases } from "./support/hostile_bases.ts";
import { judgeCase, keepCase, makeCase, readCorpus } from "./support/hostile_fuzz.ts";

const SECONDS = Number(Deno.env.get("QUIRE_FUZZ_SECONDS") ?? 4);
const SEED = Deno.env.get("QUIRE_SEED");
/** One case in this many is also salvaged, which takes as long as all the rest. */
const SALVAGE_EVERY = 8;

const bases = makeBases();

/** Runs one case, and stores it if it fails. */
async function runSeed(seed: number, dir: string): Promise<void> {
  const one = makeCase(new Random(seed), bases);
  const showed = await judgeCase(one, bases, seed % SALVAGE_EVERY === 0 ? dir : undefined);
  if (showed === undefined) return;
  keepCase(`seed-${seed}`, { ...one, showed: showed.split("\n")[0]! });
  throw new Error(`QUIRE_SEED=${seed}: ${showed}`);
}

/** Runs cases until the time is up. */
async function runFor(seconds: number, first: number): Promise<void> {
  const end = performance.now() + seconds * 1000;
  let cases = 0;
  await inTempDir(async (dir) => {
    for (; performance.now() < end; cases++) await runSeed((first + cases) >>> 0, dir);
  });
  console.log(`random hostile files: ${cases}, from seed ${first}`);
}

describe("random hostile files", () => {
  if (SEED !== undefined) {
    it(`of seed ${SEED} are refused or correct`, () => inTempDir((dir) => runSeed(+SEED, dir)));
    return;
  }
  it("that are the same every time are refused or correct", () => runFor(SECONDS / 2, 1));

  it("that are new are refused or correct", () => runFor(SECONDS / 2, TURN));
});

describe("hostile files that once failed", () => {
  for (const [name, kept] of readCorpus()) {
    it(`are refused or correct: ${name}`, async () => {
      assertEquals(await inTempDir((dir) => judgeCase(kept, bases, dir)), undefined, kept.showed);
    });
  }
});
