/**
 * The rules of durability with flights, as a program small enough for every order of its steps.
 *
 * A model of `pager/flush/` and `pager/cache/writeback.ts`: commits gather, batches go to two
 * areas in turn, a flight syncs them while commits, flushes in line, evictions and a close go on,
 * and a checkpoint advances in line or with flights. At its end an area may move to a free place.
 * Areas grow with flights, or in line where a commit needs it. An empty journal is created anew,
 * and a close ends, in steps with a sync each. Each page is a chunk of its own. Each rule can be
 * turned off, which plants the fault that it prevents.
 *
 * It does not model recovery itself being interrupted, torn sectors, or full disks: the workloads
 * of the crash test run these in the engine.
 */

import {
  type Batch,
  clear,
  endSync,
  forgetSync,
  type PageRecord,
  startSync,
  sync,
  write,
} from "./flight_medium.ts";
import {
  cellOf,
  LOADED,
  type ModelState,
  type Rule,
  type Running,
  slotOf,
  SLOTS,
  type Start,
  type SyncedStep,
} from "./flight_state.ts";

/** The slots of what is pending, and of an empty batch that confirms it. */
const BATCH_SLOTS = 2;
/** The slots that a commit leaves for an empty batch before what is pending. */
const KEPT_SLOTS = 1;
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
    this.#endMove();
    this.#reserve();
    const version = this.#version + 1;
    this.#bypass(version % 2 === 1 ? [0, 1] : [0], false);
  }

  /** Commits a page that was written to the file directly. */
  load(): void {
    const state = this.#state;
    this.#endMove();
    this.#reserve();
    const place = state.free!;
    state.loadedPlace = place;
    state.free = null;
    write(state.medium, slotOf(place, 0), this.#version + 1);
    this.#bypass([LOADED], true);
  }

  /** Commits the release of that page. */
  unload(): void {
    const state = this.#state;
    this.#endMove();
    this.#reserve();
    const version = this.#version + 1;
    const content = [...state.history.at(-1)!];
    content[LOADED] = 0;
    state.history.push(content);
    state.dirty[LOADED] = version;
    state.pending.push({ page: LOADED, version: 0, isBypassed: false });
    state.free = state.loadedPlace;
  }

  #bypass(pages: number[], isBypassed: boolean): void {
    const { history, pending, dirty } = this.#state;
    const version = this.#version + 1;
    const content = [...history.at(-1)!];
    for (const page of pages) {
      content[page] = version;
      dirty[page] = version;
      pending.push({ page, version, isBypassed });
    }
    history.push(content);
  }

  /** Gives the commit that follows room in its area, which may grow in line for it. */
  #reserve(): void {
    const state = this.#state;
    const area = state.generation & 1;
    const held = state.held.length > 0 ? 1 : 0;
    const end = Math.min(state.offset + held + BATCH_SLOTS + KEPT_SLOTS, SLOTS);
    if (end > state.lengths[area]!) this.#endGrowth();
    if (end <= state.lengths[area]!) return;
    const lengths: [number, number] = [...state.lengths];
    lengths[area] = end;
    this.#completeCopies();
    this.beginGrowth(lengths);
    this.#endGrowth();
  }

  /** Completes, in line, the superblock of which a checkpoint has written one copy. */
  #completeCopies(): void {
    const { checkpoint } = this.#state;
    if (checkpoint === null || checkpoint.step === "pages") return;
    this.#sync();
    if (checkpoint.step === "first copy") this.#nextStep();
    this.#sync();
  }

  /** Begins to give the areas more slots, in steps with a sync each. */
  beginGrowth(lengths: [number, number]): void {
    const state = this.#state;
    state.growth = { lengths, last: "claims" };
    if (this.#keeps("an area is written only where superblocks on the medium list it")) return;
    state.lengths = lengths;
    state.growth = null;
  }

  #endGrowth(): void {
    while (this.#state.growth !== null) {
      this.#sync();
      this.#nextGrowthStep();
    }
  }

  #nextGrowthStep(): void {
    const state = this.#state;
    const growth = state.growth!;
    if (growth.last === "second copy") {
      state.lengths = growth.lengths;
      state.growth = null;
      return;
    }
    const isFirst = growth.last === "claims";
    if (isFirst) state.superblock++;
    const { superblock: number, places, start, medium } = state;
    const { lengths } = growth;
    const slot = (number + (isFirst ? 0 : 1)) & 1;
    write(medium, `copy ${slot}`, { number, isClean: false, places, lengths, ...start });
    growth.last = isFirst ? "first copy" : "second copy";
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
    if (state.held.length > 0) {
      this.#sync();
      this.#writeHeld();
    }
    if (state.pending.length > 0) {
      if (state.pending.some((record) => record.isBypassed)) this.#syncBypassed();
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

  #syncBypassed(): void {
    if (this.#keeps("bypassed pages are on the medium before the batch that names them")) {
      this.#sync();
    }
  }

  #writePending(through: boolean): void {
    const { pending } = this.#state;
    this.#state.pending = [];
    this.#writeRecords(pending, this.#version, through);
  }

  #writeHeld(): void {
    const { held, heldVersion } = this.#state;
    this.#state.held = [];
    this.#writeRecords(held, heldVersion, false);
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
    const place = state.places[generation & 1]!;
    write(state.medium, slotOf(place, state.offset++), batch, through);
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
    if (state.steps !== null) return this.#startFlight();
    const { durable, nextConfirmed: known, sequence: last } = state;
    const isAlone = mayWait && state.durableSequence === last && known < durable;
    if (!isAlone) this.#takePending();
    if (confirms && state.nextConfirmed < this.#confirmable) this.#writeConfirmation(false);
    this.#startFlight();
    this.#stage();
  }

  #startFlight(): void {
    const { written, nextConfirmed, sequence, medium } = this.#state;
    this.#state.flight = { version: written, confirmed: nextConfirmed, sequence };
    startSync(medium);
  }

  #takePending(): void {
    const state = this.#state;
    const waits = this.#keeps("bypassed pages are on the medium before the batch that names them");
    if (waits && state.pending.some((record) => record.isBypassed)) {
      state.held = state.pending;
      state.heldVersion = this.#version;
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

  /**
   * Ends a flight; with `begins` a checkpoint is due, with `moves` it moves an area, and with
   * `grows` an area grows ahead.
   */
  land(begins: boolean, moves = false, grows = false): void {
    const state = this.#state;
    const flight = state.flight!;
    state.flight = null;
    endSync(state.medium);
    if (!state.isLive) return;
    if (state.steps !== null) return this.#nextSyncedStep();
    this.#noteLanding(flight);
    state.acknowledged = Math.max(state.acknowledged, state.durable);
    if (state.held.length > 0) this.#writeHeld();
    if (state.growth !== null) return this.#nextGrowthStep();
    if (state.checkpoint !== null) this.#landCheckpoint();
    else if (begins && this.#canSwitch()) this.#switchOrGrow(moves);
    else if (grows) this.#growAhead();
  }

  /** Begins to give the current area all slots, or then the other one. */
  #growAhead(): void {
    const { lengths, generation } = this.#state;
    const current = generation & 1;
    const grown = lengths[current]! < SLOTS ? current : 1 - current;
    const [a, b] = lengths;
    this.beginGrowth(grown === 0 ? [SLOTS, b] : [a, SLOTS]);
  }

  /** Continues in the other area, once that has room for what is pending. */
  #switchOrGrow(moves: boolean): void {
    const { pending, lengths, generation } = this.#state;
    const needed = pending.length > 0 ? BATCH_SLOTS : 1;
    const other = (generation + 1) & 1;
    const waits = this.#keeps("the journal continues in an area that has room for what is pending");
    if (!waits || lengths[other]! >= needed) return this.#switchArea(moves);
    this.beginGrowth([Math.max(lengths[0], needed), Math.max(lengths[1], needed)]);
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
    if (state.held.length > 0 || state.durableSequence !== state.sequence) return false;
    return state.confirmed >= state.written;
  }

  /** Whether a checkpoint has something to do. */
  get hasWork(): boolean {
    return this.#state.dirty.some((version) => version > 0) ||
      this.#state.written > this.#state.versionBefore;
  }

  /** Begins a checkpoint in line. */
  begin(moves = false): void {
    if (this.#keeps("a checkpoint in line first ends the growth of the areas")) this.#endGrowth();
    this.flushInLine();
    this.#confirm(this.#state.durable);
    this.#switchArea(moves);
  }

  #switchArea(moves: boolean): void {
    const state = this.#state;
    state.generation++;
    state.offset = 0;
    state.versionBefore = state.written;
    const chunks = [LOADED, 1, 0].filter((chunk) => state.dirty[chunk]! > 0);
    const { sequence, written: version } = state;
    const move = moves ? this.#planMove() : null;
    state.checkpoint = { chunks, sequence, version, step: "pages", isSyncing: false, move };
  }

  /** Prepares the place that the area left at the switch moves to; null if it stays. */
  #planMove(): number | null {
    const state = this.#state;
    const place = state.free;
    const waits = this.#keeps("an area moves to no place that a pending commit has freed");
    const isFreed = state.pending.some(({ page, version }) => page === LOADED && version === 0);
    if (place === null || (waits && isFreed)) return null;
    write(state.medium, slotOf(place, 0), null);
    if (this.#keeps("the place that an area moves to takes no page")) state.free = null;
    return place;
  }

  /** The places that a superblock of a checkpoint lists. */
  #placesAfter({ move }: Running): [number, number] {
    const places: [number, number] = [...this.#state.places];
    if (move !== null) places[(this.#state.generation + 1) & 1] = move;
    return places;
  }

  #move(checkpoint: Running): void {
    const state = this.#state;
    if (checkpoint.move === null) return;
    this.#freeOldPlace();
    state.places = this.#placesAfter(checkpoint);
  }

  #freeOldPlace(): void {
    const state = this.#state;
    // If the other place has taken a page meanwhile, which a rule forbids, there is one free place.
    if (state.free === null) state.free = state.places[(state.generation + 1) & 1]!;
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
      const isEarly = !this.#keeps(
        "the place that an area leaves takes a page once the superblock is on the medium",
      );
      if (isEarly && checkpoint.move !== null) this.#freeOldPlace();
      const waits = this.#keeps("an area is used again after the superblock is on the medium");
      if (!waits) state.checkpoint = null;
    } else if (checkpoint.step === "first copy") {
      this.#writeCopy((state.superblock + 1) & 1, checkpoint);
      checkpoint.step = "second copy";
    } else {
      this.#move(checkpoint);
      state.checkpoint = null;
      state.staged = null;
    }
  }

  #writeCopy(slot: number, checkpoint: Running, isClean = false): void {
    const { superblock: number, generation, medium, lengths } = this.#state;
    const { sequence, version } = checkpoint;
    const places = this.#placesAfter(checkpoint);
    const start: Start = { generation, sequence, version };
    this.#state.start = start;
    write(medium, `copy ${slot}`, { number, isClean, places, lengths, ...start });
  }

  /** Closes in line, perhaps with a flight in the air: all in the pages, and the file clean. */
  close(): void {
    this.#endSteps();
    if (!this.#state.isLive) return;
    this.beginClose();
    this.#endSteps();
  }

  /** Begins a close whose syncs run off the thread. */
  beginClose(): void {
    const state = this.#state;
    this.#endSteps();
    this.#endGrowth();
    while (state.checkpoint !== null) this.slice();
    if (this.#version > state.durable || this.hasWork) this.begin();
    while (state.checkpoint !== null) this.slice();
    state.steps = { isClose: true, last: "pages" };
  }

  /** Whether the journal is empty, and everything is in the pages. */
  get isAtRest(): boolean {
    const { checkpoint, pending, held, flight, steps, growth } = this.#state;
    if (this.hasWork || checkpoint !== null || flight !== null) return false;
    if (steps !== null || growth !== null) return false;
    return pending.length === 0 && held.length === 0;
  }

  /** Begins to create the empty journal anew. */
  beginMove(): void {
    this.#state.steps = { isClose: false, last: "pages" };
  }

  /** Whether the handle takes commits. */
  get takesCommits(): boolean {
    const isClosing = this.#state.steps?.isClose ?? false;
    return !isClosing || !this.#keeps("a close that waits for syncs refuses commits");
  }

  #endMove(): void {
    if (this.#state.steps?.isClose) return;
    if (this.#keeps("a commit ends a move of the journal first")) this.#endSteps();
  }

  #endSteps(): void {
    while (this.#state.steps !== null) {
      this.#syncInLine();
      this.#nextSyncedStep();
    }
  }

  /** The next write of a close, or of a move of the journal, after a sync of the one before. */
  #nextSyncedStep(): void {
    const state = this.#state;
    const steps = state.steps!;
    const { sequence, written: version } = state;
    const checkpoint = { chunks: [], sequence, version, step: "pages" as const };
    const end: Running = { ...checkpoint, isSyncing: false, move: null };
    const copy = (isFirst: boolean, isClean: boolean, step: SyncedStep) => {
      if (isFirst) state.superblock++;
      this.#writeCopy((state.superblock + (isFirst ? 0 : 1)) & 1, end, isClean);
      steps.last = step;
    };
    if (steps.last === "pages") copy(true, true, "first copy");
    else if (steps.last === "first copy") copy(false, true, "second copy");
    else if (steps.last === "second copy" && steps.isClose) this.#endClose();
    else if (steps.last === "second copy") this.#createAreas();
    else if (steps.last === "areas") copy(true, false, "first of open");
    else if (steps.last === "first of open") copy(false, false, "second of open");
    else state.steps = null;
  }

  #endClose(): void {
    const state = this.#state;
    state.steps = null;
    state.acknowledged = this.#version;
    state.isLive = false;
  }

  #createAreas(): void {
    const state = this.#state;
    for (const place of state.places) clear(state.medium, `place ${place} `);
    state.offset = 0;
    state.steps!.last = "areas";
  }

  #keeps(rule: Rule): boolean {
    return rule !== this.#off;
  }
}
