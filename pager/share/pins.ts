/**
 * The pins: one entry of the sidecar for each process, with the version up to which pages may be
 * written in place without harm to it, and whether it waits for the write lock.
 *
 * | at | size | field                                                               |
 * | -- | ---- | ------------------------------------------------------------------- |
 * |  0 | u64  | owner, a random number; 0 = not used                                |
 * |  8 | u64  | the version that its owner has taken over                           |
 * | 16 | u64  | renewal: a random number, another with each write                   |
 * | 24 | u32  | the id of its process, and bit 31: it waits for the write lock      |
 * | 28 | u32  | CRC-32 of the 28 bytes before                                       |
 *
 * Each lies inside one sector, and is written by one call. An owner writes its pin when it has
 * taken over a version, and renews it from time to time. Processes share no clock: each measures
 * for itself how long it has seen no renewal, and a pin without one for `STALE_MS` does not count.
 * One whose sum does not match counts as version 0, for as long as that.
 */

import type { SideBytes } from "../file/share_files.ts";
import { crc } from "../format/checksum.ts";
import type { Version } from "../format/units.ts";

/** The most processes that share a file. */
export const PINS_MAX = 112;
/** A pin that was not renewed for so long does not count. */
export const STALE_MS = 30_000;

const PINS_AT = 512;
const PIN_BYTES = 32;
const SUM_AT = 28;
const TWO_32 = 0x1_0000_0000;
const WAITS = 0x8000_0000;
const PROCESS_MASK = 0x7fff_ffff;

/** A process that shares the file. */
export interface Participant {
  /** The id of its process, as that process sees it; several Workers have the same. */
  readonly process: number;
  /** The version that it has taken over, or an older one that a snapshot of it reads. */
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

/** When a renewal was seen first. */
interface Sighting {
  renewal: string;
  time: number;
}

/** The pins of a sidecar, as one process sees them. */
export class Pins {
  /** The place of the own pin; -1 before `take`. */
  #own = -1;
  #version = 0;
  #waits = false;
  readonly #side: SideBytes;
  readonly #process: number;
  readonly #owner = crypto.getRandomValues(new Uint32Array(2));
  readonly #all = new Uint8Array(PINS_MAX * PIN_BYTES);
  readonly #one = new Uint8Array(PIN_BYTES);
  readonly #sightings = new Map<number, Sighting>();
  /** The waiters that this process let pass in vain, by place and renewal. */
  readonly #passed = new Map<number, string>();

  /**
   * The pins of a sidecar.
   *
   * @param side The sidecar.
   * @param process The id of this process.
   */
  constructor(side: SideBytes, process: number) {
    this.#side = side;
    this.#process = process & PROCESS_MASK;
    this.#owner[0]! |= 1;
  }

  /** Clears all pins. Only a process that is alone does that. */
  clear(): void {
    this.#side.write(this.#all.fill(0), PINS_AT);
  }

  /** Takes a place that is not used or stale; whether there was one. Under the write lock. */
  take(version: Version): boolean {
    this.#read();
    for (let place = 0; place < PINS_MAX; place++) {
      const isFree = this.#isUnused(place) || this.#isStale(place);
      if (!isFree) continue;
      this.#own = place;
      this.set(version);
      return true;
    }
    return false;
  }

  /** The version of the own pin. */
  get version(): Version {
    return this.#version;
  }

  /** Moves the own pin to a version. */
  set(version: Version): void {
    this.#version = version;
    this.renew();
  }

  /** Writes the own pin again. */
  renew(): void {
    if (this.#own < 0) return;
    const bytes = this.#one.fill(0);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, this.#owner[0]!, true);
    view.setUint32(4, this.#owner[1]!, true);
    view.setUint32(8, this.#version % TWO_32, true);
    view.setUint32(12, Math.floor(this.#version / TWO_32), true);
    crypto.getRandomValues(bytes.subarray(16, 24));
    view.setUint32(24, (this.#process | (this.#waits ? WAITS : 0)) >>> 0, true);
    view.setInt32(SUM_AT, crc(bytes.subarray(0, SUM_AT)), true);
    this.#side.write(bytes, PINS_AT + this.#own * PIN_BYTES);
  }

  /** Gives the own place up. */
  release(): void {
    if (this.#own < 0) return;
    this.#side.write(this.#one.fill(0), PINS_AT + this.#own * PIN_BYTES);
    this.#own = -1;
  }

  /** Says whether this process waits for the write lock. */
  setWaiting(waits: boolean): void {
    if (this.#waits === waits) return;
    this.#waits = waits;
    this.renew();
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

  /** The waiters of others that count: place and renewal. */
  waiters(): Map<number, string> {
    this.#read();
    const waiters = new Map<number, string>();
    for (let place = 0; place < PINS_MAX; place++) {
      if (place === this.#own || this.#isUnused(place)) continue;
      const { waits, renewal } = this.#pinAt(place);
      if (waits && this.#passed.get(place) !== renewal) waiters.set(place, renewal);
    }
    return waiters;
  }

  /** Whether one of those waiters still waits. */
  stillWaits(waiters: ReadonlyMap<number, string>): boolean {
    this.#read();
    for (const [place, renewal] of waiters) {
      if (!this.#isUnused(place) && this.#pinAt(place).renewal === renewal) return true;
    }
    return false;
  }

  /** Does not let those waiters pass again, as they did not take the lock: they may be dead. */
  ignore(waiters: ReadonlyMap<number, string>): void {
    for (const [place, renewal] of waiters) this.#passed.set(place, renewal);
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
    this.#side.read(this.#all, PINS_AT);
  }

  #isUnused(place: number): boolean {
    const at = place * PIN_BYTES;
    for (let i = at; i < at + PIN_BYTES; i++) if (this.#all[i] !== 0) return false;
    return true;
  }

  /** Whether a pin was seen without a renewal for too long. */
  #isStale(place: number): boolean {
    const { renewal } = this.#pinAt(place);
    const now = performance.now();
    const seen = this.#sightings.get(place);
    if (seen?.renewal === renewal) return now - seen.time > STALE_MS;
    this.#sightings.set(place, { renewal, time: now });
    return false;
  }

  #pinAt(place: number): Pin {
    const bytes = this.#all.subarray(place * PIN_BYTES, (place + 1) * PIN_BYTES);
    const view = new DataView(bytes.buffer, bytes.byteOffset, PIN_BYTES);
    const renewal = `${view.getUint32(16, true)} ${view.getUint32(20, true)} ` +
      view.getInt32(SUM_AT, true);
    const isWhole = view.getInt32(SUM_AT, true) === crc(bytes.subarray(0, SUM_AT));
    if (!isWhole) return { version: 0, renewal, process: 0, waits: false };
    const flags = view.getUint32(24, true);
    return {
      version: view.getUint32(12, true) * TWO_32 + view.getUint32(8, true),
      renewal,
      process: flags & PROCESS_MASK,
      waits: flags >= WAITS,
    };
  }
}
