/**
 * The commits that wait for one watcher, as bytes: bounded, first in, first out.
 *
 * A change is noted while its transaction is open, waits from the commit until the medium has it,
 * and from then on until it is taken. All of these count against the bound. A commit that does not
 * fit is lost, so the queue takes none after it: what it gives out has no gaps.
 *
 * Invariants:
 * 1. Versions rise from the head to the tail.
 * 2. No more changes than the bound wait, and `#waiting` counts them, noted ones too.
 *
 * It does not know whose transaction is open; `ChangeFeed` does.
 */

import { compareKeys } from "../../btree/mod.ts";
import type { RawChange, RawCommit } from "./change.ts";

/** Which changes a queue takes. */
export interface QueueScope {
  /** Of the tree of this name. */
  readonly tree: string;
  /** Of keys that are not below this. */
  readonly lower: Uint8Array | undefined;
  /** Of keys below this. */
  readonly upper: Uint8Array | undefined;
}

interface Link {
  readonly commit: RawCommit;
  next: Link | undefined;
}

/** The commits that wait for one watcher. */
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
  /** Whether a change of the open transaction did not fit. It is the last one noted. */
  #misses = false;
  #overflowed = false;
  #ended = false;

  /**
   * An empty queue.
   *
   * @param scope Which changes it takes.
   * @param changesMax How many may wait.
   * @param wake Called when there may be something to take, or nothing any more.
   */
  constructor({ tree, lower, upper }: QueueScope, changesMax: number, wake: () => void) {
    this.tree = tree;
    this.#lower = lower;
    this.#upper = upper;
    this.#changesMax = changesMax;
    this.#wake = wake;
  }

  /** Whether a change of a key is to be noted here. */
  wantsKey(key: Uint8Array, length: number): boolean {
    if (!this.wantsAll) return false;
    const [lower, upper] = [this.#lower, this.#upper];
    if (lower !== undefined && compareKeys(key, length, lower, lower.length) < 0) return false;
    return upper === undefined || compareKeys(key, length, upper, upper.length) < 0;
  }

  /** Whether a change of keys from `lower` on and below `upper` is to be noted here. */
  wantsRange(lower: Uint8Array | undefined, upper: Uint8Array | undefined): boolean {
    return this.wantsAll && hasRoom(this.#lower, this.#upper) && hasRoom(lower, this.#upper) &&
      hasRoom(this.#lower, upper);
  }

  /** Whether a change of the whole tree is to be noted here. */
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

  /** Forgets what was noted last. */
  retract(): void {
    if (this.#misses) {
      this.#misses = false;
    } else {
      this.#noted.pop();
      this.#waiting--;
    }
  }

  /** Makes a commit of what was noted, if anything was. */
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

  /** Lets commits up to a version be taken. */
  deliver(durableVersion: number): void {
    this.#durableVersion = durableVersion;
    this.#wake();
  }

  /** The oldest commit that is durable, or undefined: there is none now. */
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

  /** Whether what it holds is all that can ever be taken. */
  get isComplete(): boolean {
    if (this.#ended) return true;
    const isDurable = this.#tail === undefined || this.#tail.commit.version <= this.#durableVersion;
    return this.#overflowed && isDurable;
  }

  /** Whether nothing can be taken any more. */
  get isOver(): boolean {
    if (!this.isComplete) return false;
    return this.#head === undefined || this.#head.commit.version > this.#durableVersion;
  }

  /** Takes nothing more: what is not durable now never will be. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** Gives up all that waits. */
  clear(): void {
    this.#ended = true;
    this.#head = this.#tail = undefined;
  }
}

/** Whether there can be keys from a bound on and below another. */
function hasRoom(lower: Uint8Array | undefined, upper: Uint8Array | undefined): boolean {
  if (upper === undefined) return true;
  return lower === undefined
    ? upper.length > 0
    : compareKeys(lower, lower.length, upper, upper.length) < 0;
}
