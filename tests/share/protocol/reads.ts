/**
 * Reads and snapshots. A page that is too new, free or torn makes the operation begin anew, at last
 * under the lock. Snapshots read their version, and end where the file no longer has it.
 */

import type { Page } from "../support/layout.ts";
import { lock, unlock } from "../support/locks.ts";
import { holdsUp, movePin, renewPlace, sweepPlaces, writePin } from "../support/pins.ts";
import { readWord } from "../support/sidecar.ts";
import { type State, Violation } from "../support/truth.ts";
import { NO_PIN, type Process, type Snapshot, type Steps } from "../support/world.ts";
import { build, damage, type Failure } from "./page_reader.ts";
import { refresh, refreshLocked } from "./refresh.ts";

/** The pages in use of a state. */
export function pagesOf(state: State): number[] {
  const pages: number[] = [];
  for (let page = 0; page < state.pages.length; page++) {
    if (state.pages[page] !== undefined) pages.push(page);
  }
  return pages;
}

/** Reads pages without a snapshot; begins anew where one cannot be used. */
export function* readPages(process: Process): Steps<void> {
  const { world } = process;
  if (world.random.once(2)) yield* refresh(process);
  for (let turn = 0;; turn++) {
    const isLocked = turn === 2;
    if (isLocked) {
      yield* lock(process);
      yield* refreshLocked(process);
    }
    const failure = yield* tryRead(process);
    if (isLocked) unlock(process);
    if (failure === undefined) return world.count("reads");
    if (isLocked) throw damage(`a page is ${failure} under the lock`);
    checkKnown(process, failure);
    world.count(`reads begun anew: ${failure}`);
    yield* refresh(process);
  }
}

function checkKnown({ world }: Process, failure: Failure): void {
  if (failure === "mismatch" && !world.keeps("mismatch")) throw damage("a page being written");
  if (failure === "free" && !world.keeps("freed")) throw damage("a page that was freed");
}

/** Reads two pages of one state. */
export function* tryRead(process: Process): Steps<Failure | undefined> {
  const { state, world } = process;
  const { random } = world;
  const pages = pagesOf(state);
  const results: [number, readonly number[]][] = [];
  for (let i = 0; i < 2 && pages.length > 0; i++) {
    const page = random.pick(pages);
    let found: Page | Failure | undefined = process.pages[page];
    if (found === undefined || random.once(4)) found = yield* build(process, page, process.version);
    if (typeof found === "string") return found;
    process.pages[page] = found;
    results.push([page, found.bytes]);
  }
  const isDurable = process.sequence <= process.durable;
  for (const [page, bytes] of results) world.truth.read(state, page, bytes, "(a) read", isDurable);
  return undefined;
}

/** Takes a snapshot. */
export function* takeSnapshot(process: Process): Steps<void> {
  const { world } = process;
  yield* refresh(process);
  // Where a process pins what it has read, its pin covers a snapshot already.
  while (!world.weather.isWhole) {
    yield* writePin(process, process.version);
    if (!world.keeps("pinFirst")) break;
    const word = yield* readWord(process);
    if (word !== undefined && word.sequence <= process.sequence) break;
    yield* refresh(process);
  }
  const { version, state } = process;
  const isDurable = process.sequence <= process.durable;
  process.snapshot = { version, state, images: [], isDurable };
  world.note(process, `snapshot of version ${version}`);
  world.count("snapshots");
}

/** Renews the pin of a snapshot. */
export function* renewPin(process: Process, snapshot: Snapshot): Steps<void> {
  yield* writePin(process, snapshot.version);
}

/** Refreshes a process that pins what it has read, and renews its pin. */
export function* renewPosition(process: Process): Steps<void> {
  yield* refresh(process);
  if (!process.world.weather.isWhole) return;
  if ((yield* renewPlace(process)) === "needs the lock") {
    yield* lock(process);
    yield* refreshLocked(process);
    yield* sweepPlaces(process);
    unlock(process);
  }
  if (holdsUp(process)) throw new Violation("(g) a process that has read a switch holds it up");
}

/** Ends a snapshot. */
export function* endSnapshot(process: Process): Steps<void> {
  process.snapshot = undefined;
  if (process.world.weather.isWhole) yield* movePin(process);
  else yield* writePin(process, NO_PIN);
}

/** Reads a page of a snapshot, which ends if its version is gone. */
export function* readSnapshot(process: Process, snapshot: Snapshot): Steps<void> {
  const { world } = process;
  const { version, state, images, isDurable } = snapshot;
  const pages = pagesOf(state);
  if (pages.length === 0) return;
  const page = world.random.pick(pages);
  const found = yield* snapshotPage(process, snapshot, page);
  if (typeof found !== "string") {
    images[page] = found;
    world.truth.read(state, page, found.bytes, "(e) snapshot", isDurable);
    return world.count("reads by snapshots");
  }
  if (world.truth.forced <= version && !process.isUnpinned) {
    throw new Violation(`(e) a snapshot ended, as page ${page} is ${found}, for no reason`);
  }
  world.count("SnapshotTooOldError");
  yield* endSnapshot(process);
}

function* snapshotPage(
  process: Process,
  snapshot: Snapshot,
  page: number,
): Steps<Page | Failure> {
  const found = yield* versionOf(process, snapshot, page);
  return typeof found === "string" ? yield* judge(process, page, snapshot.version) : found;
}

/** A page as a snapshot sees it, if it is in memory or in the file. */
export function* versionOf(
  process: Process,
  { version, images }: Snapshot,
  page: number,
): Steps<Page | Failure> {
  const image = images[page];
  if (image !== undefined) return image;
  const known = process.pages[page];
  if (known !== undefined && known.header.version <= version) return known;
  return yield* build(process, page, version);
}

/** Looks again under the lock, where nobody writes. */
function* judge(process: Process, page: number, version: number): Steps<Page | Failure> {
  const { world } = process;
  if (!world.keeps("mismatch")) throw damage("a page being written");
  yield* lock(process);
  yield* refreshLocked(process);
  const found = yield* build(process, page, version);
  if (found === "mismatch") {
    const isLatest = world.keeps("judgeLatest");
    const newest = isLatest ? yield* build(process, page, process.version) : found;
    if (newest === "mismatch") throw damage(`page ${page} does not match`);
  }
  unlock(process);
  return found;
}
