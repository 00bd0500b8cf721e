/**
 * Writing in place: slices, the steps of a checkpoint, and the place of the journal.
 *
 * A checkpoint advances by one step for each hold of the lock, whichever process has it. Chunks of
 * an area are listed in a superblock before they are used. At a checkpoint's end the file is cut
 * behind its last page in use, and an empty journal may move there.
 */

import {
  AREA_SECTORS,
  areasEnd,
  chunkAt,
  chunkOf,
  CHUNKS_MAX,
  FREE,
  type Header,
  JOURNAL,
  pageAt,
  SLOTS,
  type Superblock,
} from "../support/layout.ts";
import { lock, unlock } from "../support/locks.ts";
import { NO_PINS, type Pins, readPins, STALE_STEPS } from "../support/pins.ts";
import { writeWord } from "../support/sidecar.ts";
import { writeSuperblock } from "../support/superblocks.ts";
import { type State, Violation } from "../support/truth.ts";
import { type Process, type Steps, sync, write } from "../support/world.ts";
import {
  appendEmpty,
  beginGeneration,
  confirmedOf,
  countMax,
  dropBefore,
  recordsOf,
} from "./journal.ts";
import { build, current, damage, fileHeader } from "./page_reader.ts";
import { refreshToWrite } from "./refresh.ts";

/** Sectors of the largest transaction, and of the empty batch that confirms it. */
const ROOM_SECTORS = 4;
const STEPS_MAX = 40;

/** Writes both values of a page. */
export function* writePage(process: Process, page: number, bytes: readonly number[]): Steps<void> {
  const at = pageAt(page);
  yield;
  write(process, at, bytes[0]!);
  yield;
  write(process, at + 1, bytes[1]!);
}

/** Writes the header page of a chunk. */
export function* writeHeaderPage(
  process: Process,
  chunk: number,
  headers: readonly Header[],
): Steps<void> {
  yield;
  write(process, chunkAt(chunk), headers.slice(0, 2));
  yield;
  write(process, chunkAt(chunk) + 1, headers.slice(2));
}

/** Takes what the journal holds to the medium, and confirms a sequence. */
function* confirm(process: Process, sequence: number): Steps<void> {
  if (!process.world.keeps("confirmed") || sequence <= confirmedOf(process)) return;
  if (process.durable < process.sequence) {
    yield;
    sync(process);
    process.durable = process.sequence;
    if (sequence <= confirmedOf(process)) return;
  }
  if (process.offset >= capacityOf(process)) throw new Violation("(g) no room to confirm");
  yield* appendEmpty(process, {});
  yield* writeWord(process);
}

/**
 * Confirms the last commit of a file at rest by an empty batch, so that followers show it, which
 * read no sidecar.
 */
export function* confirmLast(process: Process): Steps<void> {
  if (!process.world.keeps("idleConfirm") || isLastNamed(process)) return;
  yield* lock(process);
  yield* refreshToWrite(process);
  if (!isLastNamed(process) && process.offset < capacityOf(process)) {
    if (process.durable < process.sequence) {
      yield;
      sync(process);
      process.durable = process.sequence;
    }
    yield* appendEmpty(process, {});
    yield* writeWord(process);
    process.world.count("last commits confirmed");
  }
  unlock(process);
}

/** Whether a batch or the superblock names the last commit as durable. */
function isLastNamed({ batches, superblock }: Process): boolean {
  const before = (i: number) => batches[i - 1]?.version ?? superblock.version;
  const last = batches.findLast(({ version }, i) => version !== before(i))?.sequence ?? 0;
  return Math.max(superblock.sequence, ...batches.map(({ durable }) => durable)) >= last;
}

function capacityOf(process: Process): number {
  return process.area(process.generation).length * AREA_SECTORS;
}

/**
 * Writes the dirty pages of a chunk, then its header page. Returns false if a pin held something
 * back.
 */
export function* writeInPlace(
  process: Process,
  chunk: number,
  pins: Pins,
  isForced: boolean,
): Steps<boolean> {
  const { world } = process;
  const slots = [1, 2, 3].filter((slot) => recordsOf(process, chunk * SLOTS + slot).length > 0);
  if (slots.length === 0) return true;
  const newest = slots.map((slot) => recordsOf(process, chunk * SLOTS + slot).at(-1)!.sequence);
  yield* confirm(process, Math.max(...newest));
  const headers = yield* headerPage(process, chunk);
  const chosen = slots.filter((slot) => isForced || isFreeOfPins(process, chunk, slot, pins));
  for (const slot of chosen) {
    const page = chunk * SLOTS + slot;
    const last = recordsOf(process, page).at(-1)!;
    if (last.version > Math.min(pins.oldestStale, isForced ? pins.oldest : Infinity)) {
      world.truth.forced = Math.max(world.truth.forced, last.version);
    }
    headers[slot] = last.header;
    world.isDelicate = true;
    if (last.kind === "freed" || last.kind === "bypassed") continue;
    yield* writePage(process, page, (yield* current(process, page)).bytes);
  }
  if (chosen.length > 0) yield* writeHeaderPage(process, chunk, headers);
  world.isDelicate = false;
  world.note(process, `wrote chunk ${chunk} in place`);
  return chosen.length === slots.length;
}

function isFreeOfPins(process: Process, chunk: number, slot: number, { oldest }: Pins) {
  return !process.world.keeps("pins") ||
    recordsOf(process, chunk * SLOTS + slot).at(-1)!.version <= oldest;
}

function* headerPage(process: Process, chunk: number): Steps<Header[]> {
  const kept = process.headerPages[chunk];
  if (!process.world.keeps("headerFromFile") && kept !== undefined) return kept;
  const headers: Header[] = [FREE];
  for (let slot = 1; slot < SLOTS; slot++) {
    headers.push(yield* fileHeader(process, chunk * SLOTS + slot));
  }
  return process.headerPages[chunk] = headers;
}

/** The next step of the checkpoint, whichever process began it: switch, write a chunk, or end. */
export function* checkpointStep(process: Process, isForced: boolean, pins: Pins): Steps<void> {
  if (process.superblock.areas[0].length === 0) return;
  yield* distrust(process);
  if (!process.isCheckpointing) return yield* switchAreas(process);
  if (process.world.weather.isWhole) return yield* placeWhole(process, isForced, pins);
  if (process.done >= countMax(process)) return yield* endCheckpoint(process);
  if (!(yield* writeInPlace(process, process.done, pins, isForced))) return checkPin(process, pins);
  process.done++;
  yield* writeWord(process);
}

/** Begins a checkpoint anew whose slices were written before the process opened the file. */
function* distrust(process: Process): Steps<void> {
  const { distrusted, superblock, world } = process;
  process.distrusted = -1;
  if (distrusted !== superblock.number || !world.keeps("freshDone") || process.done === 0) return;
  process.done = 0;
  yield* writeWord(process);
}

/** Places all pages as they were at the switch, if no pin is older, and ends the checkpoint. */
function* placeWhole(process: Process, isForced: boolean, pins: Pins): Steps<void> {
  const { world, generation } = process;
  const { version } = process.batches.find((batch) => batch.generation === generation)!;
  if (!isForced && pins.oldest < version && world.keeps("pins")) return checkPin(process, pins);
  if (Math.min(pins.oldestStale, isForced ? pins.oldest : Infinity) < version) {
    world.truth.forced = Math.max(world.truth.forced, version);
  }
  checkSnapshots(process, version);
  if (world.keeps("placedFirst")) {
    yield;
    world.placed = Math.max(world.placed, version);
  }
  const end = countMax(process);
  for (let chunk = 0; chunk < end; chunk++) yield* placeChunk(process, chunk, version);
  yield* endCheckpoint(process);
}

/** A checkpoint passes no snapshot for no reason, whether its pages are read again or not. */
function checkSnapshots({ world }: Process, version: number): void {
  for (const { snapshot, kind, isUnpinned } of world.processes) {
    if (snapshot === undefined || kind !== "sharing" || isUnpinned) continue;
    if (Math.max(snapshot.version, world.truth.forced) >= version || !world.keeps("pins")) continue;
    throw new Violation("(e) a checkpoint passes a snapshot that is pinned");
  }
}

function* placeChunk(process: Process, chunk: number, version: number): Steps<void> {
  const { world, generation } = process;
  const slots = [1, 2, 3].filter((slot) => {
    return recordsOf(process, chunk * SLOTS + slot).some((one) => one.generation < generation);
  });
  if (slots.length === 0) return;
  const headers = yield* headerPage(process, chunk);
  for (const slot of slots) {
    const page = chunk * SLOTS + slot;
    const found = yield* build(process, page, version);
    if (found === "too new" || found === "mismatch") {
      throw damage(`page ${page} at the switch is ${found}`);
    }
    world.isDelicate = true;
    headers[slot] = found === "free" ? FREE : found.header;
    if (found !== "free") yield* writePage(process, page, found.bytes);
  }
  yield* writeHeaderPage(process, chunk, headers);
  world.isDelicate = false;
}

function checkPin({ world }: Process, { time }: Pins): void {
  if (world.time - time > 2 * STALE_STEPS) throw new Violation("(g) a dead pin holds up");
}

function* switchAreas(process: Process): Steps<void> {
  const { world, generation } = process;
  if (process.offset <= 1) return;
  if (process.durable < process.sequence) {
    yield;
    sync(process);
    process.durable = process.sequence;
  }
  const { isWhole } = world.weather;
  const count = isWhole ? process.count : lastInUse(process.state, process.superblock) + 1;
  if (world.keeps("switchBatch")) {
    yield* appendEmpty(process, { generation: generation + 1, offset: 0, count });
  } else {
    process.generation++;
    process.offset = 0;
    process.done = 0;
  }
  yield* writeWord(process);
  if (!world.keeps("cutLast")) yield* cutFile(process);
  world.note(process, `switched to generation ${process.generation}`);
  world.count("switches");
}

/** The last chunk with a page in use, or of the journal. */
export function lastInUse({ pages }: State, { areas }: Superblock): number {
  const page = pages.findLastIndex((bytes) => bytes !== undefined);
  return Math.max(0, page < 0 ? 0 : chunkOf(page), areasEnd(areas) - 1);
}

function* endCheckpoint(process: Process): Steps<void> {
  const { world, generation, superblock } = process;
  if (world.keeps("endSync")) {
    yield;
    sync(process);
    process.durable = process.sequence;
  }
  const first = process.batches.find((batch) => batch.generation === generation);
  const { version, state, count } = first ?? process;
  const sequence = first === undefined ? process.sequence : first.sequence - 1;
  yield* replaceSuperblock(process, { ...superblock, generation, sequence, version, state, count });
  dropBefore(process, generation);
  if (world.weather.isWhole) return world.count("checkpoints");
  yield* cutFile(process);
  world.note(process, `ended checkpoint ${process.superblock.number}`);
  world.count("checkpoints");
  if (world.random.once(4)) yield* renewJournal(process);
}

/** Writes a superblock with the next number, and announces it. */
export function* replaceSuperblock(process: Process, next: Superblock): Steps<void> {
  const { world } = process;
  const value = { ...next, isOpen: true, number: process.superblock.number + 1 };
  yield* writeSuperblock(process, value);
  process.superblock = value;
  process.done = 0;
  if (process.generation < value.generation) {
    beginGeneration(process, value.generation);
  }
  world.isDelicate = true;
  yield* writeWord(process);
  world.isDelicate = false;
}

/** Cuts the file behind its last chunk. */
export function* cutFile({ world, count, superblock }: Process): Steps<void> {
  yield;
  world.main.cutAt(chunkAt(Math.max(count, areasEnd(superblock.areas))));
}

/** Provides room in the area for a transaction: the area grows, or the checkpoint is ended. */
export function* makeRoom(process: Process): Steps<void> {
  const { world } = process;
  if (process.superblock.areas[0].length === 0) yield* createAreas(process);
  if (process.offset + ROOM_SECTORS <= capacityOf(process)) return;
  if (world.random.once(3) && (yield* growArea(process))) return;
  for (let steps = 0; process.isCheckpointing; steps++) {
    yield* checkpointStep(process, world.keeps("pinsLose"), yield* readPins(process));
    if (steps > STEPS_MAX) throw new Violation("(g) a pin blocks those who write");
  }
  if (process.offset + ROOM_SECTORS > capacityOf(process)) yield* switchAreas(process);
}

/** Creates both areas, of one chunk each, behind the last chunk of the file. */
export function* createAreas(process: Process): Steps<void> {
  const first = countMax(process);
  if (first + 2 > CHUNKS_MAX) throw new Violation("the model's file has no room for a journal");
  yield* listAreas(process, [[first], [first + 1]]);
}

/** Gives the current area a second chunk, behind every page that a crash may bring back. */
function* growArea(process: Process): Steps<boolean> {
  const { world, superblock } = process;
  const parity = process.generation & 1;
  const chunk = world.keeps("areaPast") ? countMax(process) : process.count;
  if (chunk >= CHUNKS_MAX || superblock.areas[parity as 0 | 1].length > 1) return false;
  const areas: [number[], number[]] = [[...superblock.areas[0]], [...superblock.areas[1]]];
  areas[parity as 0 | 1].push(chunk);
  yield* listAreas(process, areas);
  world.count("areas that grew");
  return true;
}

/** Lists the chunks of both areas in a superblock, once their header pages are on the medium. */
function* listAreas(process: Process, areas: Superblock["areas"]): Steps<void> {
  const { world, superblock } = process;
  for (const chunk of areas.flat()) {
    if (superblock.areas.flat().includes(chunk)) continue;
    yield* writeHeaderPage(process, chunk, new Array(SLOTS).fill(JOURNAL));
  }
  yield;
  sync(process);
  process.durable = process.sequence;
  if (world.keeps("areaListed")) yield* replaceSuperblock(process, { ...superblock, areas });
  else process.superblock = { ...superblock, areas };
  process.count = Math.max(process.count, areasEnd(areas));
}

/**
 * Moves an empty journal behind the last page in use: gives both areas back, and creates others
 * with one chunk each. Between the two the file is open, and has no journal.
 */
function* renewJournal(process: Process): Steps<void> {
  const { world, generation, sequence, version, state, superblock } = process;
  if (process.index.some((records) => records !== undefined && records.length > 0)) return;
  yield* emptyAreas(process);
  yield;
  sync(process);
  process.durable = sequence;
  const areas = [[], []] as const;
  const count = lastInUse(state, { ...superblock, areas }) + 1;
  const next = {
    ...superblock,
    generation: generation + 1,
    sequence,
    version,
    state,
    count,
    areas,
  };
  yield* replaceSuperblock(process, next);
  dropBefore(process, generation + 1);
  process.count = count;
  yield* cutFile(process);
  yield* createAreas(process);
  world.note(process, `moved the journal to ${process.superblock.areas}`);
  world.count("journals that moved");
}

/** Empties the header pages of both areas. */
export function* emptyAreas(process: Process): Steps<void> {
  for (const chunk of process.superblock.areas.flat()) {
    yield* writeHeaderPage(process, chunk, new Array(SLOTS).fill(FREE));
  }
}

/**
 * Empties the header page of a chunk by which the file grows: a dead writer may have used it. A
 * chunk that was in use since the replay point has its pages in the index, and pins may need it.
 */
export function* emptyNewChunk(process: Process, chunk: number): Steps<void> {
  if (chunk < countMax(process) || !process.world.keeps("freshChunk")) return;
  const headers = yield* headerPage(process, chunk);
  if (headers.every(({ kind }) => kind === "free")) return;
  yield* writeHeaderPage(process, chunk, new Array(SLOTS).fill(FREE));
}

/**
 * Whether a chunk belongs to the journal.
 *
 * @throws {Violation} It does, and a record names a page in it.
 */
export function isOfJournal(process: Process, chunk: number): boolean {
  if (!process.superblock.areas.flat().includes(chunk)) return false;
  for (let slot = 1; slot < SLOTS; slot++) {
    if (recordsOf(process, chunk * SLOTS + slot).length > 0) {
      throw damage("a record names the journal");
    }
  }
  return true;
}

/** A slice or a step that any holder of the lock may do. */
export function* maintenanceStep(process: Process): Steps<void> {
  const { random } = process.world;
  const pins = yield* readPins(process);
  const isStep = !random.once(3) || process.world.weather.isWhole;
  if (isStep) return yield* checkpointStep(process, false, pins);
  yield* writeInPlace(process, random.below(countMax(process)), pins, false);
}

/** Writes everything in place, past all pins. */
export function* writeAll(process: Process): Steps<void> {
  for (let chunk = 0; chunk < countMax(process); chunk++) {
    yield* writeInPlace(process, chunk, NO_PINS, true);
  }
}
