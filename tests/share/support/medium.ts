/**
 * A file as the system has it, and as the medium has it, sector by sector.
 *
 * A write reaches the medium with a sync that began after it. Until then a power cut leaves each
 * sector, independently, with any of the values written, with the one before, or with garbage. A
 * failed writeback loses writes: the system still shows them, and no later sync takes them to the
 * medium.
 */

import type { Random } from "../../support/random.ts";

/** The content of a sector that a power cut tore. */
export const GARBAGE = "garbage";

/** A write that the medium may lack. */
interface Write<Sector> {
  readonly value: Sector | undefined;
  readonly serial: number;
}

/** What a power cut leaves of a sector. */
type Fate = "any" | "mostly new" | "mostly old";
const FATES: readonly Fate[] = ["any", "mostly new", "mostly old", "any"];

/** A file. A sector past its end is undefined, as is one that was never written. */
export class Medium<Sector> {
  /** The sectors as the system shows them. */
  cache: (Sector | typeof GARBAGE | undefined)[] = [];
  #durable: (Sector | typeof GARBAGE | undefined)[] = [];
  readonly #pending = new Map<number, Write<Sector>[]>();
  #serial = 0;

  /** Writes a sector. */
  write(at: number, value: Sector | undefined): void {
    this.cache[at] = value;
    const write = { value, serial: ++this.#serial };
    const writes = this.#pending.get(at);
    if (writes) writes.push(write);
    else this.#pending.set(at, [write]);
  }

  /** Cuts the file before a sector. */
  cutAt(from: number): void {
    for (let at = from; at < this.cache.length; at++) {
      if (this.cache[at] !== undefined) this.write(at, undefined);
    }
  }

  /** Takes everything to the medium. */
  sync(): void {
    for (const [at, writes] of this.#pending) this.#durable[at] = writes.at(-1)!.value;
    this.#pending.clear();
  }

  /** Takes one sector to the medium, as a write through does. */
  syncSector(at: number): void {
    const last = this.#pending.get(at)?.at(-1);
    if (last !== undefined) this.#durable[at] = last.value;
    this.#pending.delete(at);
  }

  /** Begins a sync; returns what `endSync` takes. */
  startSync(): number {
    return this.#serial;
  }

  /** Takes to the medium what was written before the sync began. */
  endSync(serial: number): void {
    for (const [at, writes] of this.#pending) {
      const count = writes.filter((write) => write.serial <= serial).length;
      if (count === 0) continue;
      this.#durable[at] = writes[count - 1]!.value;
      if (count === writes.length) this.#pending.delete(at);
      else writes.splice(0, count);
    }
  }

  /** A writeback fails: some of what was written never reaches the medium. */
  lose(random: Random): void {
    for (const at of this.#pending.keys()) if (random.once(2)) this.#pending.delete(at);
  }

  /** The power goes. */
  cut(random: Random, tears: boolean): void {
    const fate = random.pick(FATES);
    for (const [at, writes] of this.#pending) {
      const count = fate === "any"
        ? random.below(writes.length + 1)
        : (fate === "mostly new") === random.once(4)
        ? 0
        : writes.length;
      if (tears && random.once(6)) this.#durable[at] = GARBAGE;
      else if (count > 0) this.#durable[at] = writes[count - 1]!.value;
    }
    this.#pending.clear();
    this.cache = this.#durable.slice();
  }

  /** A sector rots. */
  rot(at: number): void {
    this.#durable[at] = GARBAGE;
    this.cache[at] = GARBAGE;
  }
}
