/**
 * The sidecar: the commit word, in two sectors, and one pin for each process.
 *
 * It is never synced. A process that is alone with the file makes it anew. An exclusive process
 * does not use it.
 */

import { GARBAGE, Medium } from "./medium.ts";
import {
  IoFailure,
  type Pin,
  type PinSighting,
  type Process,
  type Steps,
  type Word,
  type World,
} from "./world.ts";

const WORD = 0;
const PINS = 2;
/** The most processes. */
const PROCESSES_MAX = 6;
/** A pin that was not renewed for this many steps does not count. */
export const STALE_STEPS = 400;
/** An owner renews its pin after this many steps. */
export const RENEWAL_STEPS = 120;
/** A pin that is torn counts as the oldest version. */
const TORN_PIN: Pin = { version: 0, renewal: 0 };
/** Younger than every version. */
export const NO_PIN = Infinity;

/** Garbage, taken for a commit word where sums do not count. */
const NONSENSE: Word = {
  generation: 9,
  sequence: 9,
  durable: 9,
  number: 9,
  done: 9,
};

/** Reads the commit word; undefined if it is torn or absent. */
export function* readWord(process: Process): Steps<Word | undefined> {
  const { side } = process;
  yield;
  const first = asWord(process, side.cache[WORD]);
  yield;
  const second = asWord(process, side.cache[WORD + 1]);
  if (first === second) return first;
  if (process.world.keeps("wordSum") || !first || !second) return undefined;
  return { ...second, generation: first.generation, sequence: first.sequence };
}

function asWord(process: Process, sector: Word | Pin | string | undefined): Word | undefined {
  if (sector === GARBAGE) return process.world.keeps("wordSum") ? undefined : NONSENSE;
  return sector as Word | undefined;
}

/**
 * Something outside damages the commit word, or deletes the sidecar. Processes that have it open
 * keep the deleted one.
 */
export function damageSidecar(world: World): void {
  if (!world.random.once(4)) return world.side.rot(WORD + world.random.below(2));
  world.side = new Medium();
  world.isSplit = true;
  world.truth.forced = NO_PIN;
  world.count("sidecars deleted");
}

/** Writes the commit word. */
export function* writeWord(process: Process): Steps<void> {
  if (process.kind === "exclusive") return;
  const { generation, sequence, durable, superblock, done } = process;
  const word: Word = { generation, sequence, durable, number: superblock.number, done };
  yield;
  writeSide(process, WORD, word);
  yield;
  writeSide(process, WORD + 1, word);
}

function writeSide({ world, side }: Process, at: number, value: Word | Pin | undefined): void {
  if (world.fails()) throw new IoFailure("write");
  side.write(at, value);
}

/** Writes the pin of a process. */
export function* writePin(process: Process, version: number): Steps<void> {
  const { world } = process;
  yield;
  if (world.fails()) throw new IoFailure("read");
  process.side.write(PINS + process.id, { version, renewal: world.newId() });
  process.pinTime = world.time;
  process.pinned = version;
}

/**
 * Pins what a process reads, the version that it has read up to, or that of its snapshot, where a
 * checkpoint waits for that.
 */
export function* movePin(process: Process): Steps<void> {
  const { world, kind, version, snapshot } = process;
  if (!world.weather.isWhole || kind !== "sharing" || !world.keeps("pinMoves")) return;
  if (holdsUp(process)) yield* writePin(process, Math.min(version, snapshot?.version ?? NO_PIN));
}

/** Whether a checkpoint waits for the pin of a process, which does not need it. */
export function holdsUp({ batches, superblock, snapshot, pinned }: Process): boolean {
  const switched = batches.find(({ generation }) => generation === superblock.generation + 1);
  if (switched === undefined || pinned >= switched.version) return false;
  return snapshot === undefined || snapshot.version > pinned;
}

/** Removes all pins. */
export function* clearPins(process: Process): Steps<void> {
  for (let id = 0; id < PROCESSES_MAX; id++) {
    yield;
    writeSide(process, PINS + id, undefined);
  }
}

/** The oldest versions that pins name. */
export interface Pins {
  /** Of the pins that count. */
  readonly oldest: number;
  /** Of those that were not renewed for long. */
  readonly oldestStale: number;
  /** When the oldest that counts was last seen to be renewed, in steps. */
  readonly time: number;
}

/** Pins of nobody. */
export const NO_PINS: Pins = { oldest: NO_PIN, oldestStale: NO_PIN, time: NO_PIN };

/** Reads the pins. */
export function* readPins(process: Process): Steps<Pins> {
  const { world } = process;
  if (process.kind === "exclusive") return NO_PINS;
  let oldest = NO_PIN;
  let oldestStale = NO_PIN;
  let oldestTime = NO_PIN;
  for (let id = 0; id < PROCESSES_MAX; id++) {
    yield;
    const pin = process.side.cache[PINS + id] as Pin | string | undefined;
    if (pin === undefined) continue;
    const { version, renewal } = typeof pin === "string" ? TORN_PIN : pin;
    const { time } = sightingOf(process, id, renewal);
    const isStale = world.keeps("stalePins") && world.time - time > STALE_STEPS;
    if (isStale) oldestStale = Math.min(oldestStale, version);
    else if (version < oldest) [oldest, oldestTime] = [version, time];
  }
  return { oldest, oldestStale, time: oldestTime };
}

/** Processes share no clock: each measures how long it has seen no renewal. */
function sightingOf({ sightings, world }: Process, id: number, renewal: number): PinSighting {
  const seen = sightings[id];
  if (seen?.renewal === renewal) return seen;
  return sightings[id] = { renewal, time: world.time };
}
