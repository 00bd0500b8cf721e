/**
 * A `File` that counts operations, and fails those that a function of the test chooses. The test
 * may replace the function at any time. `NthFaultFile` of the crash tests fails the nth operation
 * of a kind with the error codes of an operating system.
 */

import type { File } from "../../../pager/mod.ts";

/** The operations that a `FaultyFile` counts and can fail. */
export type Operation = "read" | "write" | "truncate" | "sync" | "close";

/** The fate of an operation: it succeeds, throws, does half of its work, or does nothing. */
export type Fault = "none" | "throw" | "half" | "nothing";

/** A `File` that counts its operations, and can fail them. */
export class FaultyFile implements File {
  /** How often each operation was requested. */
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
  /** Decides the fate of the `count`-th operation of its kind, counted from 1. */
  fault: (operation: Operation, count: number) => Fault = () => "none";

  readonly #file: File;

  /**
   * Wraps a file.
   *
   * @param file The file that does the work.
   */
  constructor(file: File) {
    this.#file = file;
  }

  /** The size in bytes. */
  size(): number {
    return this.#file.size();
  }

  /** Reads, unless it fails. */
  readAt(target: Uint8Array, start: number, length: number, position: number): number {
    const allowed = this.#allowed("read", length);
    if (allowed === 0) return 0;
    const done = this.#file.readAt(target, start, allowed, position);
    this.bytesRead += done;
    return done;
  }

  /** Writes, unless it fails. */
  writeAt(source: Uint8Array, start: number, length: number, position: number): number {
    const allowed = this.#allowed("write", length);
    this.writes.push({ position, length: allowed });
    return allowed === 0 ? 0 : this.#file.writeAt(source, start, allowed, position);
  }

  /** Writes through, unless it fails; it counts as a write. */
  writeThroughAt(source: Uint8Array, start: number, length: number, position: number): number {
    const allowed = this.#allowed("write", length);
    this.writes.push({ position, length: allowed });
    return allowed === 0 ? 0 : this.#file.writeThroughAt(source, start, allowed, position);
  }

  /** Truncates or extends, unless it fails. */
  truncate(size: number): void {
    if (this.#allowed("truncate", 1) > 0) this.#file.truncate(size);
  }

  /** Syncs, unless it fails. */
  sync(): void {
    if (this.#allowed("sync", 1) > 0) this.#file.sync();
  }

  /** Starts a sync, unless it fails; it counts as a sync. */
  async startSync(): Promise<void> {
    if (this.#allowed("sync", 1) > 0) await this.#file.startSync();
  }

  /** Takes the lock. */
  lock(exclusive: boolean): boolean {
    return this.#file.lock(exclusive);
  }

  /** Closes, unless it fails. */
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

/** Fails every operation of some kinds. */
export function always(fault: Fault, ...spoiled: Operation[]): FaultyFile["fault"] {
  return (operation) => spoiled.includes(operation) ? fault : "none";
}

/** Fails the `nth` operation of a kind, counted from the file's first, and those after it. */
export function from(nth: number, fault: Fault, spoiled: Operation): FaultyFile["fault"] {
  return (operation, count) => operation === spoiled && count >= nth ? fault : "none";
}
