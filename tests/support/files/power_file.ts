/**
 * A simulated `File` that records every operation, and the power cuts that could have happened.
 *
 * Assumptions about the medium: a completed sync makes everything before it durable. A completed
 * write-through is durable by itself. Every other write, truncation or extension since the last
 * sync is lost or kept, independently of the others. Surviving operations are applied in the order
 * in which they were requested. A sync that was started makes durable, when it ends, what was
 * requested before it started.
 */

import type { File } from "../../../pager/mod.ts";
import { BLOCK_BYTES, Blocks, type Cut, cutBlocks } from "./blocks.ts";

/** More operations than any test needs: a handle with this many hangs. */
const OPERATIONS_MAX = 200_000;
/** More bytes than any test writes. */
const SIZE_MAX = 256 * 1024 * 1024;

/**
 * The kinds of operations; `forget` is a failed sync that dropped its writes, `start` and `end` are
 * those of a sync that runs meanwhile.
 */
export type OperationKind = "write" | "through" | "truncate" | "sync" | "forget" | "start" | "end";

/** One operation on a file, with everything needed to repeat it. */
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

  /** Records an operation; `bytes` must not change afterwards. */
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

  /** Whether it writes bytes. */
  get isWrite(): boolean {
    return this.kind === "write" || this.kind === "through";
  }

  /** Applies it completely. */
  applyTo(content: Blocks): void {
    if (this.kind === "truncate") content.truncate(this.size);
    else if (this.isWrite && this.position % BLOCK_BYTES === 0) this.#share(content);
    else if (this.isWrite) content.write(this.bytes, 0, this.bytes.length, this.position);
  }

  /** A description of it. */
  toString(): string {
    if (this.kind === "truncate") return `truncate to ${this.size}`;
    return this.isWrite ? `${this.kind} ${this.position}+${this.bytes.length}` : this.kind;
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

/** A simulated `File` that records its operations. */
export class PowerFile implements File {
  /** All operations so far, unless recording is off. */
  readonly operations: Operation[] = [];
  /** Called before each operation. */
  beforeOperation: (operation: Operation) => void = () => {};
  /** Refuses every write except write-through, which goes to reserved space. */
  isFull = false;
  /** The initial bytes, on the medium. */
  readonly start: Blocks;
  readonly #content: Blocks;
  readonly #notes: boolean;
  #count = 0;
  #started: PromiseWithResolvers<void> | undefined;

  /**
   * A file with initial content.
   *
   * @param start Its initial bytes, all on the medium.
   * @param notes Whether to record operations; if not, the file is faster, and cannot be cut.
   * @param pending Operations of a killed handle, which the medium may lack.
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

  /** The bytes that a reader sees now. */
  snapshot(): Blocks {
    return this.#content.fork();
  }

  /** The size in bytes. */
  size(): number {
    return this.#content.size;
  }

  /** Reads up to `length` bytes. */
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

  /** Makes everything durable. */
  sync(): void {
    this.#do(new Operation("sync", 0, NOTHING));
  }

  /** Starts a sync, which runs until `endSync`. */
  startSync(): Promise<void> {
    this.#do(new Operation("start", 0, NOTHING));
    this.#started = Promise.withResolvers();
    return this.#started.promise;
  }

  /** Ends the sync that was started. */
  endSync(): void {
    this.#do(new Operation("end", 0, NOTHING));
    this.#started?.resolve();
  }

  /**
   * Fails as a sync may: its writes remain readable, count as written, and never reach
   * the medium unless it is written again.
   */
  forget(): void {
    this.#do(new Operation("forget", 0, NOTHING));
  }

  /** Always succeeds: no other handle can open this file. */
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

/** An operation that the medium may lack. */
export interface Pending {
  readonly operation: Operation;
  /** Whether the medium certainly has it: a write-through that has returned. */
  readonly forced: boolean;
}

/** A moment at which the power may be cut. */
export interface Walk {
  /** The bytes that the medium certainly has. */
  readonly base: Blocks;
  /** The operations that it may have, in the order of the requests. */
  readonly pending: readonly Pending[];
}

/** Walks through the operations of a file, and tracks what the medium certainly has. */
export class PowerWalk implements Walk {
  /** The bytes that the medium certainly has. */
  readonly base: Blocks;
  /** The operations that it may have, in the order of the requests. */
  pending: Pending[] = [];
  /** How many of these were requested before the sync that runs was started. */
  #started = 0;

  /** Begins before the first operation. */
  constructor(start: Blocks) {
    this.base = start.fork();
  }

  /** Advances to the request of the next operation. */
  issue(operation: Operation): void {
    if (operation.kind === "start") this.#started = this.pending.length;
    if (!operation.isWrite && operation.kind !== "truncate") return;
    this.pending.push({ operation, forced: false });
  }

  /** Advances to the return of the operation requested last. */
  complete(operation: Operation): void {
    if (operation.kind === "sync") {
      this.#settle(this.pending.length);
    } else if (operation.kind === "end") {
      this.#settle(this.#started);
    } else if (operation.kind === "forget") {
      for (const { operation: done, forced } of this.pending) if (forced) done.applyTo(this.base);
      this.pending = [];
      this.#started = 0;
    } else if (operation.kind === "through") {
      this.pending.pop();
      if (this.pending.every((other) => isApart(other.operation, operation))) {
        operation.applyTo(this.base);
      } else {
        this.pending.push({ operation, forced: true });
      }
    }
  }

  /** Puts the first `count` operations on the medium. */
  #settle(count: number): void {
    for (const { operation } of this.pending.splice(0, count)) operation.applyTo(this.base);
    this.#started = 0;
  }
}

/** Whether the order of an earlier operation and a write makes no difference. */
export function isApart(earlier: Operation, write: Operation): boolean {
  if (earlier.kind === "truncate") return false;
  return earlier.end <= write.position || write.end <= earlier.position;
}
