/**
 * The state of the model of flights, as plain data, and the rules that can be turned off.
 */

import { addCell, type Medium, type PageRecord } from "./flight_medium.ts";

/** The rules that can be turned off. */
export const RULES = [
  "a landing covers only what was written at its take-off",
  "a batch names as durable only what its sync covered",
  "a batch confirms only what was on the medium before it",
  "a page follows its confirmed version to the file",
  "a chunk written meanwhile drops its copy",
  "a superblock follows a flight that took off after the last page",
  "an area is used again after the superblock is on the medium",
  "bypassed pages are on the medium before the batch that names them",
  "a close syncs for itself while a flight is in the air",
  "a failed flight is the last",
  "a close that waits for syncs refuses commits",
  "a commit ends a move of the journal first",
  "an area moves to no place that a pending commit has freed",
  "the place that an area moves to takes no page",
  "the place that an area leaves takes a page once the superblock is on the medium",
  "an area is written only where superblocks on the medium list it",
  "the journal continues in an area that has room for what is pending",
  "a checkpoint in line first ends the growth of the areas",
] as const;

/** A rule that can be turned off. */
export type Rule = typeof RULES[number];

/** The page that a bulk load writes; the others are changed by commits. */
export const LOADED = 2;
/** The slots of a place; an area that grows has fewer. */
export const SLOTS = 9;
/** The places of the journal's areas; one of three is free, and may take the loaded page. */
const PLACES = [0, 1, 2];
const FREE_PLACE = 2;

/** A cell of a place, which holds a batch or the loaded page. */
export function slotOf(place: number, slot: number): string {
  return `place ${place} slot ${slot}`;
}

/** The cell that a checkpoint writes for a chunk: of the loaded page, its header alone. */
export function cellOf(chunk: number): string {
  return chunk === LOADED ? "header" : `page ${chunk}`;
}

/** Where replay begins. */
export interface Start {
  readonly generation: number;
  readonly sequence: number;
  readonly version: number;
}

/** The checkpoint that runs. */
export interface Running {
  chunks: number[];
  readonly sequence: number;
  readonly version: number;
  step: "pages" | "first copy" | "second copy";
  isSyncing: boolean;
  /** The place that the area which it frees moves to, or null. */
  readonly move: number | null;
}

/** What is written last, of a close or a move of an empty journal; a sync has to follow. */
export type SyncedStep =
  | "pages"
  | "first copy"
  | "second copy"
  | "areas"
  | "first of open"
  | "second of open";

/** A close, or a move of an empty journal, whose syncs run off the thread. */
export interface Steps {
  readonly isClose: boolean;
  last: SyncedStep;
}

/** What is written last, of a growth of the areas while commits go on; a sync has to follow. */
export interface Growth {
  /** The slots of each area once it ends. */
  readonly lengths: [number, number];
  last: "claims" | "first copy" | "second copy";
}

/** Everything that the model knows, as plain data. */
export interface ModelState {
  medium: Medium;
  /** The pages as of each version. */
  history: number[][];
  /** The last version that was acknowledged. */
  acknowledged: number;
  pending: PageRecord[];
  /** Records that wait for bypassed pages, and their version. */
  held: PageRecord[];
  heldVersion: number;
  written: number;
  durable: number;
  confirmed: number;
  nextConfirmed: number;
  versionBefore: number;
  generation: number;
  offset: number;
  sequence: number;
  durableSequence: number;
  /** The version of each dirty page, or 0. */
  dirty: number[];
  checkpoint: Running | null;
  staged: { chunk: number; version: number } | null;
  flight: { version: number; confirmed: number; sequence: number } | null;
  superblock: number;
  /** The place of each area, and its slots. */
  places: [number, number];
  lengths: [number, number];
  growth: Growth | null;
  /** Where replay begins, as the last superblock says. */
  start: Start;
  /** The place that may take a page or an area, or null. */
  free: number | null;
  /** Where the loaded page is. */
  loadedPlace: number;
  steps: Steps | null;
  /** Whether the handle goes on: it is not closed, and no sync failed. */
  isLive: boolean;
}

/** A file that was just opened, with areas of some slots. */
export function freshState(lengths: [number, number] = [SLOTS, SLOTS]): ModelState {
  const medium: Medium = {};
  for (const place of PLACES) {
    for (let slot = 0; slot < SLOTS; slot++) addCell(medium, slotOf(place, slot), null);
  }
  for (let page = 0; page < LOADED; page++) addCell(medium, `page ${page}`, 0);
  const places: [number, number] = [0, 1];
  const start = { generation: 1, sequence: 0, version: 0 };
  const superblock = { number: 0, isClean: false, places, lengths, ...start };
  addCell(medium, "header", 0);
  addCell(medium, "copy 0", superblock);
  addCell(medium, "copy 1", superblock);
  return {
    medium,
    history: [[0, 0, 0]],
    acknowledged: 0,
    pending: [],
    held: [],
    heldVersion: 0,
    written: 0,
    durable: 0,
    confirmed: 0,
    nextConfirmed: 0,
    versionBefore: 0,
    generation: 1,
    offset: 0,
    sequence: 0,
    durableSequence: 0,
    dirty: [0, 0, 0],
    checkpoint: null,
    staged: null,
    flight: null,
    superblock: 0,
    places,
    lengths,
    growth: null,
    start,
    free: FREE_PLACE,
    loadedPlace: FREE_PLACE,
    steps: null,
    isLive: true,
  };
}
