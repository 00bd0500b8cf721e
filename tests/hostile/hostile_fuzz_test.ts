/**
 * Random hostile files, over and over: with sums that do not fit never wrong data, with sums that
 * do never an error that is not typed, a step of more than a second, or a file that `verify` passes
 * and reading refuses.
 *
 * Half of the time goes to the same cases in every run, half to new ones. QUIRE_FUZZ_SECONDS=n in
 * the environment is how long in all, QUIRE_SEED=n runs one case alone. A case that fails is put
 * into `tests/hostile/corpus/`, and run again by every run from then on.
 */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { makeBases } from "./support/hostile_bases.ts";
import { judgeCase, keepCase, makeCase, readCorpus } from "./support/hostile_fuzz.ts";
import { Random } from "../support/random.ts";
import { inTempDir } from "../support/temp.ts";

const SECONDS = Number(Deno.env.get("QUIRE_FUZZ_SECONDS") ?? 20);
const SEED = Deno.env.get("QUIRE_SEED");
/** One case in so many is salvaged too, which takes as long as all the rest. */
const SALVAGE_EVERY = 8;

const bases = makeBases();

/** Runs one case, and keeps it when it fails. */
async function runSeed(seed: number, dir: string): Promise<void> {
  const one = makeCase(new Random(seed), bases);
  const showed = await judgeCase(one, bases, seed % SALVAGE_EVERY === 0 ? dir : undefined);
  if (showed === undefined) return;
  keepCase(`seed-${seed}`, { ...one, showed: showed.split("\n")[0]! });
  throw new Error(`QUIRE_SEED=${seed}: ${showed}`);
}

/** Runs cases until the time is over. */
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
    it(`of seed ${SEED} are refused or right`, () => inTempDir((dir) => runSeed(+SEED, dir)));
    return;
  }
  it("that are the same every time are refused or right", () => runFor(SECONDS / 2, 1));

  it("that are new are refused or right", () => {
    return runFor(SECONDS / 2, crypto.getRandomValues(new Uint32Array(1))[0]!);
  });
});

describe("hostile files that once failed", () => {
  for (const [name, kept] of readCorpus()) {
    it(`are refused or right: ${name}`, async () => {
      assertEquals(await inTempDir((dir) => judgeCase(kept, bases, dir)), undefined, kept.showed);
    });
  }
});
