/**
 * The pins: one entry of the sidecar for each process, with the version up to which pages may be
 * written in place without harm to it, and whether it waits for the write lock.
 *
 * | at | size | field                                                               |
 * | -- | ---- | ------------------------------------------------------------------- |
 * |  0 | u64  | owner, a random number; 0 = not used                                |
 * |  8 | u64  | the version that its owner has taken over                           |
 * | 16 | u32  | renewal: another number with each write, the first one random       |
 * | 20 | u32  | ticket: the same for as long as its owner waits for the write lock  |
 * | 24 | u32  | its process; bit 31: it waits for the write lock; bit 30: blocking  |
 * | 28 | u32  | CRC-32 of the 28 bytes before                                       |
 *
 * Each lies inside one sector, and is written by one call. An owner writes its pin when it has
 * taken over a version, and renews it from time to time. Processes share no clock: each measures
 * for itself how long it has seen no renewal, and a pin without one for `STALE_MS` does not count.
 * One whose sum does not match counts as version 0, for as long as that. Who sees such a pin frees
 * its place, for one that opens the file has seen none before.
 *
 * A place changes hands under the write lock alone. An owner that was only stopped may have lost
 * its place, so after `DOUBT_MS` it writes there only under the lock, after a look at the owner; it
 * gives the place up if it was stopped in the middle of a write. What it wrote then is a version
 * that it had read before another one joined there, so that one does not miss the pages.
 *
 * A process that opens the file has no pin yet. While it waits for the write lock it knocks: it
 * writes a u64 that is not 0 before the pins, at each try. Those who open the file together write
 * over each other's.
 */

import type { SideBytes } from "../file/share_files.ts";
import { crc } from "../format/checksum.ts";
import type { Version } from "../format/units.ts";

/** The most processes that share a file. */
export const PINS_MAX = 112;
/** A pin that was not renewed for so long does not count. */
export const STALE_MS = 30_000;
/** An owner that has not written its pin for so long may have lost its place. */
const DOUBT_MS = STALE_MS / 2;

const KNOCK_AT = 504;
const KNOCK_BYTES = 8;
const PINS_AT = KNOCK_AT + KNOCK_BYTES;
/** The place of a knock among the waiters. */
const KNOCK = -1;
const PIN_BYTES = 32;
const SUM_AT = 28;
const TWO_32 = 0x1_0000_0000;
const WAITS = 0x8000_0000;
const BLOCKING = 0x4000_0000;
const PROCESS_MASK = 0x3fff_ffff;
/** A waiter no longer counts after this time, in milliseconds: it may be dead. */
const WAIT_MS = 1000;

/** How a process waits for the write lock: not at all, in the queue, or blocking its thread. */
export type Waiting = "not" | "queued" | "blocking";

/** What a pin says of it. */
const FLAGS: Readonly<Record<Waiting, number>> = {
  "not": 0,
  "queued": WAITS,
  "blocking": WAITS | BLOCKING,
};

/** A process that shares the file. */
export interface Participant {
  /** The id of its process, as that process sees it; several Workers have the same. */
  readonly process: number;
  /** A version that it has taken over, perhaps not the last one, or the one of a snapshot. */
  readonly version: number;
  /** Whether it waits for the write lock. */
  readonly waits: boolean;
  /** Whether it is this handle. */
  readonly isOwn: boolean;
}

/** A pin as it was read. */
interface Pin {
  readonly version: Version;
  readonly renewal: string;
  readonly process: number;
  readonly waits: boolean;
}

/** Those who wait for the write lock: the place of each, and twice its ticket; odd if blocking. */
export type Waiters = ReadonlyMap<number, number>;
/** Nobody waits. */
export const NOBODY: Waiters = new Map();

/** When a renewal was seen first. */
interface Sighting {
  renewal: string;
  time: number;
}

/** The pins of a sidecar, as one process sees them. */
export class Pins {
  /** The place of this process's pin; -1 before `take`. */
  #own = -1;
  #version = 0;
  #waiting: Waiting = "not";
  #knocks = false;
  /**
   * Whether this process's pin in the sidecar says that this process waits, and it does not any
   * more.
   */
  #isBehind = false;
  #renewal = 0;
  #ticket = 0;
  /** When this process wrote its pin last. */
  #writtenAt = 0;
  readonly #side: SideBytes;
  readonly #process: number;
  readonly #now: () => number;
  readonly #owner = crypto.getRandomValues(new Uint32Array(2));
  /** The knock and all pins, as they were read last; the same by words, and the pins alone. */
  readonly #bytes = new Uint8Array(KNOCK_BYTES + PINS_MAX * PIN_BYTES);
  readonly #words = new Uint32Array(this.#bytes.buffer);
  readonly #all = this.#bytes.subarray(KNOCK_BYTES);
  readonly #one = new Uint8Array(PIN_BYTES);
  readonly #sightings = new Map<number, Sighting>();
  /** The waiters that were seen last, by place, and when they were seen first. */
  readonly #seen = new Map<number, { waiter: number; time: number }>();

  /**
   * The pins of a sidecar.
   *
   * @param side The sidecar.
   * @param process The id of this process.
   * @param now The clock, in milliseconds.
   */
  constructor(side: SideBytes, process: number, now: () => number = () => performance.now()) {
    this.#side = side;
    this.#now = now;
    this.#process = process & PROCESS_MASK;
    this.#owner[0]! |= 1;
    // Where a number begins does not matter, as long as no other owner of the place begins there.
    this.#renewal = this.#owner[1]!;
    this.#ticket = this.#owner[1]!;
  }

  /** Clears all pins. Only a process that is alone does that. */
  clear(): void {
    this.#side.write(this.#bytes.fill(0), KNOCK_AT);
  }

  /** Takes a place that is not used or stale; whether there was one. Under the write lock. */
  take(version: Version): boolean {
    this.#own = -1;
    this.#read();
    for (let place = 0; place < PINS_MAX; place++) {
      const isFree = this.#isUnused(place) || this.#isStale(place);
      if (!isFree) continue;
      this.#own = place;
      this.#version = version;
      this.#write();
      return true;
    }
    return false;
  }

  /** Makes sure of this process's place, or takes another; whether it has one. Under the lock. */
  secure(version: Version): boolean {
    if (!this.#isOwn()) return this.take(version);
    this.#version = version;
    this.#write();
    return true;
  }

  /** Whether this process's pin says that it waits, though it has stopped. */
  get isBehind(): boolean {
    return this.#isBehind;
  }

  /** The version of this process's pin. */
  get version(): Version {
    return this.#version;
  }

  /** Moves this process's pin to a version, unless it may have lost its place. */
  set(version: Version): void {
    if (this.#isInDoubt) return;
    this.#version = version;
    this.renew();
  }

  /** Writes this process's pin again, unless it may have lost its place. */
  renew(): void {
    if (this.#isInDoubt) return;
    const begunAt = this.#now();
    this.#write();
    const wasStopped = this.#now() - begunAt > DOUBT_MS;
    if (wasStopped) this.#own = -1;
  }

  /** Whether this process has not written its pin for so long that another may have its place. */
  get #isInDoubt(): boolean {
    return this.#own < 0 || this.#now() - this.#writtenAt > DOUBT_MS;
  }

  #write(): void {
    const bytes = this.#one.fill(0);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, this.#owner[0]!, true);
    view.setUint32(4, this.#owner[1]!, true);
    view.setUint32(8, this.#version % TWO_32, true);
    view.setUint32(12, Math.floor(this.#version / TWO_32), true);
    this.#renewal = (this.#renewal + 1) >>> 0;
    view.setUint32(16, this.#renewal, true);
    view.setUint32(20, this.#ticket, true);
    view.setUint32(24, (this.#process | FLAGS[this.#waiting]) >>> 0, true);
    view.setInt32(SUM_AT, crc(bytes.subarray(0, SUM_AT)), true);
    this.#side.write(bytes, PINS_AT + this.#own * PIN_BYTES);
    this.#writtenAt = this.#now();
    this.#isBehind = false;
  }

  /** Whether this process may have lost its place to another one: it seemed to be dead. */
  get isLost(): boolean {
    return this.#isInDoubt || !this.#isOwn();
  }

  #isOwn(): boolean {
    if (this.#own < 0) return false;
    this.#read();
    const at = (KNOCK_BYTES + this.#own * PIN_BYTES) >>> 2;
    return this.#words[at] === this.#owner[0] && this.#words[at + 1] === this.#owner[1];
  }

  /** Whether a pin of another process is stale. */
  get hasStale(): boolean {
    return this.#stale().length > 0;
  }

  /** Frees the places of such pins, so that others can open the file. Under the write lock. */
  freeStale(): void {
    for (const place of this.#stale()) {
      this.#side.write(this.#one.fill(0), PINS_AT + place * PIN_BYTES);
    }
  }

  #stale(): number[] {
    this.#read();
    const found: number[] = [];
    for (let place = 0; place < PINS_MAX; place++) {
      const isOther = place !== this.#own && !this.#isUnused(place);
      if (isOther && this.#isStale(place)) found.push(place);
    }
    return found;
  }

  /** Gives this process's place up, if it still has it. Under the write lock. */
  release(): void {
    if (this.#isOwn()) this.#side.write(this.#one.fill(0), PINS_AT + this.#own * PIN_BYTES);
    this.#own = -1;
  }

  /** Says how this process waits for the write lock. */
  setWaiting(waiting: Exclude<Waiting, "not">): void {
    if (this.#own < 0) return this.#knock(true);
    if (this.#waiting === waiting) return;
    if (this.#waiting === "not") this.#ticket = (this.#ticket + 1) >>> 0;
    this.#waiting = waiting;
    this.renew();
  }

  /** Notes that this process has the write lock: the next write of its pin says so. */
  endWaiting(): void {
    if (this.#own < 0) return this.#knock(false);
    if (this.#waiting === "not") return;
    this.#waiting = "not";
    this.#isBehind = true;
  }

  /** Notes that this process has stopped waiting for the write lock. */
  stopWaiting(): void {
    if (this.#waiting === "not") return this.#knock(false);
    this.endWaiting();
    this.renew();
  }

  /** Moves this process's pin to a version, if the sidecar does not have it there. */
  moveTo(version: Version): void {
    if (this.#isBehind || this.#version !== version) this.set(version);
  }

  /** Knocks as a process that has no place yet, or ends that. */
  #knock(waits: boolean): void {
    if (!waits && !this.#knocks) return;
    this.#knocks = waits;
    const ticket = this.#one.subarray(0, KNOCK_BYTES).fill(0);
    if (waits) ticket.set(new Uint8Array(this.#owner.buffer));
    this.#side.write(ticket, KNOCK_AT);
  }

  /** The oldest version of the pins of others that count; Infinity if there is none. */
  oldest(): Version {
    this.#read();
    let oldest = Infinity;
    for (let place = 0; place < PINS_MAX; place++) {
      if (place === this.#own || this.#isUnused(place) || this.#isStale(place)) continue;
      oldest = Math.min(oldest, this.#pinAt(place).version);
    }
    return oldest;
  }

  /** The waiters of others that count. */
  waiters(): Waiters {
    this.#read();
    let waiters: Map<number, number> | undefined;
    for (let place = KNOCK; place < PINS_MAX; place++) {
      const waiter = this.#waiterAt(place);
      if (waiter < 0 || this.#isOld(place, waiter)) continue;
      waiters ??= new Map();
      waiters.set(place, waiter);
    }
    return waiters ?? NOBODY;
  }

  /** Whether one of those waiters still waits; `isBlocking` leaves those in the queue out. */
  stillWaits(waiters: Waiters, isBlocking: boolean): boolean {
    this.#read();
    for (const [place, waiter] of waiters) {
      const counts = !isBlocking || waiter % 2 === 1;
      if (counts && this.#waiterAt(place) === waiter) return true;
    }
    return false;
  }

  /** The waiter at a place as it was read; -1 if nobody waits there. */
  #waiterAt(place: number): number {
    const words = this.#words;
    if (place === KNOCK) return words[0] === 0 ? -1 : words[0]! * 2 + 1;
    const at = (KNOCK_BYTES + place * PIN_BYTES) >>> 2;
    if (place === this.#own || words[at] === 0 || words[at + 6]! < WAITS) return -1;
    if (!this.#isWhole(place)) return -1;
    return words[at + 5]! * 2 + ((words[at + 6]! & BLOCKING) === 0 ? 0 : 1);
  }

  /** Whether a waiter was seen for so long that it may be dead. */
  #isOld(place: number, waiter: number): boolean {
    const now = this.#now();
    const seen = this.#seen.get(place);
    if (seen?.waiter === waiter) return now - seen.time > WAIT_MS;
    this.#seen.set(place, { waiter, time: now });
    return false;
  }

  /** Does not count those waiters again, as they did not take the lock: they may be dead. */
  ignore(waiters: Waiters): void {
    for (const [place, waiter] of waiters) this.#seen.set(place, { waiter, time: -Infinity });
  }

  /** The processes that share the file. */
  participants(): Participant[] {
    this.#read();
    const found: Participant[] = [];
    for (let place = 0; place < PINS_MAX; place++) {
      const isOwn = place === this.#own;
      if (this.#isUnused(place) || (!isOwn && this.#isStale(place))) continue;
      const { process, version, waits } = this.#pinAt(place);
      found.push({ process, version, waits, isOwn });
    }
    return found;
  }

  #read(): void {
    this.#side.read(this.#bytes, KNOCK_AT);
  }

  #isUnused(place: number): boolean {
    const at = (KNOCK_BYTES + place * PIN_BYTES) >>> 2;
    for (let i = at; i < at + PIN_BYTES / 4; i++) if (this.#words[i] !== 0) return false;
    return true;
  }

  /** Whether a pin was seen without a renewal for too long. */
  #isStale(place: number): boolean {
    const { renewal } = this.#pinAt(place);
    const now = this.#now();
    const seen = this.#sightings.get(place);
    if (seen?.renewal === renewal) return now - seen.time > STALE_MS;
    this.#sightings.set(place, { renewal, time: now });
    return false;
  }

  /** Whether the sum of a pin matches. */
  #isWhole(place: number): boolean {
    const start = place * PIN_BYTES;
    const sum = this.#words[(KNOCK_BYTES + start + SUM_AT) >>> 2]! | 0;
    return sum === crc(this.#all.subarray(start, start + SUM_AT));
  }

  #pinAt(place: number): Pin {
    const bytes = this.#all.subarray(place * PIN_BYTES, (place + 1) * PIN_BYTES);
    const view = new DataView(bytes.buffer, bytes.byteOffset, PIN_BYTES);
    const renewal = `${view.getUint32(16, true)} ${view.getUint32(20, true)} ` +
      view.getInt32(SUM_AT, true);
    if (!this.#isWhole(place)) return { version: 0, renewal, process: 0, waits: false };
    const flags = view.getUint32(24, true);
    return {
      version: view.getUint32(12, true) * TWO_32 + view.getUint32(8, true),
      renewal,
      process: flags & PROCESS_MASK,
      waits: flags >= WAITS,
    };
  }
}
