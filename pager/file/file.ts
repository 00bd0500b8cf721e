/**
 * The interface for I/O. All of Quire's file operations go through a `File`; tests implement it to
 * simulate disks and inject faults.
 */

/**
 * A file as the pager uses it: its calls are positional, and may read or write less than requested.
 * All but `startRead` and `startSync` are synchronous.
 *
 * Implementations throw the errors of their system.
 */
export interface File {
  /** The path, for errors; undefined for memory. */
  readonly path?: string | undefined;
  /** The size in bytes. */
  size(): number;
  /** The bytes that it takes on the medium, without its holes. Absent where that is not known. */
  readonly allocated?: (() => number) | undefined;
  /**
   * Reads up to `length` bytes at `position` into `target` from `start`; returns the number of
   * bytes read, 0 at the end of the file.
   */
  readAt(target: Uint8Array, start: number, length: number, position: number): number;
  /**
   * Shows bytes of the file in memory that `Libc.reserveMemory` gave; both begin at a multiple of 2
   * MiB, and the file has all of them. Absent where the file cannot be mapped, or must not be.
   */
  readonly showAt?: ((target: Uint8Array<ArrayBuffer>, position: number) => void) | undefined;
  /**
   * Starts a read that does not block the thread, and drops the bytes: a later read of them finds
   * them in the cache of the system. Resolves when it ends, even if it failed or could not begin,
   * and soon after `close`. Absent where reads do not wait for a medium.
   */
  readonly startRead?: ((position: number, length: number) => Promise<void>) | undefined;
  /**
   * Writes up to `length` bytes of `source` from `start` at `position`; returns the number of bytes
   * written.
   */
  writeAt(source: Uint8Array, start: number, length: number, position: number): number;
  /**
   * Like `writeAt`, but the bytes written are on the medium when it returns; those of earlier
   * writes may not be.
   */
  writeThroughAt(source: Uint8Array, start: number, length: number, position: number): number;
  /** Shortens the file, or extends it with zeros. */
  truncate(size: number): void;
  /** Returns when everything written is on the medium. */
  sync(): void;
  /**
   * Starts a sync that does not block the thread; resolves when everything written before the call
   * is on the medium. Other calls may follow meanwhile, and neither kind of sync may take the error
   * of a lost write from the other.
   */
  startSync(): Promise<void>;
  /** Takes the lock, exclusive or shared with other readers; false if another handle has it. */
  lock(exclusive: boolean): boolean;
  /** Whether another file has its path now. Absent where there is no path. */
  readonly isReplaced?: (() => boolean) | undefined;
  /** Releases the lock, and closes the descriptors. */
  close(): void;
}
