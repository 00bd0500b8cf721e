/**
 * The change feed: delivers the changes of transactions to the queues of watchers.
 *
 * Each interested queue notes a change when it happens, with copies of its bytes. An index of the
 * watched ranges of each tree finds these queues. Savepoints mark the number of noted changes, and
 * a rollback retracts later ones. The outermost commit assigns its version to the remaining
 * changes; `deliver` releases them once that version is durable.
 *
 * Invariants:
 * 1. `#noted` holds, for each noted change of the open transaction, its queue, in order.
 * 2. `#undelivered` holds every queue that has commits that are not released.
 * 3. A change, a commit and a delivery cost nothing for queues that they do not concern. Without
 *    watchers, noting only reads the size of a map.
 *
 * It does not know the readers of the queues, nor the meaning of the bytes.
 */

import { copyOf } from "../memory/copy.ts";
import type { RawChange } from "./change.ts";
import { type KeySpan, RangeIndex } from "./range_index.ts";
import type { WatchQueue } from "./watch_queue.ts";

const NO_QUEUES: readonly WatchQueue[] = [];

/** The queues of one tree. */
class TreeQueues {
  readonly all = new Set<WatchQueue>();
  /** The same queues by their ranges. */
  readonly ranges = new RangeIndex<WatchQueue>();

  add(queue: WatchQueue): void {
    this.all.add(queue);
    this.ranges.add(queue.scope, queue);
  }

  remove(queue: WatchQueue): void {
    if (this.all.delete(queue)) this.ranges.remove(queue.scope, queue);
  }
}

/** Delivers the changes of transactions to watchers. */
export class ChangeFeed {
  /** The queues by the name of their tree. */
  readonly #queues = new Map<string, TreeQueues>();
  readonly #noted: WatchQueue[] = [];
  /** The number of noted changes at the start of each open savepoint. */
  readonly #savepoints: number[] = [];
  readonly #undelivered = new Set<WatchQueue>();
  #durableVersion = 0;

  /** The number of queues. */
  get size(): number {
    let size = 0;
    for (const { all } of this.#queues.values()) size += all.size;
    return size;
  }

  /** The names of the trees that are watched. */
  trees(): string[] {
    return [...this.#queues.keys()];
  }

  /** Adds a queue; between transactions only, so that it receives whole commits. */
  add(queue: WatchQueue): void {
    const { tree } = queue.scope;
    const queues = this.#queues.get(tree) ?? new TreeQueues();
    queues.add(queue);
    this.#queues.set(tree, queues);
  }

  /** Removes a queue. */
  remove(queue: WatchQueue): void {
    const { tree } = queue.scope;
    const queues = this.#queues.get(tree);
    queues?.remove(queue);
    if (queues?.all.size === 0) this.#queues.delete(tree);
    this.#undelivered.delete(queue);
  }

  /** Notes that the value of a key is set. The bytes are copied. */
  noteSet(tree: string, key: Uint8Array, length: number, value: Uint8Array): void {
    if (this.#queues.size === 0) return;
    for (const queue of this.#queuesAt(tree, key, length)) {
      if (!queue.isOpen) continue;
      this.#note(queue, { type: "set", key: copyOf(key, length), value: copyOf(value) });
    }
  }

  /** Notes that an entry is removed. The bytes are copied. */
  noteDelete(tree: string, key: Uint8Array, length: number): void {
    if (this.#queues.size === 0) return;
    for (const queue of this.#queuesAt(tree, key, length)) {
      if (queue.isOpen) this.#note(queue, { type: "delete", key: copyOf(key, length) });
    }
  }

  /**
   * Notes that the entries of a range are removed.
   *
   * @param tree The tree.
   * @param range The range as given by the caller.
   * @param bounds The bounds of the range in bytes.
   * @param count The number of entries removed; 0 is not a change.
   */
  noteDeleteRange(
    tree: string,
    range: object,
    bounds: KeySpan,
    count: number,
  ): void {
    if (this.#queues.size === 0 || count === 0) return;
    const queues: WatchQueue[] = [];
    this.#queues.get(tree)?.ranges.findOverlaps(bounds, queues);
    for (const queue of queues) {
      if (queue.isOpen) this.#note(queue, { type: "deleteRange", range: ownRange(range), count });
    }
  }

  /** Notes that `count` entries are loaded; 0 is not a change. */
  noteLoad(tree: string, count: number): void {
    if (this.#queues.size === 0 || count === 0) return;
    this.#noteAll(tree, { type: "load", count });
  }

  /** Notes that a tree is dropped. */
  noteDrop(tree: string): void {
    if (this.#queues.size === 0) return;
    this.#noteAll(tree, { type: "drop" });
  }

  /** Notes that a tree is renamed, for watchers of either name. */
  noteRename(from: string, to: string): void {
    if (this.#queues.size === 0) return;
    this.#noteAll(from, { type: "rename", from, to });
    this.#noteAll(to, { type: "rename", from, to });
  }

  #noteAll(tree: string, change: RawChange): void {
    for (const queue of this.#queues.get(tree)?.all ?? []) {
      if (queue.isOpen) this.#note(queue, change);
    }
  }

  #note(queue: WatchQueue, change: RawChange): void {
    queue.note(change);
    this.#noted.push(queue);
  }

  /** The queues of a tree whose range contains a key. */
  #queuesAt(tree: string, key: Uint8Array, length: number): readonly WatchQueue[] {
    const queues = this.#queues.get(tree);
    if (queues === undefined) return NO_QUEUES;
    const found: WatchQueue[] = [];
    queues.ranges.findKey(key, length, found);
    return found;
  }

  /** Begins a transaction, or a savepoint of the open one. */
  begin(): void {
    this.#savepoints.push(this.#noted.length);
  }

  /** Ends the innermost savepoint, or the transaction, and retracts its changes. */
  rollback(): void {
    const before = this.#savepoints.pop()!;
    while (this.#noted.length > before) this.#noted.pop()!.retract();
  }

  /**
   * Ends the innermost savepoint, or the transaction, and keeps its changes.
   *
   * @param version The version of the transaction, if it has ended.
   */
  commit(version: number): void {
    this.#savepoints.pop();
    if (this.#savepoints.length > 0 || this.#noted.length === 0) return;
    for (const queue of this.#noted.splice(0)) {
      queue.commit(version);
      this.#undelivered.add(queue);
    }
  }

  /** Releases commits up to a durable version. Between transactions only. */
  deliver(durableVersion: number): void {
    if (durableVersion === this.#durableVersion) return;
    this.#durableVersion = durableVersion;
    for (const queue of this.#undelivered) {
      queue.deliver(durableVersion);
      if (queue.isComplete) this.remove(queue);
      else if (queue.isDelivered) this.#undelivered.delete(queue);
    }
  }

  /** Ends all queues with an error, after the commits that are released. */
  fail(error: unknown): void {
    for (const { all } of this.#queues.values()) {
      for (const queue of all) queue.fail(error);
    }
    this.#queues.clear();
    this.#undelivered.clear();
  }

  /** Ends all queues: commits that are not durable yet never will be. */
  close(): void {
    for (const { all } of this.#queues.values()) {
      for (const queue of all) queue.end();
    }
    this.#queues.clear();
    this.#undelivered.clear();
  }
}

/** A copy of a range: the caller owns the object and its bounds, and may reuse them. */
function ownRange(range: object): object {
  return Object.fromEntries(Object.entries(range).map(([name, bound]) => [name, ownBound(bound)]));
}

function ownBound(bound: unknown): unknown {
  if (bound instanceof Uint8Array) return copyOf(bound);
  return Array.isArray(bound) ? bound.map(ownBound) : bound;
}
