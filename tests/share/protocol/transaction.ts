/**
 * Transactions: under the write lock, refreshed, with room in the journal; then the batch, the
 * sync, the commit word and the acknowledgement, in this order. A flight gives the lock up before
 * its sync, which runs off the thread; so may a process that others wait for, before a sync in
 * line. A process that nobody waits for keeps the lock for more transactions.
 */

import {
  chunkOf,
  DATA_CHUNKS_MAX,
  FREE,
  type Header,
  type LoggedHeaders,
  type LogRecord,
  type Page,
  SLOTS,
  sumOf,
} from "../support/layout.ts";
import { lock, unlock } from "../support/locks.ts";
import { readPins } from "../support/pins.ts";
import { writeWord } from "../support/sidecar.ts";
import type { State } from "../support/truth.ts";
import { type Process, type Steps, sync, type Unsynced } from "../support/world.ts";
import {
  checkpointStep,
  emptyNewChunk,
  maintenanceStep,
  makeRoom,
  writeInPlace,
  writePage,
} from "./checkpoint.ts";
import { append, apply, confirmedOf, recordsOf, syncBatches } from "./journal.ts";
import { endFlight, heedNote, writeNote } from "./notes.ts";
import { current, damage, headerOf } from "./page_reader.ts";
import { refreshToWrite } from "./refresh.ts";

/** When a transaction is acknowledged. */
type Level = "sync" | "buffered" | "flight" | "after the hold";
const LEVELS: readonly Level[] = ["sync", "sync", "buffered", "flight"];

/** The changes of a transaction that is being made. */
interface Changes {
  readonly version: number;
  readonly pages: (readonly number[] | undefined)[];
  readonly records: LogRecord[];
  readonly headers: LoggedHeaders[];
  count: number;
}

/** Runs a transaction. */
export function* transact(process: Process): Steps<void> {
  const { world } = process;
  yield* lock(process);
  yield* refreshToWrite(process);
  do yield* transactOnce(process); while (world.weather.isWhole && world.random.once(3));
  unlock(process);
  if (process.unsynced.length > 0 && process.flight === undefined) yield* settle(process);
}

function* transactOnce(process: Process): Steps<void> {
  const { world } = process;
  yield* makeRoom(process);
  const early = yield* readPins(process);
  const changes: Changes = {
    version: process.version + 1,
    pages: process.state.pages.slice(),
    records: [],
    headers: [],
    count: process.count,
  };
  for (let i = 1 + world.random.below(2); i > 0; i--) yield* changePage(process, changes);
  yield* commit(process, changes);
  const late = world.keeps("pinsAfterWord") ? yield* readPins(process) : early;
  const chunk = world.random.below(changes.count);
  const mayWrite = !world.weather.isWhole;
  if (world.random.once(4) && mayWrite) yield* writeInPlace(process, chunk, late, false);
  if (world.random.once(3)) yield* checkpointStep(process, false, late);
}

function* changePage(process: Process, changes: Changes): Steps<void> {
  const { random } = process.world;
  const page = choosePage(process, changes);
  if (page === undefined || changes.records.some((record) => record.page === page)) return;
  yield* emptyNewChunk(process, chunkOf(page));
  const header = yield* headerOf(process, page);
  if ((header.kind === "data") !== (changes.pages[page] !== undefined)) {
    throw damage(`the header of page ${page} says ${header.kind}`);
  }
  changes.count = Math.max(changes.count, chunkOf(page) + 1);
  yield* logHeaders(process, page, changes.headers);
  if (header.kind !== "data") yield* acquire(process, page, changes);
  else if (random.once(4)) yield* release(process, page, changes);
  else change(process, page, yield* current(process, page), changes);
}

/** A page of the data, or of a chunk by which the file grows. */
function choosePage({ world, superblock }: Process, { count }: Changes): number | undefined {
  const { random } = world;
  const grows = count < DATA_CHUNKS_MAX && random.once(8);
  const chunk = grows ? count : random.below(Math.min(count, DATA_CHUNKS_MAX));
  if (superblock.areas.flat().includes(chunk)) return undefined;
  return chunk * SLOTS + 1 + random.below(SLOTS - 1);
}

function addRecord(
  { generation }: Process,
  changes: Changes,
  record: Pick<LogRecord, "kind" | "page" | "bytes" | "at">,
  bytes: readonly number[] | undefined,
): void {
  const { version, records, pages } = changes;
  const header: Header = bytes === undefined ? FREE : { kind: "data", version, sum: sumOf(bytes) };
  pages[record.page] = bytes;
  records.push({ ...record, header, version, generation, sequence: 0 });
}

function* acquire(process: Process, page: number, changes: Changes): Steps<void> {
  const { world } = process;
  const bytes = [world.newId(), world.newId()];
  const isPast = world.random.once(3) && (yield* bypass(process, page, bytes));
  addRecord(process, changes, { kind: isPast ? "bypassed" : "whole", page, bytes, at: 0 }, bytes);
}

function* release(process: Process, page: number, changes: Changes): Steps<void> {
  const { world } = process;
  if (world.keeps("bypassConfirmed") || world.random.once(2)) {
    return addRecord(process, changes, { kind: "freed", page, bytes: [], at: 0 }, undefined);
  }
  const bytes = [world.newId(), world.newId()];
  yield* writePage(process, page, bytes);
  addRecord(process, changes, { kind: "bypassed", page, bytes, at: 0 }, bytes);
}

/** Changes one value of a page; logs both where a torn sector must be repaired. */
function change(process: Process, page: number, old: Page, changes: Changes): void {
  const { world, generation } = process;
  const at = world.random.below(2);
  const bytes = old.bytes.slice();
  bytes[at] = world.newId();
  const isImaged = recordsOf(process, page).some((record) =>
    record.kind === "whole" && record.generation === generation
  );
  const isWhole = world.weather.tears && !isImaged;
  const record = isWhole
    ? { kind: "whole", page, bytes, at: 0 } as const
    : { kind: "changed", page, bytes: [bytes[at]!], at } as const;
  addRecord(process, changes, record, bytes);
}

/** The first touch of a chunk in a generation logs its header page as it was. */
function* logHeaders(process: Process, page: number, list: LoggedHeaders[]): Steps<void> {
  const chunk = chunkOf(page);
  if (!process.world.weather.tears || list.some((headers) => headers.chunk === chunk)) return;
  if (process.logged[chunk]?.generation === process.generation) return;
  const headers: Header[] = [FREE];
  for (let slot = 1; slot < SLOTS; slot++) {
    headers.push(yield* headerOf(process, chunk * SLOTS + slot));
  }
  list.push({ chunk, headers });
}

/** Writes a new page past the journal, if its release is confirmed and no pin sees it. */
function* bypass(process: Process, page: number, bytes: readonly number[]): Steps<boolean> {
  const { world } = process;
  if (world.weather.isWhole) return false;
  const { oldest, oldestStale } = yield* readPins(process);
  const release = recordsOf(process, page).at(-1);
  const version = release?.version ?? 0;
  if (version > oldest && world.keeps("bypassPins")) return false;
  if (release !== undefined && release.sequence > confirmedOf(process)) {
    if (world.keeps("bypassConfirmed")) return false;
  }
  if (version > oldestStale) world.truth.forced = Math.max(world.truth.forced, version);
  yield* writePage(process, page, bytes);
  world.count("pages past the journal");
  return true;
}

function* commit(process: Process, changes: Changes): Steps<void> {
  const { world, generation, offset, state } = process;
  const { version, pages, records, headers, count } = changes;
  const next: State = { id: world.newId(), parent: state, depth: state.depth + 1, pages };
  if (records.some(({ kind }) => kind === "bypassed") && world.keeps("bypassSync")) {
    yield;
    sync(process);
    process.durable = process.sequence;
  }
  const level = levelOf(process);
  const plan = { generation, offset, records, headers, state: next, version, count };
  const batches = yield* append(process, plan);
  world.note(process, `transaction ${next.id}, ${level}, version ${version}, ${namesOf(records)}`);
  if (level === "sync" && world.keeps("publish")) yield* syncBatches(process, batches);
  for (const batch of batches) apply(process, batch);
  if (level !== "sync") return yield* acknowledgeLater(process, next, level);
  process.durable = process.sequence;
  if (!world.keeps("ackLast")) world.truth.acknowledge(next, true);
  yield* writeWord(process);
  if (!world.keeps("publish")) yield* syncBatches(process, batches);
  acknowledge(process, next, true);
}

function levelOf({ world: { weather, random } }: Process): Level {
  if (!weather.isWhole) return random.pick(LEVELS);
  return random.once(2) ? "sync" : "after the hold";
}

function namesOf(records: readonly LogRecord[]): string {
  return records.map(({ kind, page }) => `${kind} ${page}`).join(", ");
}

function acknowledge({ world }: Process, state: State, isDurable: boolean): void {
  world.truth.acknowledge(state, isDurable);
  world.count(isDurable ? "transactions" : "transactions before their sync");
}

/** A commit that does not wait for the medium, or that a flight takes there. */
function* acknowledgeLater(process: Process, state: State, level: Level): Steps<void> {
  yield* writeWord(process);
  if (level === "buffered") return acknowledge(process, state, false);
  process.unsynced.push({ state, sequence: process.sequence });
  if (level === "flight" && process.flight === undefined) yield* takeOff(process);
}

/**
 * Takes to the medium what the process committed, unless the sync of another one has done so, or
 * may do so. The process comes back until all is there.
 */
export function* settle(process: Process): Steps<void> {
  const { world } = process;
  if (!world.weather.isNoted) return yield* takeOff(process);
  yield* heedNote(process);
  acknowledgeCovered(process);
  const mayWait = world.processes.some(({ flight }) => flight !== undefined) ||
    world.random.once(4);
  if (process.unsynced.length === 0 || process.flight !== undefined) return;
  if (!mayWait || world.random.once(2)) yield* takeOff(process);
}

/** Acknowledges the commits that the sync of another process has covered. */
function acknowledgeCovered(process: Process): void {
  const { durable, unsynced, flight } = process;
  const isCovered = ({ sequence }: Unsynced) => sequence <= durable;
  for (const { state } of [...flight?.states ?? [], ...unsynced].filter(isCovered)) {
    acknowledge(process, state, true);
    process.world.count("commits that another process has synced");
  }
  process.unsynced = unsynced.filter((one) => !isCovered(one));
}

/** Starts a sync off the thread for everything that the process committed. */
function* takeOff(process: Process): Steps<void> {
  yield;
  process.flight = {
    serial: process.world.main.startSync(),
    sequence: process.sequence,
    states: process.unsynced,
  };
  process.unsynced = [];
  if (!process.world.keeps("noteAfterSync")) yield* writeNote(process, process.sequence);
}

/** The sync of a flight has ended; needs no lock. */
export function* land(process: Process): Steps<void> {
  const { world } = process;
  const { serial, sequence, states } = process.flight!;
  process.flight = undefined;
  yield;
  yield* endFlight(process, sequence);
  world.main.endSync(serial);
  const covered = world.keeps("landing") ? sequence : process.sequence;
  process.durable = Math.max(process.durable, covered);
  for (const { state } of states) acknowledge(process, state, true);
  if (!world.keeps("landing")) {
    for (const { state } of process.unsynced) acknowledge(process, state, true);
    process.unsynced = [];
  }
  world.count("flights");
  yield* writeNote(process, world.keeps("noteCovers") ? covered : process.sequence);
  if (process.unsynced.length > 0) yield* settle(process);
}

/**
 * Takes to the medium what others have committed: their processes may have died before their sync.
 */
export function* syncBehind(process: Process): Steps<void> {
  const { sequence } = process;
  yield* heedNote(process);
  if (sequence <= process.durable) return;
  yield;
  sync(process);
  process.durable = Math.max(process.durable, sequence);
  yield* writeNote(process, sequence);
}

/** What any holder of the lock may do: a slice, an eviction, a step of the checkpoint. */
export function* maintain(process: Process): Steps<void> {
  if (process.world.keeps("underLock")) {
    yield* lock(process);
    yield* refreshToWrite(process);
  }
  yield* maintenanceStep(process);
  unlock(process);
}
