/**
 * The file that `quire study` reads: a scratch file beside FILE, filled past the system's cache so
 * that its blocks are cold, and what the study wrote to it.
 */

import { Buffer } from "node:buffer";
import * as fs from "node:fs";
import { alignedBytes, type FileMapping, openLibc, whyNoLibc } from "../../pager/mod.ts";
import { Scratch } from "../io/scratch.ts";
import { processCounter } from "./counters.ts";
import {
  type Available,
  BLOCK_BYTES,
  type DirectReads,
  openDirect,
  type Subject,
} from "./subject.ts";

const MIB = 1024 * 1024;
const STEP_BYTES = 2 * MIB;
/** Without advice to the system, a cold file is written anew for each trial. */
const BYTES = { withAdvice: 64 * MIB, without: 32 * MIB } as const;

/** A scratch file as the subject of a study, until it is disposed of. */
export class ScratchSubject implements Subject, Disposable {
  readonly descriptor: number;
  readonly bytes: number;
  readonly direct: Available<DirectReads>;
  readonly drop: Available<() => void>;
  readonly mapping: Available<FileMapping>;
  readonly moved: Available<() => number>;
  readonly #scratch: Scratch;
  readonly #block: Buffer;
  /** The positions and lengths that the cache may have, if not all. */
  #cached: number[] = [];
  #cachedBytes = 0;
  #written = 0;

  /** Creates and fills the file. */
  constructor(folder: string) {
    this.#scratch = new Scratch(folder, "study");
    this.descriptor = this.#scratch.descriptor;
    const reason = whyNoLibc();
    this.bytes = reason === undefined ? BYTES.withAdvice : BYTES.without;
    this.#block = randomBlock();
    let direct: Available<DirectReads> = { absent: "" };
    try {
      this.#write(this.descriptor, 0, this.bytes);
      this.noteRead(this.bytes, 0);
      fs.fsyncSync(this.descriptor);
      direct = openDirect(this.#scratch.path, fs.constants.O_RDWR);
      this.#scratch.hide();
      this.direct = direct;
      this.mapping = reason === undefined
        ? { value: openLibc().mapFile(this.descriptor, this.bytes) }
        : { absent: reason };
      this.drop = this.#dropper(reason);
      const counter = processCounter();
      this.moved = "value" in counter ? { value: () => counter.value().read } : counter;
    } catch (error) {
      if ("value" in direct) fs.closeSync(direct.value.descriptor);
      this.#scratch[Symbol.dispose]();
      throw error;
    }
  }

  /** The bytes written so far. */
  get bytesWritten(): number {
    return this.#written;
  }

  noteRead(length: number, position: number): void {
    if (this.#cachedBytes >= this.bytes) return;
    this.#cached.push(position, length);
    this.#cachedBytes += Math.max(length, BLOCK_BYTES);
  }

  /** How the file is dropped from the system's cache. */
  #dropper(whyNoAdvice: string | undefined): Available<() => void> {
    const { descriptor, direct, mapping } = this;
    if (whyNoAdvice === undefined) {
      const libc = openLibc();
      return {
        value: () => {
          // Bytes that are mapped are not dropped.
          if ("value" in mapping) mapping.value.advise("dontNeed");
          libc.advise(descriptor, "dontNeed");
        },
      };
    }
    // A write past the cache drops what the cache has of the same blocks.
    if ("value" in direct) return { value: () => this.#rewriteCached(direct.value.descriptor) };
    return { absent: `advice to the system: ${whyNoAdvice}; direct writes: ${direct.absent}` };
  }

  /** Writes anew what the cache may have. */
  #rewriteCached(descriptor: number): void {
    if (this.#cachedBytes >= this.bytes) this.#write(descriptor, 0, this.bytes);
    else {
      for (let i = 0; i < this.#cached.length; i += 2) {
        const start = Math.floor(this.#cached[i]! / BLOCK_BYTES) * BLOCK_BYTES;
        const end = Math.ceil((this.#cached[i]! + this.#cached[i + 1]!) / BLOCK_BYTES) *
          BLOCK_BYTES;
        this.#write(descriptor, start, end);
      }
    }
    this.#cached = [];
    this.#cachedBytes = 0;
  }

  #write(descriptor: number, start: number, end: number): void {
    for (let at = start; at < end; at += STEP_BYTES) {
      const length = Math.min(STEP_BYTES, end - at);
      this.#block.writeUInt32LE(at / BLOCK_BYTES, 0);
      this.#written += fs.writeSync(descriptor, this.#block, 0, length, at);
    }
  }

  /** Closes and removes the file. */
  [Symbol.dispose](): void {
    if ("value" in this.mapping) this.mapping.value.unmap();
    if ("value" in this.direct) fs.closeSync(this.direct.value.descriptor);
    this.#scratch[Symbol.dispose]();
  }
}

/** Bytes that a file system cannot compress. */
function randomBlock(): Buffer {
  const bytes = alignedBytes(STEP_BYTES);
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, STEP_BYTES / 4);
  let state = 0x2545f491;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return Buffer.from(bytes.buffer, bytes.byteOffset, STEP_BYTES);
}
