/**
 * Planted bugs: the tests catch each of many edits that break one rule, and no edit that breaks
 * none. `edits_test.ts` checks without a hunt that the edits match. A run hunts one in twelve,
 * and opens one in twelve of the images that once revealed one, others each time.
 *
 * QUIRE_PLANTED=all takes all. QUIRE_PLANTED=NAME plants one bug, and prints everything that was
 * found. QUIRE_PLANTED_KEEP=1 stores the images that reveal bugs in `tests/crash/regressions/`,
 * replacing those that no longer do.
 */

import { assertEquals, assertGreaterOrEqual, assertRejects } from "@std/assert";
import { after, before, describe, it } from "@std/testing/bdd";
import { replay } from "../crash/crash_replay.ts";
import { readRegressions, writeRegression } from "../crash/support/regressions.ts";
import { fixChance } from "../support/fixed_chance.ts";
import { isInTurn } from "../support/turn.ts";
import { bug, type PlantedBug, whole } from "./support/planted_bugs.ts";
import type { Found } from "./support/planted_hunter.ts";
import { BUGS, CANARY, FILE, FIND } from "./support/planted_list.ts";
import { Workshop } from "./support/planted_workshop.ts";

const GIVEN = Deno.env.get("QUIRE_PLANTED");
const ONLY = GIVEN === "all" ? undefined : GIVEN;
const KEEPS = Deno.env.get("QUIRE_PLANTED_KEEP") === "1";
/** A run takes one bug, and one image, in this many. */
const EVERY = GIVEN === undefined && !KEEPS ? 12 : 1;
const WORKERS = 2;

const kept = readRegressions();

/** The results of the hunts, as they arrive. */
class Hunts {
  readonly #bugs: readonly PlantedBug[];
  readonly #results = new Map<string, PromiseWithResolvers<Found | undefined>>();
  #next = 0;

  constructor(bugs: readonly PlantedBug[]) {
    this.#bugs = bugs;
    for (const { name } of bugs) {
      const result = Promise.withResolvers<Found | undefined>();
      // An error reaches the test that awaits the result; there may be none yet.
      result.promise.catch(() => {});
      this.#results.set(name, result);
    }
  }

  /** Starts to hunt several bugs at a time. */
  start(): Promise<void> {
    return Promise.all(Array.from({ length: WORKERS }, () => this.#work())).then(() => {});
  }

  /** The result of a hunt. */
  of(name: string): Promise<Found | undefined> {
    return this.#results.get(name)!.promise;
  }

  async #work(): Promise<void> {
    using workshop = new Workshop();
    while (this.#next < this.#bugs.length) {
      const bug = this.#bugs[this.#next++]!;
      const result = this.#results.get(bug.name)!;
      try {
        result.resolve(await hunt(workshop, bug));
      } catch (error) {
        result.reject(error);
      }
    }
  }
}

/** Hunts first where the bug was found before, then near there. */
async function hunt(workshop: Workshop, bug: PlantedBug): Promise<Found | undefined> {
  const image = kept.get(bug.name)?.replay;
  const first = image === undefined ? [] : [image, image.replace(/ --cut .*/, "")];
  const found = await workshop.try(bug, [...first, ...bug.hunts]);
  if (found?.replay === undefined || found.hunt === image) return found;
  if (KEEPS) {
    writeRegression(bug.name, { bug: bug.breaks, replay: found.replay, showed: found.showed });
  } else if (image !== undefined) {
    console.log(`the image kept for ${bug.name} shows it no more; QUIRE_PLANTED_KEEP=1 renews it`);
  }
  return found;
}

function failing(found: Found | undefined): string {
  return found === undefined ? "nothing" : `${found.showed}\n  by ${found.hunt}`;
}

describe("planted bugs", () => {
  const turn = BUGS.filter((_, index) => isInTurn(index, EVERY));
  const chosen = [...(ONLY === undefined ? turn : BUGS), CANARY].filter(({ name }) => {
    return ONLY === undefined || name === ONLY;
  });
  const hunts = new Hunts(chosen);
  const started = Promise.withResolvers<void>();
  before(() => void hunts.start().then(started.resolve, started.reject));
  after(() => started.promise);

  for (const { name, breaks } of chosen) {
    if (name === CANARY.name) continue;
    it(`are caught: ${name} (${breaks})`, async () => {
      const found = await hunts.of(name);
      if (found === undefined) throw new Error(`planted bug ${name} survived`);
      if (ONLY !== undefined) console.log(`${failing(found)}\n${found.replay}\n${found.details}`);
    });
  }

  it("are not found in unchanged sources", async () => {
    if (ONLY === undefined) assertEquals(failing(await hunts.of(CANARY.name)), "nothing");
  });
});

describe("a planted bug", () => {
  let workshop: Workshop;
  before(() => void (workshop = new Workshop()));
  after(() => workshop[Symbol.dispose]());
  const plant = (find: string, replace: string) =>
    workshop.try(bug("test", "", FILE, find, replace), [whole("firstCommit")]);

  it("that matches no place, or two, is an error", async () => {
    await assertRejects(() => plant("no such text", ""), Error, "0 places");
    await assertRejects(() => plant("this.#finishSteps();", ""), Error, "places");
  });

  it("that leaves a program that does not run is an error", async () => {
    await assertRejects(() => plant(FIND, "if ("), Error, "does not run");
    await assertRejects(() => plant(FIND, "if (nobodyKnows > 0)"), Error, "does not run");
  });

  it("that makes a hunt hang is an error, even if a child holds its output", async () => {
    using impatient = new Workshop(3000);
    const wait = `new Deno.Command("sleep", { args: ["900"] }).spawn(); ` +
      "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);";
    const hangs = bug("waits", "", FILE, FIND, wait);
    const hunt = whole("firstCommit");
    await assertRejects(() => impatient.try(hangs, [hunt]), Error, `waits: ${hunt} hangs`);
  });
});

describe("images that revealed a bug", () => {
  it("are kept for most planted bugs of power cuts", () => {
    assertGreaterOrEqual(kept.size, 25);
  });

  const images = [...kept].filter((_, index) => isInTurn(index, EVERY));
  for (const [name, { replay: args }] of images) {
    it(`pass now: ${name}`, () => {
      fixChance(1);
      replay(args.split(" "));
    });
  }
});
