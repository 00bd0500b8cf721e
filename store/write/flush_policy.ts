/**
 * Chooses how a flush waits for the medium: in line, or in a flight, whose sync runs off the
 * thread.
 *
 * A flight costs more than a short sync: the way to another thread and back. In line, a flush
 * blocks the event loop, and requests of other turns cannot share its sync. So a flush flies while
 * syncs take more than `ALONE_MS`, while flights gather commits of other turns, and where it takes
 * many pages of a checkpoint to the medium. A lone caller on a faster disk is served in line. After
 * each `IN_LINE_MS` of syncs the flush yields first: it waits for a turn of the event loop, which
 * shows whether others wait.
 *
 * It does not measure: the caller notes what a flush took.
 */

/** Syncs that take longer are long, in milliseconds: work that nobody waits for flies. */
const LONG_MS = 0.4;
/** A lone caller flies where they take longer: then that costs less than a tenth more. */
const ALONE_MS = 1;
/** The syncs in line that may block the event loop without a break, in milliseconds. */
const IN_LINE_MS = 2;
/** The flights that still fly after a flight, or a turn, has gathered commits. */
const CROWD_FLIGHTS = 32;
/** The weight of the last sync in the average. */
const WEIGHT = 1 / 8;

/** Chooses how a flush waits for the medium. */
export interface FlushPolicy {
  /** Whether syncs are long. */
  readonly isSyncLong: boolean;
  /** Whether the next flush flies. */
  readonly flies: boolean;
  /** Whether a flush flies that takes many pages of a checkpoint to the medium. */
  readonly fliesWithPages?: boolean;
  /** Whether the next flush, in line, waits for a turn of the event loop first. */
  readonly yields: boolean;
  /** Whether those who waited for a flush in line go on only after a turn of the event loop. */
  readonly rests?: boolean;
  /** Notes a flush in line, and the milliseconds that it took. */
  noteInLine(ms: number): void;
  /**
   * Notes a flight that took few pages of a checkpoint to the medium, if any.
   *
   * @param ms The milliseconds from its start to its landing.
   * @param hasGathered Whether commits were made meanwhile that wait for the medium.
   */
  noteFlight(ms: number, hasGathered: boolean): void;
  /** Notes a turn of the event loop before a flush, and whether commits were made meanwhile. */
  noteTurn(hasGathered: boolean): void;
}

/** Flies while syncs are long or shared. */
export class AdaptivePolicy implements FlushPolicy {
  readonly fliesWithPages = true;
  /** The average time of a sync in milliseconds; undefined before the first. */
  #syncMs: number | undefined;
  /** The time of syncs in line since the event loop last ran. */
  #inLineMs = 0;
  /** The flights that still fly, because one has gathered commits. */
  #crowd = 0;

  get isSyncLong(): boolean {
    return this.#takesLonger(LONG_MS);
  }

  get flies(): boolean {
    return this.#crowd > 0 || this.#takesLonger(ALONE_MS);
  }

  get yields(): boolean {
    return this.#inLineMs > IN_LINE_MS && !this.flies;
  }

  noteInLine(ms: number): void {
    this.#inLineMs += ms;
    this.#average(ms);
  }

  noteFlight(ms: number, hasGathered: boolean): void {
    this.#inLineMs = 0;
    this.#crowd = hasGathered ? CROWD_FLIGHTS : Math.max(0, this.#crowd - 1);
    this.#average(ms);
  }

  noteTurn(hasGathered: boolean): void {
    this.#inLineMs = 0;
    if (hasGathered) this.#crowd = CROWD_FLIGHTS;
  }

  #takesLonger(ms: number): boolean {
    return this.#syncMs !== undefined && this.#syncMs > ms;
  }

  #average(ms: number): void {
    this.#syncMs = this.#syncMs === undefined ? ms : this.#syncMs + (ms - this.#syncMs) * WEIGHT;
  }
}

/**
 * Never flies, nor yields: a commit keeps others out until its flush. After each `IN_LINE_MS` of
 * syncs it rests instead.
 */
export class InLinePolicy implements FlushPolicy {
  readonly isSyncLong = false;
  readonly flies = false;
  readonly yields = false;
  #inLineMs = 0;

  get rests(): boolean {
    return this.#inLineMs > IN_LINE_MS;
  }

  noteInLine(ms: number): void {
    this.#inLineMs += ms;
  }

  noteFlight(): void {}

  noteTurn(): void {
    this.#inLineMs = 0;
  }
}
