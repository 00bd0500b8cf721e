/**
 * The copies of an open file that are being made, and what writers do for them.
 *
 * A copy shows one version while later ones are committed, so it needs the images of pages that
 * change before it has reached them. It does not wait for them in memory: before a transaction
 * begins, the copies take the images kept since the last time, once these exceed `DRAIN_BYTES`. So
 * a transaction waits for that many bytes, for the pages that the one before it replaced, and for
 * those that a newer snapshot, which has ended, leaves to a copy: up to `maxSnapshotBytes`.
 *
 * A copy of a shared file needs no images: it gives them up.
 *
 * An error of a copy never reaches the transaction: the copy keeps it for its own next step.
 */

import { BYPASSED, LogReader } from "../batch/log_record.ts";
import { assert } from "../format/assert.ts";
import type { CommitTap, TapHolder } from "../journal/commit_hooks.ts";
import type { VersionStore } from "../transaction/version_store.ts";
import { PacketEncoder } from "./commit_packets.ts";
import { CommitQueue } from "./commit_queue.ts";
import { CopyReader, type CopySource, type TakePage } from "./copy_reader.ts";
import type { History } from "./history.ts";

/** The bytes of images that are kept before copies take them. */
const DRAIN_BYTES = 1024 * 1024;

/** The copies of an open file. */
export class Copies {
  readonly #source: CopySource & { taps: TapHolder };
  readonly #versions: VersionStore;
  /** The copies that take images early, the oldest first. */
  readonly #draining: CopyReader[] = [];
  /** The bytes of images that remained when the copies took theirs last. */
  #remaining = 0;
  /** The queues of commits. */
  readonly #queues: CommitQueue[] = [];

  /**
   * Starts without a copy.
   *
   * @param source The parts of the pager that copies read.
   */
  constructor(source: CopySource & { taps: TapHolder }) {
    this.#source = source;
    this.#versions = source.versions;
  }

  /** The id of the database. */
  get databaseId(): Uint8Array {
    return this.#source.superblock.fields.databaseId;
  }

  /** The history of the database. */
  get history(): History {
    return this.#source.superblock.fields;
  }

  /** The bytes read from the file so far. */
  get bytesRead(): number {
    return this.#source.disk.figures.bytesRead;
  }

  /**
   * Begins a copy of the last commit, between transactions.
   *
   * @param take Takes a page before its turn, because it is about to be forgotten. Without it the
   * copy ends with `SnapshotTooOldError` when others need the memory.
   */
  begin(take?: TakePage): CopyReader {
    const { versionPages } = this.#source;
    // A pin keeps the pages of its version in place, and nothing has to be taken early.
    if (versionPages !== undefined) return versionPages.underLock(() => this.#begin(() => {}));
    return this.#begin(take);
  }

  #begin(take: TakePage | undefined): CopyReader {
    let copy: CopyReader | undefined = undefined;
    // A copy that cannot begin ends too.
    const ended = () => copy !== undefined && this.#ended(copy);
    copy = new CopyReader(this.#source, take, ended);
    if (take !== undefined) this.#draining.push(copy);
    return copy;
  }

  /**
   * Begins to queue commits for an archive or a stream, between transactions; `unfollow` ends it.
   *
   * @param now The time of a commit, in milliseconds since 1970; it never decreases.
   */
  follow(now: () => number): CommitQueue {
    const { taps, meta, snapshots } = this.#source;
    const queue = new CommitQueue(meta.version, snapshots, now);
    this.#queues.push(queue);
    taps.tap ??= this.#tap;
    return queue;
  }

  readonly #tap: CommitTap = {
    committed: (meta, log, from) => {
      const records = log?.bytes.subarray(from, log.length);
      const hasBypassed = log?.hasBypassed === true;
      for (const queue of this.#queues) queue.add(meta.version - 1, meta, records, hasBypassed);
    },
    takenOver: (before, meta, records) => {
      // The batch that begins an area has no commit.
      if (meta.version === before && records.length === 0) return;
      const own = namesBypassed(records) ? undefined : records;
      for (const queue of this.#queues) queue.add(before, meta, own, false);
    },
    missed: () => {
      for (const queue of this.#queues) queue.lose();
    },
  };

  /** Whether commits are queued for an archive or a stream. */
  get isFollowed(): boolean {
    return this.#queues.length > 0;
  }

  /** Ends the queue of commits. */
  unfollow(queue: CommitQueue): void {
    queue.stop();
    const index = this.#queues.indexOf(queue);
    assert(index >= 0, "a queue ends once");
    this.#queues.splice(index, 1);
    if (this.#queues.length === 0) this.#source.taps.tap = undefined;
  }

  /** Encodes queued commits. */
  encoder(): PacketEncoder {
    return new PacketEncoder(this.#source);
  }

  /** Lets the copies take images, if there are many. Call it before a transaction begins. */
  makeRoom(): void {
    if (this.#draining.length === 0) return;
    this.#remaining = Math.min(this.#remaining, this.#versions.bytes);
    if (this.#versions.bytes - this.#remaining > DRAIN_BYTES) this.#drain();
  }

  /** The newest copy first: what an older one sees too passes to that. */
  #drain(): void {
    for (const copy of this.#draining.toReversed()) copy.drain();
    this.#remaining = this.#versions.bytes;
  }

  #ended(copy: CopyReader): void {
    const index = this.#draining.indexOf(copy);
    if (index >= 0) this.#draining.splice(index, 1);
  }
}

/** Whether a record names a page that is in the file, where this process cannot keep it. */
function namesBypassed(records: Uint8Array): boolean {
  const reader = new LogReader();
  for (let at = 0; at < records.length;) {
    at = reader.read(records, at, records.length);
    if (reader.type === BYPASSED) return true;
  }
  return false;
}
