/**
 * The journal as each process follows it: its position, and an index of the records since the
 * replay point, by page. To refresh is to read the batches behind the position and apply them.
 */

import {
  AREA_SECTORS,
  areaAt,
  areasEnd,
  type Batch,
  FREE,
  type LoggedHeaders,
  type LogRecord,
  type Page,
  type Superblock,
} from "../support/layout.ts";
import type { State } from "../support/truth.ts";
import { type Process, read, type Steps, sync, syncSectors, write } from "../support/world.ts";

const NO_RECORDS: readonly LogRecord[] = [];

/** Begins at a superblock, with nothing in memory. */
export function begin(process: Process, superblock: Superblock): void {
  process.superblock = superblock;
  process.pages = [];
  process.headerPages = [];
  process.logged = [];
  process.batches = [];
  process.index = [];
  process.generation = superblock.generation;
  process.offset = 0;
  process.sequence = superblock.sequence;
  process.previous = -1;
  process.version = superblock.version;
  process.count = Math.max(superblock.count, areasEnd(superblock.areas));
  process.state = superblock.state;
  process.durable = superblock.sequence;
  process.done = 0;
  if (process.world.keeps("archiveMissed")) process.queue = undefined;
}

/**
 * Continues at the beginning of a generation that a superblock names. The batch before it may be
 * gone with the areas, so the first one has a chain of its own.
 */
export function beginGeneration(process: Process, generation: number): void {
  process.generation = generation;
  process.offset = 0;
  process.previous = -1;
}

function* readBatch(
  process: Process,
  generation: number,
  offset: number,
  sequence: number,
  previous: number,
): Steps<Batch | undefined> {
  const chunks = process.area(generation);
  if (offset >= chunks.length * AREA_SECTORS) return undefined;
  yield;
  const batch = read(process, areaAt(chunks, offset));
  if (typeof batch !== "object" || !("records" in batch)) return undefined;
  if (batch.generation !== generation || batch.offset !== offset) return undefined;
  if (batch.sequence !== sequence) return undefined;
  const isChained = previous < 0 || batch.previous === previous;
  if (!isChained && process.world.keeps("chain")) return undefined;
  if (offset + batch.sectors > chunks.length * AREA_SECTORS) return undefined;
  for (let i = 1; i < batch.sectors; i++) {
    yield;
    if (read(process, areaAt(chunks, offset + i)) !== batch) return undefined;
  }
  return batch;
}

/** Reads the batches of the next transaction, if it begins in a generation; all in one area. */
function* readGroup(process: Process, generation: number, from: number): Steps<Batch[]> {
  const group: Batch[] = [];
  let { sequence, previous } = process;
  for (let offset = from;;) {
    const batch = yield* readBatch(process, generation, offset, sequence + 1, previous);
    if (batch === undefined) return group;
    group.push(batch);
    if (!batch.continues) return group;
    ({ sequence, id: previous } = batch);
    offset += batch.sectors;
  }
}

/** Reads the next transaction; empty if there is none that is whole. */
export function* readNext(process: Process): Steps<Batch[]> {
  const { world } = process;
  const isWhole = (group: Batch[]) =>
    group.length > 0 && !(group.at(-1)!.continues && world.keeps("partsLast"));
  let group = yield* readGroup(process, process.generation, process.offset);
  const isElsewhere = group.length === 0 || world.keeps("unfinished");
  if (!isWhole(group) && isElsewhere && world.keeps("otherArea")) {
    group = yield* readGroup(process, process.generation + 1, 0);
  }
  return isWhole(group) ? group : [];
}

/** Reads on from the position, as far as there are whole transactions, and to `limit` at most. */
export function* readOn(process: Process, limit: number): Steps<void> {
  while (process.sequence < limit) {
    const group = yield* readNext(process);
    if (group.length === 0) return;
    for (const batch of group) apply(process, batch);
  }
}

/** Applies a batch to the index and to the pages in memory. */
export function apply(process: Process, batch: Batch): void {
  if (batch.generation > process.generation) {
    process.done = 0;
    if (!process.world.keeps("dropLate")) dropBefore(process, batch.generation);
  }
  process.generation = batch.generation;
  process.offset = batch.offset + batch.sectors;
  process.sequence = batch.sequence;
  process.previous = batch.id;
  process.version = batch.version;
  process.count = Math.max(batch.count, areasEnd(process.superblock.areas));
  process.state = batch.state;
  process.durable = Math.max(process.durable, batch.durable);
  process.batches.push(batch);
  process.queue?.push(batch);
  for (const { chunk, headers } of batch.headers) {
    process.logged[chunk] = { generation: batch.generation, headers };
  }
  for (const record of batch.records) applyRecord(process, record);
}

function applyRecord(process: Process, record: LogRecord): void {
  const { page, kind } = record;
  const { world, index, pages } = process;
  keepImage(process, page, record.version);
  if (kind === "bypassed" && world.keeps("bypassForget")) {
    index[page] = undefined;
    pages[page] = undefined;
  }
  index[page] = [...recordsOf(process, page), record];
  const known = pages[page];
  if (kind === "freed") pages[page] = undefined;
  else if (kind === "bypassed") return;
  else if (known !== undefined) pages[page] = replay(known, record);
  else if (kind === "whole" && world.random.once(2)) pages[page] = replay(ABSENT, record);
}

/** A page of which nothing is known. */
export const ABSENT: Page = { bytes: [0, 0], header: FREE };

/** A page with one more record. */
export function replay(page: Page, { kind, header, bytes, at }: LogRecord): Page {
  if (kind === "freed") return { bytes: page.bytes, header: FREE };
  if (kind === "bypassed") return { bytes: page.bytes, header };
  if (kind === "whole") return { bytes, header };
  const changed = page.bytes.slice();
  changed[at] = bytes[0]!;
  return { bytes: changed, header };
}

/** The records of a page since the replay point. */
export function recordsOf({ index }: Process, page: number): readonly LogRecord[] {
  return index[page] ?? NO_RECORDS;
}

/** Keeps a page for the process's own snapshot before a newer version replaces it. */
export function keepImage({ world, snapshot, pages }: Process, page: number, next: number): void {
  const known = pages[page];
  if (!snapshot || !known || snapshot.images[page]) return;
  if (known.header.version > snapshot.version) return;
  if (next > snapshot.version || !world.keeps("imageSpan")) snapshot.images[page] = known;
}

/** Forgets the batches before a generation. */
export function dropBefore(process: Process, generation: number): void {
  process.batches = process.batches.filter((batch) => batch.generation >= generation);
  for (let page = 0; page < process.index.length; page++) {
    const records = recordsOf(process, page);
    if (records.length === 0 || records[0]!.generation >= generation) continue;
    process.index[page] = records.filter((record) => record.generation >= generation);
  }
}

/** The last sequence that a batch on the medium confirms. */
export function confirmedOf({ superblock, batches, durable }: Process): number {
  let confirmed = superblock.sequence;
  for (const batch of batches) {
    if (batch.sequence <= durable) confirmed = Math.max(confirmed, batch.durable);
  }
  return confirmed;
}

/** The most chunks that the file had since the replay point: a crash may bring them back. */
export function countMax({ superblock, batches, count }: Process): number {
  const counts = batches.map((batch) => batch.count);
  return Math.max(superblock.count, areasEnd(superblock.areas), count, ...counts);
}

/** What a transaction appends. */
export interface Plan {
  readonly generation: number;
  readonly offset: number;
  readonly records: readonly LogRecord[];
  readonly headers: readonly LoggedHeaders[];
  readonly state: State;
  readonly version: number;
  readonly count: number;
}

/** Appends a transaction: one batch, or two that apply together. */
export function* append(process: Process, plan: Plan): Steps<Batch[]> {
  const batches = batchesOf(process, plan);
  for (const batch of batches) {
    for (const at of sectorsOf(process, batch)) {
      process.world.isDelicate = true;
      yield;
      write(process, at, batch);
    }
  }
  process.world.isDelicate = false;
  return batches;
}

function batchesOf(process: Process, plan: Plan): Batch[] {
  const { world } = process;
  const { records, headers, generation, state, version, count } = plan;
  const isSplit = records.length > 1 && world.random.once(3);
  const parts = isSplit ? [records.slice(0, 1), records.slice(1)] : [records];
  let { sequence, previous } = process;
  let { offset } = plan;
  const durable = world.keeps("honestDurable") ? process.durable : sequence;
  return parts.map((part, i): Batch => {
    const batch: Batch = {
      type: "batch",
      id: world.newId(),
      generation,
      offset,
      sequence: ++sequence,
      durable,
      previous,
      sectors: isSplit || records.length === 0 ? 1 : 1 + world.random.below(2),
      continues: i < parts.length - 1,
      version,
      count,
      records: part.map((record) => ({ ...record, generation, sequence })),
      headers: i === 0 ? headers : [],
      state,
    };
    offset += batch.sectors;
    previous = batch.id;
    return batch;
  });
}

/** The sectors of a batch. */
export function sectorsOf(process: Process, { generation, offset, sectors }: Batch): number[] {
  const chunks = process.area(generation);
  return Array.from({ length: sectors }, (_, i) => areaAt(chunks, offset + i));
}

/** Takes batches to the medium: through, if everything before them is there already. */
export function* syncBatches(process: Process, batches: readonly Batch[]): Steps<void> {
  yield;
  const isNext = batches[0]!.sequence === process.durable + 1;
  if (!isNext && process.world.keeps("durableBefore")) sync(process);
  else syncSectors(process, batches.flatMap((batch) => sectorsOf(process, batch)));
}

/** Appends an empty batch, which is on the medium at the end. */
export function* appendEmpty(process: Process, place: Partial<Plan>): Steps<void> {
  const { generation, offset, state, version, count } = process;
  const plan = { generation, offset, state, version, count, records: [], headers: [], ...place };
  const batches = yield* append(process, plan);
  yield* syncBatches(process, batches);
  for (const batch of batches) apply(process, batch);
  process.durable = process.sequence;
}
