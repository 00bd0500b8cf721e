/**
 * The queue of a watcher: waiting commits, as bytes, bounded, first in, first out.
 *
 * A change is noted while its transaction is open. It then waits until the commit is durable, and
 * after that until it is taken. All these changes count against the bound. A commit fits if no
 * other waits, whatever its size, so that a reader that keeps up loses none. A commit that does not
 * fit is lost, and the queue takes none after it, so its output has no gaps.
 *
 * Invariants:
 * 1. Versions rise from the head to the tail.
 * 2. At most as many changes as the bound wait, or those of one commit; `#waiting` counts them,
 *    noted ones included.
 *
 * It does not track transactions and savepoints; `ChangeFeed` does.
 */

import type { RawChange, RawCommit } from "./change.ts";
import type { KeySpan } from "./range_index.ts";

/** The scope of the changes that a queue takes: a range of keys of a tree. */
export interface QueueScope extends KeySpan {
  /** The name of the tree. */
  readonly tree: string;
}

interface Link {
  readonly commit: RawCommit;
  next: Link | undefined;
}

/** The queue of a watcher. */
export class WatchQueue {
  /** The scope of the changes that it takes. */
  readonly scope: QueueScope;
  readonly #changesMax: number;
  readonly #wake: () => void;
  #noted: RawChange[] = [];
  #head: Link | undefined;
  #tail: Link | undefined;
  #waiting = 0;
  #durableVersion = 0;
  /** Whether the change of the open transaction that was noted last did not fit. */
  #misses = false;
  #overflowed = false;
  #ended = false;
  #failure: { readonly error: unknown } | undefined;

  /**
   * Creates an empty queue.
   *
   * @param scope The scope of its changes.
   * @param changesMax The bound on waiting changes.
   * @param wake Called when a commit may be taken, or the queue has ended.
   */
  constructor(scope: QueueScope, changesMax: number, wake: () => void) {
    this.scope = scope;
    this.#changesMax = changesMax;
    this.#wake = wake;
  }

  /** Whether the queue takes changes. */
  get isOpen(): boolean {
    return !this.#misses && !this.#overflowed && !this.#ended;
  }

  /** Notes a change of the open transaction. */
  note(change: RawChange): void {
    const isFirst = this.#waiting === this.#noted.length;
    if (this.#waiting >= this.#changesMax && !isFirst) {
      this.#misses = true;
    } else {
      this.#noted.push(change);
      this.#waiting++;
    }
  }

  /** Retracts the change noted last. */
  retract(): void {
    if (this.#misses) {
      this.#misses = false;
    } else {
      this.#noted.pop();
      this.#waiting--;
    }
  }

  /** Turns the noted changes, if any, into a commit; discards them if the queue has ended. */
  commit(version: number): void {
    if (this.#misses) return this.#overflow();
    if (this.#noted.length === 0) return;
    if (this.#ended) return this.#forgetNoted();
    const link = { commit: { version, changes: this.#noted }, next: undefined };
    if (this.#tail === undefined) this.#head = link;
    else this.#tail.next = link;
    this.#tail = link;
    this.#noted = [];
  }

  #overflow(): void {
    this.#overflowed = true;
    this.#misses = false;
    this.#forgetNoted();
  }

  #forgetNoted(): void {
    this.#waiting -= this.#noted.length;
    this.#noted = [];
  }

  /** Releases commits up to a version. */
  deliver(durableVersion: number): void {
    this.#durableVersion = durableVersion;
    this.#wake();
  }

  /** Takes the oldest durable commit, or undefined if there is none. */
  take(): RawCommit | undefined {
    const link = this.#head;
    if (link === undefined || link.commit.version > this.#durableVersion) return undefined;
    this.#head = link.next;
    if (this.#head === undefined) this.#tail = undefined;
    this.#waiting -= link.commit.changes.length;
    return link.commit;
  }

  /** Whether a commit was lost because too many changes waited. */
  get overflowed(): boolean {
    return this.#overflowed;
  }

  /** Whether all its commits are released. */
  get isDelivered(): boolean {
    return this.#tail === undefined || this.#tail.commit.version <= this.#durableVersion;
  }

  /** Whether the commits that it holds are the last ones. */
  get isComplete(): boolean {
    return this.#ended || (this.#overflowed && this.isDelivered);
  }

  /** Whether the queue has ended and is empty. */
  get isOver(): boolean {
    if (!this.isComplete) return false;
    return this.#head === undefined || this.#head.commit.version > this.#durableVersion;
  }

  /** Ends the queue: commits that are not durable yet never will be. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** Ends the queue with an error, after the commits that are durable. */
  fail(error: unknown): void {
    this.#failure = { error };
    this.end();
  }

  /** The error that has ended the queue. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  /** Discards all waiting commits. */
  clear(): void {
    this.#ended = true;
    this.#head = this.#tail = undefined;
  }
}
