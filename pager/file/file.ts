/**
 * The one seam for I/O. Everything that Quire asks of a system goes through a `File`, so every
 * simulated disk and every injected fault stands here.
 */

/**
 * A file as the pager sees it: positional, synchronous, and free to do less than it was asked.
 *
 * Implementations throw whatever their system throws.
 */
export interface File {
  /** Where it is, for errors; undefined for memory. */
  readonly path?: string | undefined;
  /** The size in bytes. */
  size(): number;
  /** Reads up to `length` bytes at `position` into `target` from `start`; 0 at the end. */
  readAt(target: Uint8Array, start: number, length: number, position: number): number;
  /** Writes up to `length` bytes of `source` from `start` at `position`; returns how many. */
  writeAt(source: Uint8Array, start: number, length: number, position: number): number;
  /**
   * As `writeAt`, and what was written is on the medium when it returns; earlier writes may not be.
   */
  writeThroughAt(source: Uint8Array, start: number, length: number, position: number): number;
  /** Cuts the file, or extends it with zeros. */
  truncate(size: number): void;
  /** Returns when everything written is on the medium. */
  sync(): void;
  /** Takes the lock, alone or shared with other readers; false when somebody has it. */
  lock(exclusive: boolean): boolean;
  /** Gives back the lock and the descriptors. */
  close(): void;
}
