/**
 * The log of a disk: each write and each sync that it has served, in order, and how much of a file
 * of promises there was before it. Written as they come.
 */

import * as fs from "node:fs";

/** A write, or a sync, which has no bytes and the position -1. */
export interface DiskCall {
  /** The bytes of promises that had been given before it. */
  readonly promised: number;
  /** Where it begins on the disk; -1: a sync. */
  readonly position: number;
  readonly bytes: Uint8Array;
}

/** The position of a sync. */
export const SYNC = -1;
const HEAD_BYTES = 24;

/** Appends to a log. */
export class DiskLog {
  readonly #descriptor: number;
  readonly #head = new DataView(new ArrayBuffer(HEAD_BYTES));

  constructor(path: string) {
    this.#descriptor = fs.openSync(path, "wx");
  }

  append({ promised, position, bytes }: DiskCall): void {
    this.#head.setFloat64(0, promised, true);
    this.#head.setFloat64(8, position, true);
    this.#head.setUint32(16, bytes.length, true);
    fs.writevSync(this.#descriptor, [new Uint8Array(this.#head.buffer), bytes]);
  }
}

/** The calls of a log. */
export function readDiskLog(path: string): DiskCall[] {
  const bytes = fs.readFileSync(path);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const calls: DiskCall[] = [];
  for (let at = 0; at < bytes.length;) {
    const begin = at + HEAD_BYTES;
    const length = view.getUint32(at + 16, true);
    calls.push({
      promised: view.getFloat64(at, true),
      position: view.getFloat64(at + 8, true),
      bytes: bytes.subarray(begin, begin + length),
    });
    at = begin + length;
  }
  return calls;
}
