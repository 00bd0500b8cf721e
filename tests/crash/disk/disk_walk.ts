/**
 * A disk at each moment of a recording, and what is left of it after a power cut: all that was
 * written before the last sync, and any part of what came later, sector by sector.
 */

import * as fs from "node:fs";
import type { Random } from "../../support/random.ts";
import { type DiskCall, SYNC } from "./disk_log.ts";

const SECTOR_BYTES = 512;
const EXTENT_BYTES = 64 * 1024;

/** What a cut leaves of the writes that no sync has reached. */
export type Left = "none" | "all" | "blocks" | "sectors";

const PIECE_BYTES = { blocks: 4096, sectors: SECTOR_BYTES } as const;

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
  writeImage(path: string, left: Left, random: Random): void {
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

function writePart(descriptor: number, call: DiskCall, left: Left, random: Random): void {
  const { position, bytes } = call;
  if (left === "none") return;
  const piece = left === "all" ? bytes.length : PIECE_BYTES[left];
  for (let at = 0; at < bytes.length; at += piece) {
    if (left !== "all" && random.once(2)) continue;
    fs.writeSync(descriptor, bytes, at, Math.min(piece, bytes.length - at), position + at);
  }
}
