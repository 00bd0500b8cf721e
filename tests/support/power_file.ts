/**
 * A simulated `File` that notes every operation, and the power cuts that could have happened.
 *
 * Media assumptions: a completed sync makes everything before it durable; a completed write-through
 * is durable by itself; every other write, truncation or extension since the last sync is lost or
 * kept, whatever happens to the others. The bytes of surviving operations come in the order in
 * which they were asked for.
 */

import type { File } from "../../pager/mod.ts";
import { BLOCK_BYTES, Blocks, type Cut, cutBlocks } from "./blocks.ts";

/** More operations than any test does: a handle that does so many hangs. */
const OPERATIONS_MAX = 200_000;
/** More bytes than any test writes. */
const SIZE_MAX = 256 * 1024 * 1024;

/**
 * What a file was asked to do; `forget` is a sync that failed, and dropped what it was to write.
 */
export type OperationKind = "write" | "through" | "truncate" | "sync" | "forget";

/** One operation on a file, with all it needs to be done again. */
export class Operation {
  /** What it is. */
  readonly kind: OperationKind;
  /** Where it writes. */
  readonly position: number;
  /** What it writes. */
  readonly bytes: Uint8Array;
  /** The size that a truncation leaves. */
  readonly size: number;
  #blocks: Cut | undefined;

  /** Notes an operation; `bytes` must not change afterwards. */
  constructor(kind: OperationKind, position: number, bytes: Uint8Array, size = 0) {
    this.kind = kind;
    this.position = position;
    this.bytes = bytes;
    this.size = size;
  }

  /** Where it ends. */
  get end(): number {
    return this.position + this.bytes.length;
  }

  /** Whether it puts bytes into the file. */
  get isWrite(): boolean {
    return this.kind === "write" || this.kind === "through";
  }

  /** Does it, whole. */
  applyTo(content: Blocks): void {
    if (this.kind === "truncate") content.truncate(this.size);
    else if (this.isWrite && this.position % BLOCK_BYTES === 0) this.#share(content);
    else if (this.isWrite) content.write(this.bytes, 0, this.bytes.length, this.position);
  }

  /** What it is, in words. */
  toString(): string {
    if (this.kind === "sync" || this.kind === "forget") return this.kind;
    if (this.kind === "truncate") return `truncate to ${this.size}`;
    return `${this.kind} ${this.position}+${this.bytes.length}`;
  }

  #share(content: Blocks): void {
    this.#blocks ??= cutBlocks(this.bytes);
    content.share(this.#blocks, this.position);
    const whole = this.#blocks.length * BLOCK_BYTES;
    const rest = this.bytes.length - whole;
    if (rest > 0) content.write(this.bytes, whole, rest, this.position + whole);
  }
}

const NOTHING = new Uint8Array(0);

/** A simulated `File` that notes what it is asked for. */
export class PowerFile implements File {
  /** Everything asked for so far, unless nothing is noted. */
  readonly operations: Operation[] = [];
  /** Hears of each operation before it is done. */
  beforeOperation: (operation: Operation) => void = () => {};
  /** Refuses every write but those through to the medium, which go where there is room already. */
  isFull = false;
  /** What stands in the file at the beginning, on the medium. */
  readonly start: Blocks;
  readonly #content: Blocks;
  readonly #notes: boolean;
  #count = 0;

  /**
   * A file with some content.
   *
   * @param start Its bytes at first, all on the medium.
   * @param notes Whether to note operations; without them the file is faster, and cannot be cut.
   * @param pending Operations of a handle that was killed, which the medium may not have.
   */
  constructor(start: Blocks = new Blocks(), notes = true, pending: readonly Operation[] = []) {
    this.start = start;
    this.#content = start.fork();
    this.#notes = notes;
    for (const operation of pending) {
      this.operations.push(operation);
      operation.applyTo(this.#content);
    }
  }

  /** The bytes as a reader sees them now. */
  snapshot(): Blocks {
    return this.#content.fork();
  }

  /** The size in bytes. */
  size(): number {
    return this.#content.size;
  }

  /** Reads what there is, up to `length` bytes. */
  readAt(target: Uint8Array, start: number, length: number, position: number): number {
    this.#countOne();
    return this.#content.read(target, start, length, position);
  }

  /** Writes all of `length` bytes; a power cut may lose them until the next sync. */
  writeAt(source: Uint8Array, start: number, length: number, position: number): number {
    return this.#write("write", source, start, length, position);
  }

  /** Writes all of `length` bytes to the medium. */
  writeThroughAt(source: Uint8Array, start: number, length: number, position: number): number {
    return this.#write("through", source, start, length, position);
  }

  /** Cuts the file, or extends it with zeros. */
  truncate(size: number): void {
    if (size > SIZE_MAX) throw new Error(`the file is to have ${size} bytes`);
    this.#do(new Operation("truncate", 0, NOTHING, size));
  }

  /** Takes everything to the medium. */
  sync(): void {
    this.#do(new Operation("sync", 0, NOTHING));
  }

  /**
   * Fails as a sync may: what was to be written is readable, counts as written, and never reaches
   * the medium unless it is written again.
   */
  forget(): void {
    this.#do(new Operation("forget", 0, NOTHING));
  }

  /** Always taken: nobody else can reach this file. */
  lock(_exclusive: boolean): boolean {
    return true;
  }

  /** Keeps the bytes, so that a test can open them again. */
  close(): void {}

  #write(
    kind: "write" | "through",
    source: Uint8Array,
    start: number,
    length: number,
    position: number,
  ): number {
    if (position + length > SIZE_MAX) throw new Error(`a write ends at ${position + length}`);
    if (this.isFull && kind === "write") {
      throw Object.assign(new Error("no space is left"), { code: "ENOSPC" });
    }
    if (this.#notes) {
      this.#do(new Operation(kind, position, source.slice(start, start + length)));
    } else {
      this.#countOne();
      this.#content.write(source, start, length, position);
    }
    return length;
  }

  #do(operation: Operation): void {
    this.#countOne();
    if (this.#notes) {
      this.beforeOperation(operation);
      this.operations.push(operation);
    }
    operation.applyTo(this.#content);
  }

  #countOne(): void {
    if (++this.#count > OPERATIONS_MAX) throw new Error(`${OPERATIONS_MAX} operations: it hangs`);
  }
}

/** An operation that the medium may not have. */
export interface Pending {
  readonly operation: Operation;
  /** Whether the medium has it for certain: a write-through that has returned. */
  readonly forced: boolean;
}

/** Walks through the operations of a file, and tells what the medium has for certain. */
export class PowerWalk {
  /** What the medium has. */
  readonly base: Blocks;
  /** What it may have, in the order in which it was asked for. */
  pending: Pending[] = [];

  /** Begins before the first operation. */
  constructor(start: Blocks) {
    this.base = start.fork();
  }

  /** An operation is asked for. */
  issue(operation: Operation): void {
    if (operation.kind === "sync" || operation.kind === "forget") return;
    this.pending.push({ operation, forced: false });
  }

  /** The operation that was asked for last returns. */
  complete(operation: Operation): void {
    if (operation.kind === "sync") {
      for (const { operation: done } of this.pending) done.applyTo(this.base);
      this.pending = [];
    } else if (operation.kind === "forget") {
      for (const { operation: done, forced } of this.pending) if (forced) done.applyTo(this.base);
      this.pending = [];
    } else if (operation.kind === "through") {
      this.pending.pop();
      if (this.pending.every((other) => isApart(other.operation, operation))) {
        operation.applyTo(this.base);
      } else {
        this.pending.push({ operation, forced: true });
      }
    }
  }
}

/** Whether it makes no difference which of an earlier operation and a write is done first. */
function isApart(earlier: Operation, write: Operation): boolean {
  if (earlier.kind === "truncate") return false;
  return earlier.end <= write.position || write.end <= earlier.position;
}
