/**
 * The pins of the sidecar: the oldest version that each process reads.
 *
 * Where checkpoints place all pages at once, as the engine's do, a process takes a place that is
 * unused or stale, and places change hands under the write lock alone. A process that was stopped
 * for long may have lost its own, so it writes there again only under the lock, after a look; and
 * if it was stopped in the middle of a write, it gives the place up. What it wrote then is no newer
 * than what the new owner reads, which joined after that.
 */

import { PINS, writeSide } from "./sidecar.ts";
import {
  IoFailure,
  NO_PIN,
  type Pin,
  type PinSighting,
  type Process,
  type Steps,
  type World,
} from "./world.ts";

/** The most processes, where each has its own place. */
const PROCESSES_MAX = 6;
/** The places, where processes take them. */
const PLACES = 8;
/** A pin that was not renewed for this many steps does not count. */
export const STALE_STEPS = 400;
/** An owner renews its pin after this many steps. */
export const RENEWAL_STEPS = 120;
/** An owner that has not written its pin for this many steps may have lost its place. */
const DOUBT_STEPS = 200;

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

function placesOf({ weather }: World): number {
  return weather.isWhole ? PLACES : PROCESSES_MAX;
}

/** Writes the pin of a process, unless it may have lost its place. */
export function* writePin(process: Process, version: number): Steps<void> {
  if (process.place >= 0 && !isInDoubt(process)) yield* putPin(process, version);
}

/** Whether a process has not written its pin for so long that another may have its place. */
function isInDoubt({ world, pinTime }: Process): boolean {
  return world.weather.isWhole && world.keeps("pinLook") && world.time - pinTime > DOUBT_STEPS;
}

function* putPin(process: Process, version: number): Steps<void> {
  const { world } = process;
  const begun = world.time;
  stopSometimes(process);
  yield;
  if (world.fails()) throw new IoFailure("read");
  process.side.write(PINS + process.place, { owner: process, version, renewal: world.newId() });
  process.pinTime = world.time;
  process.pinned = version;
  const wasStopped = world.weather.isWhole && world.time - begun > DOUBT_STEPS;
  if (wasStopped && world.keeps("pinStopped") && world.writer !== process) process.place = -1;
}

/** Stops a process in the middle of a write of its pin, for so long that it may lose its place. */
function stopSometimes(process: Process): void {
  const { world } = process;
  const { random, weather, time, writer } = world;
  if (!weather.isWhole || !weather.suspends || writer === process || !random.once(20)) return;
  process.sleepsUntil = time + STALE_STEPS + random.below(1000);
}

/**
 * Pins what a process reads, the version that it has read up to, or that of its snapshot, where a
 * checkpoint waits for that.
 */
export function* movePin(process: Process): Steps<void> {
  const { world, kind } = process;
  if (!world.weather.isWhole || kind !== "sharing" || !world.keeps("pinMoves")) return;
  if (holdsUp(process)) yield* writePin(process, readVersion(process));
}

/** The oldest version that a process reads. */
function readVersion({ version, snapshot }: Process): number {
  return Math.min(version, snapshot?.version ?? NO_PIN);
}

/** Whether a checkpoint waits for the pin of a process, which does not need it. */
export function holdsUp({ batches, superblock, snapshot, pinned, place }: Process): boolean {
  const switched = batches.find(({ generation }) => generation === superblock.generation + 1);
  if (place < 0 || switched === undefined || pinned >= switched.version) return false;
  return snapshot === undefined || snapshot.version > pinned;
}

/** Removes all pins. */
export function* clearPins(process: Process): Steps<void> {
  for (let place = 0; place < placesOf(process.world); place++) {
    yield;
    writeSide(process, PINS + place, undefined);
  }
}

/** Takes a place that is unused or stale, under the lock; whether there was one. */
export function* takePlace(process: Process, version: number): Steps<boolean> {
  const { world } = process;
  if (!world.weather.isWhole) {
    yield* putPin(process, NO_PIN);
    return true;
  }
  process.place = -1;
  for (let place = 0; place < PLACES; place++) {
    yield;
    const pin = pinAt(process, place);
    if (pin !== undefined && !isStale(process, place, pin)) continue;
    disown(process, place);
    process.place = place;
    yield* putPin(process, version);
    return true;
  }
  return false;
}

/**
 * Notes that a place was freed, so that the snapshot of its owner may end therefore. That need not
 * be who wrote the pin: one that was stopped in the middle of its write may have had the place
 * before.
 */
function disown({ world, side }: Process, place: number): void {
  for (const owner of world.processes) {
    if (owner.place === place && owner.side === side) owner.isUnpinned = true;
  }
}

/** Gives the place of a process up, under the lock. */
export function* leavePlace(process: Process): Steps<void> {
  if (!process.world.weather.isWhole) return;
  const { place, world } = process;
  const mayWrite = place >= 0 && (!world.keeps("pinLook") || (yield* isOwn(process)));
  process.place = -1;
  if (!mayWrite) return;
  yield;
  writeSide(process, PINS + place, undefined);
}

/**
 * Renews the pin of a process, and frees the places of dead ones. If the process may have lost its
 * own, it looks under the lock, and takes another.
 */
export function* renewPlace(process: Process): Steps<"renewed" | "needs the lock"> {
  const { world, pinned } = process;
  const mayBeLost = process.place < 0 || isInDoubt(process) || !(yield* isOwn(process));
  if (!mayBeLost) yield* writePin(process, pinned);
  if (mayBeLost || process.place < 0) return "needs the lock";
  for (let place = 0; place < placesOf(world); place++) {
    yield;
    const pin = pinAt(process, place);
    if (place === process.place || pin === undefined) continue;
    if (isStale(process, place, pin)) return "needs the lock";
  }
  return "renewed";
}

/** Frees the places of dead processes, and makes sure of the own one, under the lock. */
export function* sweepPlaces(process: Process): Steps<void> {
  for (let place = 0; place < PLACES; place++) {
    yield;
    const pin = pinAt(process, place);
    if (place === process.place || pin === undefined || !isStale(process, place, pin)) continue;
    disown(process, place);
    yield;
    writeSide(process, PINS + place, undefined);
    process.world.count("pins freed");
  }
  const version = readVersion(process);
  if (process.place >= 0 && (yield* isOwn(process))) return yield* putPin(process, version);
  process.world.count("places lost");
  if (yield* takePlace(process, version)) process.isUnpinned = process.snapshot !== undefined;
}

function* isOwn(process: Process): Steps<boolean> {
  yield;
  return pinAt(process, process.place)?.owner === process;
}

function pinAt({ side }: Process, place: number): Pin | undefined {
  const pin = side.cache[PINS + place] as Pin | string | undefined;
  return typeof pin === "string" ? TORN_PIN : pin;
}

/** A pin that is torn counts as the oldest version. */
const TORN_PIN: Pin = { owner: undefined, version: 0, renewal: 0 };

/** Reads the pins. */
export function* readPins(process: Process): Steps<Pins> {
  const { world } = process;
  if (process.kind === "exclusive") return NO_PINS;
  let oldest = NO_PIN;
  let oldestStale = NO_PIN;
  let oldestTime = NO_PIN;
  for (let place = 0; place < placesOf(world); place++) {
    yield;
    const pin = pinAt(process, place);
    if (pin === undefined) continue;
    const { version } = pin;
    if (isStale(process, place, pin)) oldestStale = Math.min(oldestStale, version);
    else if (version < oldest) [oldest, oldestTime] = [version, timeOf(process, place, pin)];
  }
  return { oldest, oldestStale, time: oldestTime };
}

function isStale(process: Process, place: number, pin: Pin): boolean {
  const { world } = process;
  return world.time - timeOf(process, place, pin) > STALE_STEPS && world.keeps("stalePins");
}

/** When a process saw this renewal first: processes share no clock, so each measures for itself. */
function timeOf({ sightings, world }: Process, place: number, { renewal }: Pin): number {
  const seen = sightings[place];
  if (seen?.renewal === renewal) return seen.time;
  const sighting: PinSighting = { renewal, time: world.time };
  sightings[place] = sighting;
  return world.time;
}
