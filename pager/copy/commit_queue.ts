/**
 * The commits that an archive has not taken yet, with their records, in memory.
 *
 * The commits follow one another without a gap. In a file that other processes write too, what they
 * commit is added as it is read, a batch of theirs as one commit; if one was not read, the queue
 * loses all that it has.
 *
 * A record may name a page that is in the file already, past the journal. The queue then holds a
 * snapshot of the commit, so that the page can be read when the commit is taken. When the commits
 * exceed `QUEUE_BYTES_MAX`, the queue loses all of them, and takes no others until it restarts: its
 * owner then archives what has changed instead.
 */

import { assert } from "../format/assert.ts";
import { Meta, type MetaFields } from "../format/meta.ts";
import type { Version } from "../format/units.ts";
import type { SnapshotOwner } from "../transaction/snapshot.ts";
import type { SnapshotState } from "../transaction/snapshot_list.ts";

/** The most bytes of records in a queue. */
const QUEUE_BYTES_MAX = 16 * 1024 * 1024;
/** The bytes that a commit takes besides its records. */
const COMMIT_BYTES = 256;

/** A commit that waits in a queue. */
export interface QueuedCommit {
  /** The facts about the file after it. */
  readonly meta: MetaFields;
  /** The time of the commit, in milliseconds since 1970. */
  readonly time: number;
  /** The commits before it that are in it too, and cannot be told apart. */
  readonly joined: number;
  /** Its records. */
  readonly records: Uint8Array;
  /** Its snapshot, if records may name pages that are in the file; the owner ends it. */
  readonly snapshot: SnapshotState | undefined;
}

/** The commits that an archive has not taken yet. */
export class CommitQueue {
  /** The bytes that its commits take, with those that were taken and not released. */
  bytes = 0;
  /** How often it has lost its commits. */
  losses = 0;
  readonly #snapshots: SnapshotOwner;
  readonly #now: () => number;
  readonly #bytesMax: number;
  /** The version of the last commit that was added, or that it starts after. */
  #last: Version;
  #commits: QueuedCommit[] = [];
  /** The commits that were taken and not released. */
  #taken: readonly QueuedCommit[] = [];
  #isLost = false;
  /** The time of the first commit that it has lost since it started. */
  #lostSince: number | undefined;

  /**
   * Starts after the last commit.
   *
   * @param from The version of that commit.
   * @param snapshots Takes snapshots of commits.
   * @param now The time of a commit, in milliseconds since 1970; it never decreases.
   * @param bytesMax The most bytes of commits.
   */
  constructor(
    from: Version,
    snapshots: SnapshotOwner,
    now: () => number,
    bytesMax = QUEUE_BYTES_MAX,
  ) {
    this.#last = from;
    this.#snapshots = snapshots;
    this.#now = now;
    this.#bytesMax = bytesMax;
  }

  /** Whether it lost its commits, and takes no others until it restarts. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** The time of the first commit that is not released, or was lost; undefined if there is none. */
  get oldest(): number | undefined {
    return this.#lostSince ?? (this.#taken[0] ?? this.#commits[0])?.time;
  }

  /**
   * Adds a commit, or several that cannot be told apart. It neither reads a file nor throws.
   *
   * @param before The version before it.
   * @param meta The facts about the file after it.
   * @param records Its records, valid during the call; undefined without a journal.
   * @param hasBypassed Whether a record may name a page that is in the file already.
   */
  add(
    before: Version,
    meta: MetaFields,
    records: Uint8Array | undefined,
    hasBypassed: boolean,
  ): void {
    if (this.#isLost) return;
    if (records === undefined || before !== this.#last) return this.lose();
    const bytes = records.length + COMMIT_BYTES;
    if (this.bytes + bytes > this.#bytesMax) return this.lose();
    try {
      const copied = new Meta();
      copied.assign(meta);
      const own = records.slice();
      const snapshot = hasBypassed ? this.#snapshots.beginState(false) : undefined;
      const joined = meta.version - before - 1;
      this.#commits.push({ meta: copied, time: this.#now(), joined, records: own, snapshot });
      this.bytes += bytes;
      this.#last = meta.version;
    } catch {
      // Memory ran out. The commit is complete, and must not fail.
      this.lose();
    }
  }

  /** Takes the commits up to a version out of the queue; `release` must follow. */
  take(upTo: Version): readonly QueuedCommit[] {
    assert(this.#taken.length === 0, "commits are released before others are taken");
    let count = 0;
    while (count < this.#commits.length && this.#commits[count]!.meta.version <= upTo) count++;
    return this.#taken = this.#commits.splice(0, count);
  }

  /** Lets go of the commits that were taken last. */
  release(): void {
    const taken = this.#taken;
    this.#taken = [];
    this.#drop(taken);
  }

  #drop(commits: readonly QueuedCommit[]): void {
    for (const { records, snapshot } of commits) {
      this.bytes -= records.length + COMMIT_BYTES;
      if (snapshot !== undefined) this.#snapshots.endState(snapshot);
    }
  }

  /** Forgets all commits, and takes no others until it restarts. */
  lose(): void {
    if (this.#isLost) return;
    this.losses++;
    this.#lostSince = this.oldest ?? this.#now();
    this.stop();
  }

  /** As `lose`, at the end of the archive. */
  stop(): void {
    this.#isLost = true;
    this.#clear();
  }

  /** Starts again after the last commit. */
  restart(from: Version): void {
    this.#clear();
    this.#isLost = false;
    this.#lostSince = undefined;
    this.#last = from;
  }

  #clear(): void {
    const commits = this.#commits;
    this.#commits = [];
    this.#drop(commits);
  }
}
