/**
 * A `File` that counts operations, and fails those that the test's own function chooses; the test
 * may replace the function at any time. `NthFaultFile` of the crash tests fails the nth operation
 * of a kind with the error codes of an operating system.
 */

import type { File } from "../../pager/mod.ts";

/** What a `FaultyFile` counts and can spoil. */
export type Operation = "read" | "write" | "truncate" | "sync" | "close";

/** How it spoils one: not at all, with an error, by doing half of it, or by doing nothing. */
export type Fault = "none" | "throw" | "half" | "nothing";

/** A `File` that counts what is asked of it and can refuse. */
export class FaultyFile implements File {
  /** How often each operation was asked for. */
  readonly counts: Record<Operation, number> = {
    read: 0,
    write: 0,
    truncate: 0,
    sync: 0,
    close: 0,
  };
  /** Bytes that reads returned. */
  bytesRead = 0;
  /** The positions and lengths of all writes since this was last emptied. */
  writes: { position: number; length: number }[] = [];
  /** Decides the fate of the `count`-th operation of its sort, beginning at 1. */
  fault: (operation: Operation, count: number) => Fault = () => "none";

  readonly #file: File;

  /**
   * Wraps a file.
   *
   * @param file What does the work.
   */
  constructor(file: File) {
    this.#file = file;
  }

  /** The size in bytes. */
  size(): number {
    return this.#file.size();
  }

  /** Reads, unless it is spoiled. */
  readAt(target: Uint8Array, start: number, length: number, position: number): number {
    const allowed = this.#allowed("read", length);
    if (allowed === 0) return 0;
    const done = this.#file.readAt(target, start, allowed, position);
    this.bytesRead += done;
    return done;
  }

  /** Writes, unless it is spoiled. */
  writeAt(source: Uint8Array, start: number, length: number, position: number): number {
    const allowed = this.#allowed("write", length);
    this.writes.push({ position, length: allowed });
    return allowed === 0 ? 0 : this.#file.writeAt(source, start, allowed, position);
  }

  /** Writes through, unless it is spoiled; it counts as a write. */
  writeThroughAt(source: Uint8Array, start: number, length: number, position: number): number {
    const allowed = this.#allowed("write", length);
    this.writes.push({ position, length: allowed });
    return allowed === 0 ? 0 : this.#file.writeThroughAt(source, start, allowed, position);
  }

  /** Cuts or extends, unless it is spoiled. */
  truncate(size: number): void {
    if (this.#allowed("truncate", 1) > 0) this.#file.truncate(size);
  }

  /** Syncs, unless it is spoiled. */
  sync(): void {
    if (this.#allowed("sync", 1) > 0) this.#file.sync();
  }

  /** Takes the lock. */
  lock(exclusive: boolean): boolean {
    return this.#file.lock(exclusive);
  }

  /** Closes, unless it is spoiled. */
  close(): void {
    if (this.#allowed("close", 1) > 0) this.#file.close();
  }

  #allowed(operation: Operation, length: number): number {
    const fault = this.fault(operation, ++this.counts[operation]);
    if (fault === "throw") throw new Error(`simulated failure of a ${operation}`);
    if (fault === "nothing") return 0;
    return fault === "half" ? Math.ceil(length / 2) : length;
  }
}

/** Spoils every operation of some sorts. */
export function always(fault: Fault, ...spoiled: Operation[]): FaultyFile["fault"] {
  return (operation) => spoiled.includes(operation) ? fault : "none";
}

/** Spoils the `nth` operation of a sort, counted from the file's first, and those after it. */
export function from(nth: number, fault: Fault, spoiled: Operation): FaultyFile["fault"] {
  return (operation, count) => operation === spoiled && count >= nth ? fault : "none";
}
