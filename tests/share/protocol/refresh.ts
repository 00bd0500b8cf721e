/**
 * Refreshing: how a process learns what others committed. Without the lock it goes as far as the
 * commit word; under the lock it goes to the end of the journal, and announces what it found past
 * the word.
 */

import { areasEnd, type Superblock } from "../support/layout.ts";
import { lock, unlock } from "../support/locks.ts";
import { movePin } from "../support/pins.ts";
import { readWord, writeWord } from "../support/sidecar.ts";
import { readSuperblock, repairSuperblock } from "../support/superblocks.ts";
import { isAncestor, Violation } from "../support/truth.ts";
import { NO_LIMIT, type Process, type Steps, sync, type Word, write } from "../support/world.ts";
import { begin, beginGeneration, dropBefore, keepImage, readOn, sectorsOf } from "./journal.ts";
import { heedNote } from "./notes.ts";
import { headerOf } from "./page_reader.ts";

/** Reads the superblock where nobody writes it. */
export function* currentSuperblock(process: Process): Steps<Superblock> {
  const found = yield* readSuperblock(process);
  if (found === undefined) throw new Violation("(f) the file has no superblock");
  return found;
}

/**
 * Takes a superblock for the current one; false if the process is behind it, so that the batches
 * between may be gone.
 */
export function takeSuperblock(process: Process, found: Superblock): boolean {
  const { world } = process;
  if (process.sequence < found.sequence && world.keeps("jump")) return false;
  process.superblock = found;
  process.done = 0;
  dropBefore(process, found.generation);
  if (process.generation < found.generation && world.keeps("jump")) {
    beginGeneration(process, found.generation);
    process.count = found.count;
  }
  process.count = Math.max(process.count, areasEnd(found.areas));
  return true;
}

/** Goes to the sequence of a commit word, without the lock; whether it got there. */
function* catchUp(process: Process, word: Word): Steps<boolean> {
  yield* readOn(process, word.sequence);
  if (word.number > process.superblock.number) {
    const found = yield* readSuperblock(process);
    if (found?.number !== word.number) return false;
    if (!takeSuperblock(process, found)) return false;
    yield* readOn(process, word.sequence);
  }
  if (process.sequence < word.sequence && process.world.keeps("missed")) return false;
  adoptWord(process, word);
  if (process.world.weather.isNoted && process.world.random.once(2)) yield* heedNote(process);
  return true;
}

function adoptWord(process: Process, word: Word): void {
  const isSame = word.number === process.superblock.number;
  if (isSame && word.generation === process.generation) process.done = word.done;
  process.durable = Math.max(process.durable, Math.min(word.durable, process.sequence));
}

/** What a reader does at its first read of a turn. */
export function* refresh(process: Process): Steps<void> {
  const { world } = process;
  if (process.kind === "exclusive") return;
  const { acknowledged } = world.truth;
  const before = process.state;
  const word = (yield* readWord(process)) ?? (yield* readWord(process));
  if (word === undefined || !(yield* catchUp(process, word))) {
    yield* lock(process);
    yield* refreshLocked(process);
    unlock(process);
    world.count("refreshes under the lock");
  }
  yield* movePin(process);
  checkForward(process, before);
  if (!world.isSplit && !isAncestor(acknowledged, process.state)) {
    throw new Violation("(c) a refresh missed an acknowledged transaction");
  }
}

function checkForward(process: Process, before: Process["state"]): void {
  if (!isAncestor(before, process.state)) throw new Violation("(b) a process went back");
}

/**
 * What the holder of the write lock does before a transaction: nothing if nobody else has had the
 * lock since it had read to the end of the journal.
 */
export function* refreshToWrite(process: Process): Steps<void> {
  const { world, isCurrent, isLastHolder } = process;
  const knowsAll = isLastHolder && (isCurrent || !world.keeps("holderWhole"));
  if (!world.weather.isWhole || !knowsAll) return yield* refreshLocked(process);
  world.count("holds that read nothing");
}

/** What the holder of the write lock does first. */
export function* refreshLocked(process: Process): Steps<void> {
  const { world } = process;
  process.isCurrent = false;
  if (process.kind === "exclusive" || !world.keeps("refresh")) return;
  const before = process.state;
  const word = yield* readWord(process);
  if (word === undefined) yield* load(process);
  else yield* catchUpLocked(process, word);
  checkForward(process, before);
  if (!process.isLatched || !world.keeps("latch")) yield* announceFound(process, word);
  yield* movePin(process);
  process.isCurrent = true;
}

function* catchUpLocked(process: Process, word: Word): Steps<void> {
  const { world } = process;
  const limit = world.keeps("tail") ? NO_LIMIT : word.sequence;
  yield* readOn(process, limit);
  if (world.keeps("readSuper") || word.number > process.superblock.number) {
    const found = yield* currentSuperblock(process);
    if (found.number > process.superblock.number) {
      if (!takeSuperblock(process, found)) return yield* load(process);
      yield* readOn(process, limit);
    }
  }
  if (process.sequence < word.sequence && world.keeps("missed")) return yield* load(process);
  adoptWord(process, word);
  if (world.weather.isNoted && world.random.once(2)) yield* heedNote(process);
}

/** Writes the word for what was found past it; a superblock found so is synced first. */
function* announceFound(process: Process, word: Word | undefined): Steps<void> {
  const { world } = process;
  const isAhead = word === undefined || process.sequence > word.sequence;
  const isNewer = word === undefined || process.superblock.number > word.number;
  if (isNewer && world.keeps("superAhead")) {
    yield;
    sync(process);
    process.durable = process.sequence;
  }
  if (isAhead || isNewer) yield* writeWord(process);
}

/** Reads superblock and journal anew, under the write lock; also for opening. */
export function* load(process: Process): Steps<void> {
  const { world, pages, durable } = process;
  const found = yield* currentSuperblock(process);
  for (let page = 0; page < pages.length; page++) keepImage(process, page, NO_LIMIT);
  begin(process, found);
  yield* readOn(process, NO_LIMIT);
  process.durable = Math.max(process.durable, Math.min(durable, process.sequence));
  yield* keepCurrent(process, pages);
  world.count(process.isOpen ? "loads of open files" : "loads");
}

/** Keeps those of the pages that were in memory before a load whose headers are current. */
export function* keepCurrent(process: Process, pages: Process["pages"]): Steps<void> {
  const { world } = process;
  for (let page = 0; page < pages.length; page++) {
    const known = pages[page];
    if (known === undefined) continue;
    const { kind, version, sum } = yield* headerOf(process, page);
    const isCurrent = kind === "data" && version === known.header.version &&
      sum === known.header.sum;
    if (isCurrent || !world.keeps("compareLoaded")) process.pages[page] = known;
  }
}

/**
 * Writes again what a process found when it opened the file: its descriptor reports no failed
 * writeback from before, so its sync covers only what it wrote itself.
 */
export function* rewriteFound(
  process: Process,
  covered: number,
  isSuperblockNew: boolean,
): Steps<void> {
  if (!process.world.keeps("rewrite")) return;
  if (isSuperblockNew) yield* repairSuperblock(process, process.superblock);
  if (process.world.weather.tears) return;
  for (const batch of process.batches) {
    if (batch.sequence <= covered) continue;
    for (const at of sectorsOf(process, batch)) {
      yield;
      write(process, at, batch);
    }
  }
}
