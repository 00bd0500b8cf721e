/**
 * The rules of durability with flights, as a program small enough for every order of its steps.
 *
 * A model of `pager/journal/` and `pager/cache/writeback.ts`: commits gather, batches go to two
 * areas in turn, a flight syncs them while commits, flushes in line, evictions and a close go on,
 * and a checkpoint advances in line or with flights. Each page is a chunk of its own. Each rule can
 * be turned off, which plants the fault that it prevents.
 *
 * It does not model recovery itself being interrupted, torn sectors, full disks, or the moves of
 * the journal: the workloads of the crash test run these in the engine.
 */

import {
  addCell,
  type Batch,
  endSync,
  forgetSync,
  type Medium,
  type PageRecord,
  startSync,
  sync,
  write,
} from "./flight_medium.ts";

/** The rules that can be turned off. */
export const RULES = [
  "a landing covers only what was written at its take-off",
  "a batch names as durable only what its sync covered",
  "a batch confirms only what was on the medium before it",
  "a page follows its confirmed version to the file",
  "a chunk written meanwhile drops its copy",
  "a superblock follows a flight that took off after the last page",
  "an area is used again after the superblock is on the medium",
  "published pages are on the medium before the batch that names them",
  "a close syncs for itself while a flight is in the air",
  "a failed flight is the last",
] as const;

/** A rule that can be turned off. */
export type Rule = typeof RULES[number];

/** The page that a bulk load writes; the others are changed by commits. */
export const LOADED = 2;
const SLOTS = 9;

/** The cell that a checkpoint writes for a chunk: of the loaded page, its header alone. */
export function cellOf(chunk: number): string {
  return chunk === LOADED ? "header" : `page ${chunk}`;
}

/** The checkpoint that runs. */
interface Running {
  chunks: number[];
  readonly sequence: number;
  readonly version: number;
  step: "pages" | "first copy" | "second copy";
  isSyncing: boolean;
}

/** Everything that the model knows, as plain data. */
export interface ModelState {
  medium: Medium;
  /** The pages as of each version. */
  history: number[][];
  /** The last version that was acknowledged. */
  acknowledged: number;
  pending: PageRecord[];
  /** Records that wait for published pages, and their version. */
  published: PageRecord[];
  publishedVersion: number;
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
  /** Whether the handle goes on: it is not closed, and no sync failed. */
  isLive: boolean;
}

/** A file that was just opened, with its areas. */
export function freshState(): ModelState {
  const medium: Medium = {};
  for (let slot = 0; slot < SLOTS; slot++) {
    addCell(medium, `area 0 slot ${slot}`, null);
    addCell(medium, `area 1 slot ${slot}`, null);
  }
  for (let page = 0; page <= LOADED; page++) addCell(medium, `page ${page}`, 0);
  const start = { number: 0, isClean: false, generation: 1, sequence: 0, version: 0 };
  addCell(medium, "header", 0);
  addCell(medium, "copy 0", start);
  addCell(medium, "copy 1", start);
  return {
    medium,
    history: [[0, 0, 0]],
    acknowledged: 0,
    pending: [],
    published: [],
    publishedVersion: 0,
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
    isLive: true,
  };
}

/** The engine of the model, which changes a state. */
export class FlightModel {
  readonly #state: ModelState;
  readonly #off: Rule | undefined;

  /** The engine at a state, perhaps without one rule. */
  constructor(state: ModelState, off?: Rule) {
    this.#state = state;
    this.#off = off;
  }

  get #version(): number {
    return this.#state.history.length - 1;
  }

  /** Commits: odd versions change both pages, even ones the first. */
  commit(): void {
    const version = this.#version + 1;
    this.#publish(version % 2 === 1 ? [0, 1] : [0], false);
  }

  /** Commits a page that was written to the file directly. */
  load(): void {
    write(this.#state.medium, `page ${LOADED}`, this.#version + 1);
    this.#publish([LOADED], true);
  }

  #publish(pages: number[], isPublished: boolean): void {
    const { history, pending, dirty } = this.#state;
    const version = this.#version + 1;
    const content = [...history.at(-1)!];
    for (const page of pages) {
      content[page] = version;
      dirty[page] = version;
      pending.push({ page, version, isPublished });
    }
    history.push(content);
  }

  /** Writes what is pending, without a sync of it. */
  flushBuffered(): void {
    this.#flush(false);
  }

  /** Takes everything to the medium in line. */
  flushInLine(): void {
    this.#flush(true);
    this.#state.acknowledged = this.#state.durable;
  }

  #flush(isDurable: boolean): void {
    const state = this.#state;
    if (state.published.length > 0) {
      this.#sync();
      this.#writePublished();
    }
    if (state.pending.length > 0) {
      if (state.pending.some((record) => record.isPublished)) this.#syncPublished();
      if (isDurable && state.durableSequence === state.sequence) {
        this.#writePending(true);
        return this.#markDurable();
      }
      this.#writePending(false);
    }
    if (!isDurable || state.durableSequence === state.sequence) return;
    this.#sync();
    this.#markDurable();
  }

  #sync(): void {
    sync(this.#state.medium);
  }

  #syncPublished(): void {
    if (this.#keeps("published pages are on the medium before the batch that names them")) {
      this.#sync();
    }
  }

  #writePending(through: boolean): void {
    const { pending } = this.#state;
    this.#state.pending = [];
    this.#writeRecords(pending, this.#version, through);
  }

  #writePublished(): void {
    const { published, publishedVersion } = this.#state;
    this.#state.published = [];
    this.#writeRecords(published, publishedVersion, false);
  }

  #writeRecords(records: PageRecord[], version: number, through: boolean): void {
    this.#state.nextConfirmed = this.#confirmable;
    this.#writeBatch(records, version, through);
    this.#state.written = version;
  }

  #writeBatch(records: PageRecord[], version: number, through: boolean): void {
    const state = this.#state;
    const { generation } = state;
    const sequence = ++state.sequence;
    const batch: Batch = { generation, sequence, durable: state.durableSequence, version, records };
    write(state.medium, `area ${generation & 1} slot ${state.offset++}`, batch, through);
  }

  #markDurable(): void {
    const state = this.#state;
    state.durableSequence = state.sequence;
    state.confirmed = state.nextConfirmed;
    state.durable = state.written;
  }

  #confirm(version: number): void {
    const state = this.#state;
    if (version <= state.confirmed) return;
    this.#flush(true);
    if (version <= state.confirmed) return;
    this.#writeConfirmation(true);
    this.#markDurable();
  }

  /** The version that a batch written now confirms, once it is on the medium. */
  get #confirmable(): number {
    const { durable, written } = this.#state;
    return this.#keeps("a batch confirms only what was on the medium before it")
      ? durable
      : written;
  }

  #writeConfirmation(through: boolean): void {
    this.#state.nextConfirmed = this.#confirmable;
    this.#writeBatch([], this.#state.written, through);
  }

  /**
   * Starts a flight.
   *
   * @param confirms Whether it also confirms what is on the medium.
   * @param mayWait Whether it may confirm alone, while what is pending waits for the next flight.
   */
  takeOff(confirms: boolean, mayWait: boolean): void {
    const state = this.#state;
    const { durable, nextConfirmed: known, sequence: last } = state;
    const isAlone = mayWait && state.durableSequence === last && known < durable;
    if (!isAlone) this.#takePending();
    if (confirms && state.nextConfirmed < this.#confirmable) this.#writeConfirmation(false);
    const { written, nextConfirmed, sequence } = state;
    state.flight = { version: written, confirmed: nextConfirmed, sequence };
    startSync(state.medium);
    this.#stage();
  }

  #takePending(): void {
    const state = this.#state;
    const waits = this.#keeps("published pages are on the medium before the batch that names them");
    if (waits && state.pending.some((record) => record.isPublished)) {
      state.published = state.pending;
      state.publishedVersion = this.#version;
      state.pending = [];
    } else if (state.pending.length > 0) this.#writePending(false);
  }

  #stage(): void {
    const { checkpoint, dirty, confirmed } = this.#state;
    if (checkpoint === null) return;
    checkpoint.isSyncing = checkpoint.chunks.length === 0;
    const chunk = checkpoint.chunks.at(-1);
    if (this.#state.staged !== null || chunk === undefined || dirty[chunk]! <= confirmed) return;
    this.#state.staged = { chunk, version: dirty[chunk]! };
  }

  /** Ends a flight; with `begins` a checkpoint is due. */
  land(begins: boolean): void {
    const state = this.#state;
    const flight = state.flight!;
    state.flight = null;
    endSync(state.medium);
    if (!state.isLive) return;
    this.#noteLanding(flight);
    state.acknowledged = Math.max(state.acknowledged, state.durable);
    if (state.published.length > 0) this.#writePublished();
    if (state.checkpoint !== null) this.#landCheckpoint();
    else if (begins && this.#canSwitch()) this.#switchArea();
  }

  #noteLanding(flight: { version: number; confirmed: number; sequence: number }): void {
    const state = this.#state;
    const isExact = this.#keeps("a landing covers only what was written at its take-off");
    const version = isExact ? flight.version : state.written;
    const knows = this.#keeps("a batch names as durable only what its sync covered");
    const sequence = knows ? flight.sequence : state.sequence;
    state.durable = Math.max(state.durable, version);
    state.confirmed = Math.max(state.confirmed, flight.confirmed);
    state.durableSequence = Math.max(state.durableSequence, sequence);
  }

  /** Fails a flight: the handle writes nothing more. */
  fail(): void {
    if (!this.#keeps("a failed flight is the last")) {
      forgetSync(this.#state.medium);
      return this.land(false);
    }
    forgetSync(this.#state.medium);
    this.#state.flight = null;
    this.#state.isLive = false;
  }

  #canSwitch(): boolean {
    const state = this.#state;
    if (!this.hasWork) return false;
    if (state.published.length > 0 || state.durableSequence !== state.sequence) return false;
    return state.confirmed >= state.written;
  }

  /** Whether a checkpoint has something to do. */
  get hasWork(): boolean {
    return this.#state.dirty.some((version) => version > 0) ||
      this.#state.written > this.#state.versionBefore;
  }

  /** Begins a checkpoint in line. */
  begin(): void {
    this.flushInLine();
    this.#confirm(this.#state.durable);
    this.#switchArea();
  }

  #switchArea(): void {
    const state = this.#state;
    state.generation++;
    state.offset = 0;
    state.versionBefore = state.written;
    const chunks = [LOADED, 1, 0].filter((chunk) => state.dirty[chunk]! > 0);
    const { sequence, written: version } = state;
    state.checkpoint = { chunks, sequence, version, step: "pages", isSyncing: false };
  }

  #landCheckpoint(): void {
    const state = this.#state;
    const checkpoint = state.checkpoint!;
    const isOrdered = this.#keeps(
      "a superblock follows a flight that took off after the last page",
    );
    if (checkpoint.isSyncing || (!isOrdered && checkpoint.chunks.length === 0)) {
      checkpoint.isSyncing = false;
      return this.#nextStep();
    }
    this.#writeStaged();
    const chunks = checkpoint.chunks;
    while (chunks.length > 0 && this.#mayWrite(chunks.at(-1)!)) this.#writePage(chunks.pop()!);
    if (!isOrdered && chunks.length === 0) this.#nextStep();
  }

  #mayWrite(chunk: number): boolean {
    return this.#state.dirty[chunk]! <= this.#state.confirmed;
  }

  #writeStaged(): void {
    const { staged, confirmed, checkpoint, dirty, history } = this.#state;
    if (staged === null || staged.version > this.#confirmedOrDurable(confirmed)) return;
    this.#state.staged = null;
    const { chunk, version } = staged;
    write(this.#state.medium, cellOf(chunk), history[version]![chunk]!);
    if (dirty[chunk] === version) dirty[chunk] = 0;
    checkpoint!.chunks = checkpoint!.chunks.filter((other) => other !== chunk);
  }

  #confirmedOrDurable(confirmed: number): number {
    const waits = this.#keeps("a page follows its confirmed version to the file");
    return waits ? confirmed : this.#version;
  }

  /** Writes a page in line, after its batch; the checkpoint and evictions do this. */
  clean(chunk: number): void {
    if (this.#state.dirty[chunk] === 0) return;
    if (this.#keeps("a page follows its confirmed version to the file")) {
      this.#confirm(this.#state.dirty[chunk]!);
    }
    this.#writePage(chunk);
  }

  #writePage(chunk: number): void {
    const { dirty, medium, history, staged } = this.#state;
    const drops = this.#keeps("a chunk written meanwhile drops its copy");
    if (drops && staged?.chunk === chunk) this.#state.staged = null;
    if (dirty[chunk]! > 0) write(medium, cellOf(chunk), history.at(-1)![chunk]!);
    dirty[chunk] = 0;
  }

  /** Advances the checkpoint in line. */
  slice(): void {
    const chunk = this.#state.checkpoint!.chunks.pop();
    if (chunk !== undefined) return this.clean(chunk);
    while (this.#state.checkpoint !== null) {
      this.#syncInLine();
      this.#nextStep();
    }
  }

  #syncInLine(): void {
    const isOwn = this.#keeps("a close syncs for itself while a flight is in the air");
    if (isOwn || this.#state.flight === null) this.#sync();
  }

  #nextStep(): void {
    const state = this.#state;
    const checkpoint = state.checkpoint!;
    if (checkpoint.step === "pages") {
      state.superblock++;
      this.#writeCopy(state.superblock & 1, checkpoint);
      checkpoint.step = "first copy";
      const waits = this.#keeps("an area is used again after the superblock is on the medium");
      if (!waits) state.checkpoint = null;
    } else if (checkpoint.step === "first copy") {
      this.#writeCopy((state.superblock + 1) & 1, checkpoint);
      checkpoint.step = "second copy";
    } else {
      state.checkpoint = null;
      state.staged = null;
    }
  }

  #writeCopy(slot: number, { sequence, version }: Running, isClean = false): void {
    const { superblock, generation, medium } = this.#state;
    write(medium, `copy ${slot}`, { number: superblock, isClean, generation, sequence, version });
  }

  /** Closes in line, perhaps with a flight in the air: all in the pages, and the file clean. */
  close(): void {
    const state = this.#state;
    while (state.checkpoint !== null) this.slice();
    if (this.#version > state.durable || this.hasWork) this.begin();
    while (state.checkpoint !== null) this.slice();
    state.superblock++;
    const { sequence, written: version } = state;
    const end: Running = { chunks: [], sequence, version, step: "pages", isSyncing: false };
    for (const slot of [state.superblock & 1, (state.superblock + 1) & 1]) {
      this.#writeCopy(slot, end, true);
      this.#syncInLine();
    }
    state.acknowledged = this.#version;
    state.isLive = false;
  }

  #keeps(rule: Rule): boolean {
    return rule !== this.#off;
  }
}
