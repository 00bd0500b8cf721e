/**
 * Opening, recovery and closing, under the write lock. A process that is alone recovers the file;
 * the last to close leaves it clean.
 */

import {
  type Batch,
  chunkAt,
  chunkOf,
  FREE,
  type Header,
  JOURNAL,
  type Page,
  SLOTS,
  sumOf,
  type Superblock,
} from "../support/layout.ts";
import { leave, lock, tryExclusive, tryShared, unlock } from "../support/locks.ts";
import { clearPins, leavePlace, takePlace, writePin } from "../support/pins.ts";
import { readWord, writeNoteSectors, writeWord } from "../support/sidecar.ts";
import { readSuperblock, writeSuperblock } from "../support/superblocks.ts";
import { Violation } from "../support/truth.ts";
import { NO_LIMIT, NO_PIN, type Process, type Steps, sync } from "../support/world.ts";
import {
  createAreas,
  cutFile,
  emptyAreas,
  isOfJournal,
  lastInUse,
  writeAll,
  writeHeaderPage,
  writePage,
} from "./checkpoint.ts";
import { begin, countMax, readOn, recordsOf, replay } from "./journal.ts";
import { heedNote } from "./notes.ts";
import { damage, fileBytes, fileHeader } from "./page_reader.ts";
import { currentSuperblock, load, refreshLocked, rewriteFound } from "./refresh.ts";

/** A batch that was on the medium is damaged. */
export class RottenJournal extends Error {}

/** Recovery skips this many versions, so that a lost transaction and a new one share none. */
const VERSION_JUMP = 100;

/** Opens the file; the process stays closed if the file is locked. */
export function* open(process: Process): Steps<void> {
  const { world } = process;
  const isLocking = world.keeps("openLock");
  if (isLocking) yield* lock(process);
  process.hasError = world.isErrorUnseen;
  process.side = world.side;
  const isAlone = yield* tryExclusive(process);
  const isOpened = process.kind === "exclusive"
    ? isAlone && (yield* openAlone(process))
    : isAlone || !world.keeps("alone")
    ? yield* openFirst(process, isAlone)
    : yield* join(process);
  unlock(process);
  process.isOpen = isOpened;
  if (!isOpened) return world.count("opens refused or begun anew");
  world.truth.opened(process.state, "an opened file");
  world.note(process, isAlone ? "opened alone" : "joined");
  world.count("opens");
}

/** Opens the file as the first of the processes that share it. */
function* openFirst(process: Process, isAlone: boolean): Steps<boolean> {
  const { world } = process;
  if (!(yield* openAlone(process))) return false;
  if (isAlone ? world.keeps("resetSide") : !world.keeps("keepSide")) {
    yield* clearPins(process);
    if (isAlone) yield* writeWord(process);
    if (world.weather.isNoted) yield* writeNoteSectors(process, undefined);
    world.placed = process.version;
  }
  if (world.weather.isWhole) yield* takePlace(process, process.version);
  if (!(yield* tryShared(process))) return false;
  if (!world.keeps("gapCheck")) return true;
  const found = yield* readSuperblock(process);
  if (found?.number === process.superblock.number) return true;
  leave(process);
  return false;
}

/** Opens the file beside processes that have it open. */
function* join(process: Process): Steps<boolean> {
  const { world } = process;
  if (!(yield* tryShared(process))) return false;
  if (isWithNobody(process)) {
    leave(process);
    return false;
  }
  yield* load(process);
  if (!world.keeps("keepSide")) yield* clearPins(process);
  const word = yield* readWord(process);
  const known = Math.max(process.durable, Math.min(word?.durable ?? 0, process.sequence));
  process.durable = known;
  yield* heedNote(process);
  const { sequence, superblock, generation } = process;
  if (word !== undefined && word.number === superblock.number && word.generation === generation) {
    process.done = word.done;
    process.distrusted = superblock.number;
  }
  const isNew = !word || word.number < superblock.number;
  const isBehind = isNew || word.sequence < sequence;
  if ((isBehind && world.keeps("superAhead")) || process.durable < sequence) {
    yield* rewriteFound(process, process.durable, isNew);
    yield;
    sync(process);
    process.durable = sequence;
    yield* writeWord(process);
  }
  if (yield* takePlace(process, process.version)) return true;
  leave(process);
  return false;
}

/** Whether an exclusive process had the file, and has died before it recovered it. */
function isWithNobody({ world }: Process): boolean {
  return world.sharing.size === 1 && world.keeps("presence");
}

/** Opens the file with nobody else: recovers it, or marks it open. */
function* openAlone(process: Process): Steps<boolean> {
  const found = yield* currentSuperblock(process);
  if (found.isOpen) yield* recover(process, found);
  else yield* markOpen(process, found);
  return true;
}

function* syncFound(process: Process): Steps<void> {
  if (!process.world.keeps("recoverySync")) return;
  yield* rewriteFound(process, 0, true);
  yield;
  sync(process);
}

function* markOpen(process: Process, found: Superblock): Steps<void> {
  begin(process, found);
  yield* syncFound(process);
  const opened: Superblock = { ...found, number: found.number + 1, isOpen: true };
  yield* writeSuperblock(process, opened);
  begin(process, opened);
  yield* createAreas(process);
}

function* recover(process: Process, found: Superblock): Steps<void> {
  const { world } = process;
  begin(process, found);
  yield* readOn(process, NO_LIMIT);
  checkTail(process);
  world.truth.opened(process.state, "a recovered file");
  yield* syncFound(process);
  world.isHalfRecovered = true;
  const chunks = countMax(process);
  for (let chunk = 0; chunk < chunks; chunk++) yield* recoverChunk(process, chunk);
  for (const chunk of found.areas.flat()) {
    yield* writeHeaderPage(process, chunk, new Array(SLOTS).fill(JOURNAL));
  }
  yield;
  sync(process);
  const { sequence, state, count } = process;
  const next: Superblock = {
    ...found,
    number: found.number + 1,
    generation: process.generation + (world.keeps("newGeneration") ? 2 : 0),
    version: process.version + VERSION_JUMP,
    sequence,
    state,
    count: Math.max(count, countMax(process)),
  };
  yield* writeSuperblock(process, next);
  world.isHalfRecovered = false;
  begin(process, next);
  if (found.areas[0].length === 0) yield* createAreas(process);
  world.count("recoveries");
}

/** A later batch shows that a missing one was on the medium. */
function checkTail(process: Process): void {
  const { superblock, sequence, world } = process;
  for (const chunk of superblock.areas.flat()) {
    for (let i = 2; i < 2 * SLOTS; i++) {
      const batch = world.main.cache[chunkAt(chunk) + i];
      if (typeof batch !== "object" || !("records" in batch)) continue;
      if (isRotBefore(batch, superblock, sequence)) {
        if (world.truth.isRotten) throw new RottenJournal();
        throw new Violation("(f) a power cut looks like rot");
      }
    }
  }
}

function isRotBefore(batch: Batch, superblock: Superblock, sequence: number): boolean {
  if (batch.generation < superblock.generation) return false;
  if (batch.generation > superblock.generation + 1) return true;
  return batch.sequence > sequence && batch.durable > sequence;
}

function* recoverChunk(process: Process, chunk: number): Steps<void> {
  if (isOfJournal(process, chunk)) return;
  const logged = process.logged[chunk];
  const headers: Header[] = [FREE];
  let isTouched = logged !== undefined;
  for (let slot = 1; slot < SLOTS; slot++) {
    const page = chunk * SLOTS + slot;
    const last = recordsOf(process, page).at(-1);
    isTouched ||= last !== undefined;
    const header = last?.header ?? logged?.headers[slot] ?? (yield* baseHeader(process, page));
    headers.push(header);
    if ((header.kind === "data") !== (process.state.pages[page] !== undefined)) {
      throw damage(`after recovery the header of page ${page} says ${header.kind}`);
    }
    if (header.kind === "data") yield* recoverPage(process, page, header);
  }
  if (isTouched) yield* writeHeaderPage(process, chunk, headers);
}

/** The header from which replay begins: pages past the superblock's count were free. */
function* baseHeader(process: Process, page: number): Steps<Header> {
  const isPast = chunkOf(page) >= process.superblock.count;
  if (isPast && process.world.keeps("freshChunk")) return FREE;
  return yield* fileHeader(process, page);
}

function* recoverPage(process: Process, page: number, header: Header): Steps<void> {
  const { world, state } = process;
  let result: Page = { bytes: yield* fileBytes(process, page), header };
  for (const record of recordsOf(process, page)) result = replay(result, record);
  if (sumOf(result.bytes) !== header.sum) throw damage(`recovery: page ${page} does not match`);
  world.truth.read(state, page, result.bytes, "(d) recovery", true);
  const last = recordsOf(process, page).at(-1);
  if (last !== undefined && last.kind !== "bypassed") {
    yield* writePage(process, page, result.bytes);
  }
}

/** Closes the file; the last to close leaves it clean. */
export function* close(process: Process): Steps<void> {
  const { world } = process;
  process.isClosing = true;
  if (process.snapshot !== undefined && !world.weather.isWhole) yield* writePin(process, NO_PIN);
  process.snapshot = undefined;
  if (world.keeps("openLock")) yield* lock(process);
  yield* refreshLocked(process);
  const isAlone = process.kind === "exclusive" || (yield* tryExclusive(process));
  if (isAlone && isUntouched(process, yield* readSuperblock(process)) && world.keeps("lastClean")) {
    if (!process.isLatched || !world.keeps("latch")) yield* closeLast(process);
  }
  if (process.kind === "sharing") yield* leavePlace(process);
  yield;
  leave(process);
  unlock(process);
  process.isOpen = false;
  process.isClosing = false;
  world.note(process, "closed");
  world.count("closes");
}

/** Whether nobody opened the file in the gap of the lock's change. */
function isUntouched({ world, superblock }: Process, found: Superblock | undefined): boolean {
  return found?.number === superblock.number || !world.keeps("gapCheck");
}

function* closeLast(process: Process): Steps<void> {
  yield* writeAll(process);
  yield* emptyAreas(process);
  yield;
  sync(process);
  const { superblock, sequence, version, state, generation } = process;
  const areas = [[], []] as const;
  process.count = lastInUse(state, { ...superblock, areas }) + 1;
  process.superblock = {
    ...superblock,
    number: superblock.number + 1,
    isOpen: false,
    generation: generation + 1,
    sequence,
    version,
    state,
    count: process.count,
    areas,
  };
  yield* writeSuperblock(process, process.superblock);
  yield* cutFile(process);
}
