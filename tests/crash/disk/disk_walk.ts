/**
 * A disk at each moment of a recording, and what is left of it after a power cut: all that was
 * written before the last sync, and any blocks of what came later. A block is whole or not there:
 * file systems rely on that for their own superblocks.
 */

import * as fs from "node:fs";
import type { Random } from "../../support/random.ts";
import { type DiskCall, SYNC } from "./disk_log.ts";

const BLOCK_BYTES = 4096;
const EXTENT_BYTES = 64 * 1024;

/** How many of eight blocks a cut leaves that no sync has reached. */
export type Eighths = 0 | 1 | 4 | 7 | 8;

/** Goes through a recording. */
export class DiskWalk {
  /** What no sync has reached, in order. */
  pending: DiskCall[] = [];
  readonly #disk: Uint8Array;
  readonly #isUsed: Uint8Array;

  constructor(image: string) {
    this.#disk = fs.readFileSync(image);
    this.#isUsed = new Uint8Array(Math.ceil(this.#disk.length / EXTENT_BYTES));
    for (let at = 0; at < this.#disk.length; at += EXTENT_BYTES) {
      const extent = this.#disk.subarray(at, at + EXTENT_BYTES);
      if (extent.some((byte) => byte !== 0)) this.#isUsed[at / EXTENT_BYTES] = 1;
    }
  }

  /** Takes the next call. */
  take(call: DiskCall): void {
    if (call.position !== SYNC) {
      this.pending.push(call);
      return;
    }
    for (const { position, bytes } of this.pending) this.#put(position, bytes);
    this.pending = [];
  }

  /** Writes what a cut leaves now. */
  writeImage(path: string, left: Eighths, random: Random): void {
    const descriptor = fs.openSync(path, "w");
    fs.ftruncateSync(descriptor, this.#disk.length);
    for (let extent = 0; extent < this.#isUsed.length; extent++) {
      if (this.#isUsed[extent] === 0) continue;
      const at = extent * EXTENT_BYTES;
      fs.writeSync(descriptor, this.#disk.subarray(at, at + EXTENT_BYTES), 0, null, at);
    }
    for (const call of this.pending) writePart(descriptor, call, left, random);
    fs.closeSync(descriptor);
  }

  #put(position: number, bytes: Uint8Array): void {
    this.#disk.set(bytes, position);
    const last = Math.floor((position + bytes.length - 1) / EXTENT_BYTES);
    for (let i = Math.floor(position / EXTENT_BYTES); i <= last; i++) this.#isUsed[i] = 1;
  }
}

function writePart(descriptor: number, call: DiskCall, left: Eighths, random: Random): void {
  const { position, bytes } = call;
  for (let at = 0; at < bytes.length;) {
    // A block of the disk, of which the write may have only a part.
    const end = Math.min(bytes.length, at + BLOCK_BYTES - (position + at) % BLOCK_BYTES);
    if (random.below(8) < left) fs.writeSync(descriptor, bytes, at, end - at, position + at);
    at = end;
  }
}
