/**
 * For each rule of sharing, a seed whose interleaving breaks a promise when the rule is turned off.
 *
 * Some rules cover for each other: a promise is broken only without both. Any change of the model
 * changes what a seed does; `tests/share/hunt.ts` finds others.
 */

import type { Mode } from "../interleaving.ts";
import type { Rule } from "./rules.ts";

const SLICED: Readonly<Record<string, number>> = {
  lock: 7,
  refresh: 7,
  tail: 490985,
  durableBefore: 55440,
  honestDurable: 1021558,
  landing: 783988,
  partsLast: 1639240,
  otherArea: 7926,
  publish: 5234466,
  ackLast: 768150,
  wordSum: 4838516,
  missed: 37829070,
  compareLoaded: 63359,
  imageSpan: 82428878,
  tooNew: 277172,
  freed: 42152844,
  mismatch: 277172,
  judgeLatest: 415156697,
  underLock: 7926,
  confirmed: 1219533,
  pins: 6651967,
  stalePins: 562256,
  pinFirst: 195683644,
  pinsAfterWord: 163649257,
  pinsLose: 126711,
  headerFromFile: 483066,
  switchBatch: 5115681,
  endSync: 15220325,
  superSync: 47521,
  superAhead: 12044806,
  readSuper: 47521,
  dropLate: 7,
  areaListed: 7,
  areaPast: 13612768,
  freshChunk: 1694673,
  jump: 435552,
  cutLast: 48326892,
  alone: 205901,
  presence: 31683,
  openLock: 23764,
  gapCheck: 7166702,
  keepSide: 237577,
  recoverySync: 2771657,
  rewrite: 3128012,
  freshDone: 13636525,
  latch: 1678835,
  lastClean: 7,
  followBound: 245496,
  followSuper: 47521,
  bypassConfirmed: 1924324,
  bypassPins: 134900172,
  bypassSync: 110873,
  bypassForget: 4933544,
  "newGeneration+chain": 13937447,
  "wordSum+resetSide": 427633,
};

const WHOLE: Readonly<Record<string, number>> = {
  holderNamed: 4735563,
  holderWhole: 27724420,
  pinMoves: 1,
  pinLook: 134628,
  pinStopped: 56486232,
  placed: 174219,
  placedFirst: 9376097,
  idleConfirm: 39596,
  archiveSynced: 3413090,
  archiveMissed: 847334,
  archiveLock: 114889790,
  archiveGap: 1,
};

const NOTED: Readonly<Record<string, number>> = {
  noteAfterSync: 308842,
  noteCovers: 2217321,
  noteFailed: 11815149,
  noteSum: 63353,
};

/** Seeds by rules, joined by `+`, in each mode. */
export const FOUND_SEEDS: Readonly<Record<Mode, Readonly<Record<string, number>>>> = {
  sliced: SLICED,
  whole: WHOLE,
  noted: NOTED,
};

/** The rules that the hunts have not shown, and what they wait for. */
export const NOT_SHOWN: Readonly<Partial<Record<Rule, string>>> = {
  unfinished: "a death between the parts of a transaction, and a load after the next switch",
};
