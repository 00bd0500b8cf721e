/**
 * A `File` whose nth operation of one kind fails, once or permanently, as an operating system fails
 * it: with an error code, or by doing less than requested.
 *
 * The fault is fixed when the file is created, and write-through counts separately from other
 * writes, so a sweep can fail each operation of a workload in turn. A test that chooses its faults
 * during the run uses `FaultyFile`.
 */

import type { File } from "../../../pager/mod.ts";

/** What can fail. */
export type FaultKind = "read" | "write" | "through" | "truncate" | "sync";

/** The kind of failure: a system error, or half of the operation, one byte, or nothing. */
export type FaultMode = "EIO" | "ENOSPC" | "half" | "one" | "none";

/** Which operation fails, and how. */
export interface Fault {
  readonly kind: FaultKind;
  /** The number of the operation among those of its kind, from 1. */
  readonly nth: number;
  readonly mode: FaultMode;
  /** Whether all later ones of the kind fail too. */
  readonly forEver: boolean;
}

/** A file whose nth operation fails. */
export class NthFaultFile implements File {
  /** How often each kind was requested. */
  readonly counts: Record<FaultKind, number> = {
    read: 0,
    write: 0,
    through: 0,
    truncate: 0,
    sync: 0,
  };
  /** How often something failed. */
  hits = 0;
  /** The fault; undefined = none. */
  readonly fault: Fault | undefined;
  /** Called when a sync fails. */
  onFailedSync: () => void = () => {};
  readonly #file: File;

  /** Wraps a file. */
  constructor(file: File, fault: Fault | undefined) {
    this.#file = file;
    this.fault = fault;
  }

  /** The size in bytes. */
  size(): number {
    return this.#file.size();
  }

  /** Reads, unless it fails. */
  readAt(target: Uint8Array, start: number, length: number, position: number): number {
    return this.#file.readAt(target, start, this.#allowed("read", length), position);
  }

  /** Writes, unless it fails. */
  writeAt(source: Uint8Array, start: number, length: number, position: number): number {
    const allowed = this.#allowed("write", length);
    return allowed === 0 ? 0 : this.#file.writeAt(source, start, allowed, position);
  }

  /** Writes through, unless it fails. */
  writeThroughAt(source: Uint8Array, start: number, length: number, position: number): number {
    const allowed = this.#allowed("through", length);
    return allowed === 0 ? 0 : this.#file.writeThroughAt(source, start, allowed, position);
  }

  /** Truncates or extends, unless it fails. */
  truncate(size: number): void {
    this.#allowed("truncate", 1);
    this.#file.truncate(size);
  }

  /** Syncs, unless it fails. */
  sync(): void {
    this.#allowed("sync", 1);
    this.#file.sync();
  }

  /** Starts a sync, unless it fails; it counts as a sync. */
  async startSync(): Promise<void> {
    this.#allowed("sync", 1);
    await this.#file.startSync();
  }

  /** Takes the lock. */
  lock(exclusive: boolean): boolean {
    return this.#file.lock(exclusive);
  }

  /** Closes the file. */
  close(): void {
    this.#file.close();
  }

  /** How much of an operation is done. */
  #allowed(kind: FaultKind, length: number): number {
    const count = ++this.counts[kind];
    const { fault } = this;
    if (fault === undefined || fault.kind !== kind) return length;
    if (fault.forEver ? count < fault.nth : count !== fault.nth) return length;
    this.hits++;
    if (fault.mode === "half") return Math.ceil(length / 2);
    if (fault.mode === "one") return Math.min(1, length);
    if (fault.mode === "none") return 0;
    if (kind === "sync") this.onFailedSync();
    throw Object.assign(new Error(`${fault.mode}: simulated`), { code: fault.mode });
  }
}
