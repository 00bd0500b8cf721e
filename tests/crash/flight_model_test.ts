/**
 * Every order of the steps of a few commits with flights, in a model of the engine, and every power
 * cut after each step: no acknowledged commit is lost, and no two versions are mixed. A batch that
 * rots after its sync is missed, or was not needed. Turning any one rule off is found.
 */

import { assert, assertEquals, assertGreater } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { forEachImage, type Image } from "./flights/flight_medium.ts";
import { FlightModel } from "./flights/flight_model.ts";
import { recover, RottenJournal } from "./flights/flight_recovery.ts";
import {
  freshState,
  LOADED,
  type ModelState,
  type Rule,
  RULES,
  SLOTS,
} from "./flights/flight_state.ts";

/** A step of the engine, and where it can be taken. */
interface Step {
  readonly name: string;
  can(state: ModelState, commitsMax: number, model: FlightModel): boolean;
  take(model: FlightModel): void;
}

const versionOf = (state: ModelState) => state.history.length - 1;
const hasNews = (state: ModelState) =>
  state.pending.length > 0 || state.durableSequence < state.sequence;
const hasWork = (state: ModelState) => new FlightModel(state).hasWork;

const STEPS: readonly Step[] = [
  step("commit", canCommit, (model) => model.commit()),
  step("load", canLoad, (model) => model.load()),
  step("buffered", (state) => state.pending.length > 0, (model) => model.flushBuffered()),
  step("in line", hasNews, (model) => model.flushInLine()),
  step("take off", canTakeOff, (model) => model.takeOff(false, false)),
  step("take off, confirm", isLanded, (model) => model.takeOff(true, false)),
  step("take off, confirm alone", isLanded, (model) => model.takeOff(true, true)),
  step("begin", (state) => state.checkpoint === null && hasWork(state), (model) => model.begin()),
  step("slice", (state) => state.checkpoint !== null, (model) => model.slice()),
  step("evict", (state) => state.dirty[0]! > 0, (model) => model.clean(0)),
  step("close", () => true, (model) => model.close()),
  step("land", (state) => state.flight !== null, (model) => model.land(false)),
  step("land, begin", canLandAndBegin, (model) => model.land(true)),
  step("fail", (state) => state.flight !== null, (model) => model.fail()),
  step("begin close", isLanded, (model) => model.beginClose()),
  step("create anew", canCreateAnew, (model) => model.beginMove()),
  step("unload", canUnload, (model) => model.unload()),
  step("begin, move", (state) => state.checkpoint === null && hasWork(state), beginAndMove),
  step("land, begin, move", canLandAndBegin, (model) => model.land(true, true)),
  step("land, grow", canGrow, (model) => model.land(false, false, true)),
];
const BASIC = STEPS.filter(({ name }) => !/move|unload|begin close|create anew|grow/.test(name));
/** The steps of a server that commits all the time, of which more commits can be searched. */
const BUSY = STEPS.filter(({ name }) => /^(commit|take off.*|land|land, begin)$/.test(name));
/** The steps of a close, and of a journal that is created anew, with syncs off the thread. */
const ENDING = STEPS.filter(({ name }) =>
  /^(commit|in line|take off|land|begin|slice|close|begin close|create anew)$/.test(name)
);
/** The steps that move areas while pages are loaded and released. */
const MOVING = STEPS.filter(({ name }) =>
  /^(commit|load|unload|take off, confirm|land|land, begin, move)$/.test(name)
);
/** The steps of areas that begin small, and grow. */
const GROWING = STEPS.filter(({ name }) =>
  /^(commit|in line|take off|take off, confirm|land|land, begin|land, grow|begin|slice)$/.test(name)
);
/** The steps that remain after a close with a flight in the air. */
const LATE = STEPS.filter(({ name }) => name === "land");

function step(
  name: string,
  can: Step["can"],
  take: (model: FlightModel) => void,
): Step {
  return { name, can, take };
}

function canCommit(state: ModelState, commitsMax: number, model: FlightModel): boolean {
  return versionOf(state) < commitsMax && model.takesCommits;
}

/** One page is loaded once. */
function canLoad(state: ModelState, commitsMax: number, model: FlightModel): boolean {
  if (state.free === null || state.history.some((pages) => pages[LOADED] !== 0)) return false;
  return canCommit(state, commitsMax, model);
}

/** Once, after the checkpoint of the first commit. */
function canCreateAnew(state: ModelState, _max: number, model: FlightModel): boolean {
  return model.isAtRest && versionOf(state) === 1 && state.superblock === 1;
}

/** An area that is as long stays. */
function canGrow(state: ModelState): boolean {
  return canLandAndBegin(state) && state.growth === null && state.lengths.some((n) => n < SLOTS);
}

function canUnload(state: ModelState, commitsMax: number, model: FlightModel): boolean {
  return state.history.at(-1)![LOADED] !== 0 && canCommit(state, commitsMax, model);
}

function beginAndMove(model: FlightModel): void {
  model.begin(true);
}

function isLanded(state: ModelState): boolean {
  return state.flight === null;
}

function canTakeOff(state: ModelState): boolean {
  if (state.flight !== null) return false;
  return state.steps !== null || (state.checkpoint === null && hasNews(state));
}

function canLandAndBegin(state: ModelState): boolean {
  return state.flight !== null && state.checkpoint === null;
}

/** What a search found. */
interface Search {
  states: number;
  images: number;
  /** The first wrong image; undefined if there is none. */
  fault: string | undefined;
}

/** What a search tries. */
interface Plan {
  readonly steps: readonly Step[];
  readonly commitsMax: number;
  /** The slots of the areas at the beginning, if they have to grow. */
  readonly lengths?: [number, number];
  /** A search that finds fewer states takes too few steps. */
  readonly statesMin: number;
}

const ALL: Plan = { steps: BASIC, commitsMax: 2, statesMin: 12_000 };
const SERVER: Plan = { steps: BUSY, commitsMax: 3, statesMin: 1_900 };
const ENDS: Plan = { steps: ENDING, commitsMax: 2, statesMin: 200 };
const MOVES: Plan = { steps: MOVING, commitsMax: 3, statesMin: 13_000 };
/** The first area is the one that the first switch continues in. */
const GROWS: Plan = { steps: GROWING, commitsMax: 2, lengths: [1, 3], statesMin: 2_000 };
const PLANS = {
  "basic steps": ALL,
  "a server's steps": SERVER,
  "ends of the journal": ENDS,
  "moves of areas": MOVES,
  "areas that grow": GROWS,
};

/** Takes every order of steps, and cuts the power after each. Ends at the first fault. */
function search({ steps, commitsMax, lengths }: Plan, off?: Rule): Search {
  const found: Search = { states: 0, images: 0, fault: undefined };
  const seen = new Map<string, string>();
  const start = JSON.stringify(freshState(lengths));
  seen.set(start, "");
  for (const [key, path] of seen) {
    const state: ModelState = JSON.parse(key);
    found.states++;
    const wrong = wrongImage(state, found);
    if (wrong !== undefined) {
      found.fault = `${path}: ${wrong}`;
      return found;
    }
    for (const { name, can, take } of state.isLive ? steps : LATE) {
      if (!can(state, commitsMax, new FlightModel(state, off))) continue;
      const next: ModelState = JSON.parse(key);
      take(new FlightModel(next, off));
      const nextKey = JSON.stringify(next);
      if (!seen.has(nextKey)) seen.set(nextKey, `${path}; ${name}`);
    }
  }
  return found;
}

/** Describes the first wrong image of a state. */
function wrongImage(state: ModelState, found: Search): string | undefined {
  let wrong: string | undefined;
  forEachImage(state.medium, (image) => {
    found.images++;
    wrong ??= wrongAfterCut(state, image);
  });
  return wrong ?? wrongAfterRot(state, found);
}

function wrongAfterCut(
  { history, acknowledged, loadedPlace }: ModelState,
  image: Image,
): string | undefined {
  try {
    const { version, pages } = recover(image, loadedPlace);
    if (version < acknowledged) return `version ${acknowledged} is lost, ${version} found`;
    if (String(pages) !== String(history[version])) return `version ${version} is mixed: ${pages}`;
  } catch (error) {
    if (!(error instanceof RottenJournal)) throw error;
    return `a power cut looks like rot: ${error.message}`;
  }
  return undefined;
}

/** Describes a mixture that one rotten batch leaves. The last batch may be lost, if alone. */
function wrongAfterRot(state: ModelState, found: Search): string | undefined {
  const image: Image = {};
  for (const [name, { value }] of Object.entries(state.medium)) image[name] = value;
  for (const name of Object.keys(image)) {
    const batch = image[name]!;
    if (!name.startsWith("place") || batch === null || typeof batch === "number") continue;
    image[name] = null;
    found.images++;
    const wrong = wrongAfterCut({ ...state, acknowledged: 0 }, image);
    image[name] = batch;
    if (wrong !== undefined && !wrong.includes("looks like rot")) return `${name} rots: ${wrong}`;
  }
  return undefined;
}

describe("the rules of durability with flights", () => {
  for (const [name, plan] of Object.entries(PLANS)) {
    it(`lose nothing in any order of ${name}, at any power cut`, () => {
      const { states, images, fault } = search(plan);
      assertEquals(fault, undefined);
      assertGreater(states, plan.statesMin);
      console.log(`flight model, ${name}: ${states} states, ${images} images`);
    });
  }

  for (const rule of RULES) {
    it(`are all needed: ${rule}`, () => {
      const grows = /^(an area is written|the journal continues|a checkpoint in line)/.test(rule);
      const moves = /^(an area moves|the place)/.test(rule);
      const plans = grows ? [GROWS] : moves ? [MOVES] : [SERVER, ENDS, ALL];
      let fault: string | undefined;
      for (const plan of plans) fault ??= search(plan, rule).fault;
      assert(fault !== undefined, "no image is wrong without the rule");
    });
  }
});
