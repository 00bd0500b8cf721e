/**
 * The interface between a session and the archive that ships its commits, and the figures of that.
 */

/** The state of an archive. */
export interface ArchiveStats {
  /** The last version in the store; undefined until it is known. */
  readonly version: number | undefined;
  /** The time of the oldest commit that is not in the store, in milliseconds since 1970. */
  readonly waitingSince: number | undefined;
  /** The memory that such commits take, in bytes. */
  readonly waitingBytes: number;
  /** Objects written. */
  readonly objects: number;
  /** Bytes written. */
  readonly bytes: number;
  /** Bases written. */
  readonly bases: number;
  /** How often commits were archived together, because there were too many to wait. */
  readonly losses: number;
  /** Calls of the store that failed. */
  readonly failures: number;
  /** The error that keeps it from shipping; undefined while it ships. */
  readonly failure: string | undefined;
  /** Whether it has ended. */
  readonly ended: boolean;
  /** Whether another process archives the database; this one continues when that one ends. */
  readonly standsBy: boolean;
}

/** Ships the commits of a session. */
export interface Shipping {
  /** Ends at once, before the session does. */
  end(reason: unknown): void;
  /** The state. */
  stats(): ArchiveStats;
}
