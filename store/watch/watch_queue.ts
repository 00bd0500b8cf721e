/**
 * The queue of a watcher: waiting commits, as bytes, bounded, first in, first out.
 *
 * A change is noted while its transaction is open. It then waits until the commit is durable, and
 * after that until it is taken. All these changes count against the bound. A commit that does not
 * fit is lost, and the queue takes none after it, so its output has no gaps.
 *
 * Invariants:
 * 1. Versions rise from the head to the tail.
 * 2. At most as many changes as the bound wait; `#waiting` counts them, noted ones included.
 *
 * It does not track transactions and savepoints; `ChangeFeed` does.
 */

import { compareKeys } from "../../btree/mod.ts";
import type { RawChange, RawCommit } from "./change.ts";

/** The scope of the changes that a queue takes. */
export interface QueueScope {
  /** The name of the tree. */
  readonly tree: string;
  /** The lower bound of keys, inclusive. */
  readonly lower: Uint8Array | undefined;
  /** The upper bound of keys, exclusive. */
  readonly upper: Uint8Array | undefined;
}

interface Link {
  readonly commit: RawCommit;
  next: Link | undefined;
}

/** The queue of a watcher. */
export class WatchQueue {
  /** The tree whose changes it takes. */
  readonly tree: string;
  readonly #lower: Uint8Array | undefined;
  readonly #upper: Uint8Array | undefined;
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

  /**
   * Creates an empty queue.
   *
   * @param scope The scope of its changes.
   * @param changesMax The bound on waiting changes.
   * @param wake Called when a commit may be taken, or the queue has ended.
   */
  constructor({ tree, lower, upper }: QueueScope, changesMax: number, wake: () => void) {
    this.tree = tree;
    this.#lower = lower;
    this.#upper = upper;
    this.#changesMax = changesMax;
    this.#wake = wake;
  }

  /** Whether the queue takes a change of a key. */
  wantsKey(key: Uint8Array, length: number): boolean {
    if (!this.wantsAll) return false;
    const [lower, upper] = [this.#lower, this.#upper];
    if (lower !== undefined && compareKeys(key, length, lower, lower.length) < 0) return false;
    return upper === undefined || compareKeys(key, length, upper, upper.length) < 0;
  }

  /** Whether the queue takes a change of keys from `lower` to below `upper`. */
  wantsRange(lower: Uint8Array | undefined, upper: Uint8Array | undefined): boolean {
    return this.wantsAll && hasRoom(this.#lower, this.#upper) && hasRoom(lower, this.#upper) &&
      hasRoom(this.#lower, upper);
  }

  /** Whether the queue takes a change of the whole tree. */
  get wantsAll(): boolean {
    return !this.#misses && !this.#overflowed && !this.#ended;
  }

  /** Notes a change of the open transaction. */
  note(change: RawChange): void {
    if (this.#waiting === this.#changesMax) {
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

  /** Turns the noted changes, if any, into a commit. */
  commit(version: number): void {
    if (this.#misses) return this.#overflow();
    if (this.#noted.length === 0) return;
    const link = { commit: { version, changes: this.#noted }, next: undefined };
    if (this.#tail === undefined) this.#head = link;
    else this.#tail.next = link;
    this.#tail = link;
    this.#noted = [];
  }

  #overflow(): void {
    this.#overflowed = true;
    this.#misses = false;
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

  /** Whether the commits that it holds are the last ones. */
  get isComplete(): boolean {
    if (this.#ended) return true;
    const isDurable = this.#tail === undefined || this.#tail.commit.version <= this.#durableVersion;
    return this.#overflowed && isDurable;
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

  /** Discards all waiting commits. */
  clear(): void {
    this.#ended = true;
    this.#head = this.#tail = undefined;
  }
}

/** Whether keys can exist from `lower` to below `upper`. */
function hasRoom(lower: Uint8Array | undefined, upper: Uint8Array | undefined): boolean {
  if (upper === undefined) return true;
  return lower === undefined
    ? upper.length > 0
    : compareKeys(lower, lower.length, upper, upper.length) < 0;
}
