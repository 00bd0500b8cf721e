/**
 * Every order of the steps of a few commits with flights, in a model of the engine, and every power
 * cut after each step: no acknowledged commit is lost, and no two versions are mixed. A batch that
 * rots after its sync is missed, or was not needed. Turning any one rule off is found.
 */

import { assert, assertEquals, assertGreater } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { forEachImage, type Image } from "./support/flight_medium.ts";
import {
  FlightModel,
  freshState,
  type ModelState,
  type Rule,
  RULES,
} from "./support/flight_model.ts";
import { recover, RottenJournal } from "./support/flight_recovery.ts";

/** A step of the engine, and where it can be taken. */
interface Step {
  readonly name: string;
  can(state: ModelState, commitsMax: number): boolean;
  take(model: FlightModel): void;
}

const versionOf = (state: ModelState) => state.history.length - 1;
const hasNews = (state: ModelState) =>
  state.pending.length > 0 || state.durableSequence < state.sequence;
const hasWork = (state: ModelState) => new FlightModel(state).hasWork;

const STEPS: readonly Step[] = [
  step("commit", (state, commitsMax) => versionOf(state) < commitsMax, (model) => model.commit()),
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
];
/** The steps of a server that commits all the time, of which more commits can be searched. */
const BUSY = STEPS.filter(({ name }) => /^(commit|take off.*|land.*)$/.test(name));
/** The steps that remain after a close with a flight in the air. */
const LATE = STEPS.filter(({ name }) => name === "land");

function step(
  name: string,
  can: (state: ModelState, commitsMax: number) => boolean,
  take: (model: FlightModel) => void,
): Step {
  return { name, can, take };
}

function canLoad(state: ModelState, commitsMax: number): boolean {
  return versionOf(state) < commitsMax && state.history.at(-1)![2] === 0;
}

function isLanded(state: ModelState): boolean {
  return state.flight === null;
}

function canTakeOff(state: ModelState): boolean {
  return state.flight === null && state.checkpoint === null && hasNews(state);
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
}

const ALL: Plan = { steps: STEPS, commitsMax: 2 };
const SERVER: Plan = { steps: BUSY, commitsMax: 3 };

/** Takes every order of steps, and cuts the power after each. Ends at the first fault. */
function search({ steps, commitsMax }: Plan, off?: Rule): Search {
  const found: Search = { states: 0, images: 0, fault: undefined };
  const seen = new Map<string, string>();
  const start = JSON.stringify(freshState());
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
      if (!can(state, commitsMax)) continue;
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

function wrongAfterCut({ history, acknowledged }: ModelState, image: Image): string | undefined {
  try {
    const { version, pages } = recover(image);
    if (version < acknowledged) return `version ${acknowledged} is lost, ${version} found`;
    if (String(pages) !== String(history[version])) return `version ${version} is mixed: ${pages}`;
  } catch (error) {
    if (!(error instanceof RottenJournal)) throw error;
    return `a power cut looks like rot: ${error.message}`;
  }
  return undefined;
}

/** Describes a mixture that one rotten batch leaves. The last batch may be lost, if alone. */
function wrongAfterRot({ medium, history }: ModelState, found: Search): string | undefined {
  const image: Image = {};
  for (const [name, { value }] of Object.entries(medium)) image[name] = value;
  for (const name of Object.keys(image)) {
    const batch = image[name]!;
    if (!name.startsWith("area") || batch === null) continue;
    image[name] = null;
    found.images++;
    const wrong = wrongAfterCut({ history, acknowledged: 0 } as ModelState, image);
    image[name] = batch;
    if (wrong !== undefined && !wrong.includes("looks like rot")) return `${name} rots: ${wrong}`;
  }
  return undefined;
}

describe("the rules of durability with flights", () => {
  for (const [name, plan] of Object.entries({ "all steps": ALL, "a server's steps": SERVER })) {
    it(`lose nothing in any order of ${name}, at any power cut`, () => {
      const { states, images, fault } = search(plan);
      assertEquals(fault, undefined);
      assertGreater(states, 1000);
      console.log(`flight model, ${name}: ${states} states, ${images} images`);
    });
  }

  for (const rule of RULES) {
    it(`are all needed: ${rule}`, () => {
      const fault = search(SERVER, rule).fault ?? search(ALL, rule).fault;
      assert(fault !== undefined, "no image is wrong without the rule");
    });
  }
});
