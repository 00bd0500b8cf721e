/**
 * The change feed: takes what transactions change to the queues of those who watch.
 *
 * A change is noted when it is made, with copies of its bytes, by every queue that wants it.
 * Savepoints mark how much had been noted, and a rollback takes back what came after. The outermost
 * commit gives what is left its version; `deliver` lets it be taken once that version is durable.
 *
 * Invariants:
 * 1. `#noted` names, for each change that some queue has noted of the open transaction, that queue,
 *    in the order of noting.
 * 2. Where nobody watches, noting does no more than look at the size of a map.
 *
 * It does not know who reads the queues, nor what the bytes mean.
 */

import type { WatchQueue } from "./watch_queue.ts";
import type { RawChange } from "./change.ts";
import { copyOf } from "../read/copy.ts";

/** Takes what transactions change to those who watch. */
export class ChangeFeed {
  /** The queues by the tree they are for. */
  readonly #queues = new Map<string, Set<WatchQueue>>();
  readonly #noted: WatchQueue[] = [];
  /** How much had been noted when each open savepoint began. */
  readonly #savepoints: number[] = [];

  /** How many queues there are. */
  get size(): number {
    let size = 0;
    for (const queues of this.#queues.values()) size += queues.size;
    return size;
  }

  /** Fills a queue from now on; between transactions only, so that it gets whole commits. */
  add(queue: WatchQueue): void {
    const queues = this.#queues.get(queue.tree);
    if (queues === undefined) this.#queues.set(queue.tree, new Set([queue]));
    else queues.add(queue);
  }

  /** Fills a queue no more. */
  remove(queue: WatchQueue): void {
    const queues = this.#queues.get(queue.tree);
    if (queues?.delete(queue) && queues.size === 0) this.#queues.delete(queue.tree);
  }

  /** Notes that a key, of some length, gets a value. The bytes are copied. */
  noteSet(tree: string, key: Uint8Array, length: number, value: Uint8Array): void {
    if (this.#queues.size === 0) return;
    for (const queue of this.#queuesOf(tree)) {
      if (!queue.wantsKey(key, length)) continue;
      this.#note(queue, { type: "set", key: copyOf(key, length), value: copyOf(value) });
    }
  }

  /** Notes that an entry is removed. The bytes are copied. */
  noteDelete(tree: string, key: Uint8Array, length: number): void {
    if (this.#queues.size === 0) return;
    for (const queue of this.#queuesOf(tree)) {
      if (!queue.wantsKey(key, length)) continue;
      this.#note(queue, { type: "delete", key: copyOf(key, length) });
    }
  }

  /**
   * Notes that the entries of a range are removed.
   *
   * @param tree The tree.
   * @param range As it was given.
   * @param bounds The same in bytes.
   * @param count How many there were; none is no change.
   */
  noteDeleteRange(
    tree: string,
    range: object,
    bounds: { readonly lower: Uint8Array | undefined; readonly upper: Uint8Array | undefined },
    count: number,
  ): void {
    if (this.#queues.size === 0 || count === 0) return;
    for (const queue of this.#queuesOf(tree)) {
      if (!queue.wantsRange(bounds.lower, bounds.upper)) continue;
      // The object is the caller's, who may use it again.
      this.#note(queue, { type: "deleteRange", range: { ...range }, count });
    }
  }

  /** Notes that entries are loaded, how many; none is no change. */
  noteLoad(tree: string, count: number): void {
    if (this.#queues.size === 0 || count === 0) return;
    this.#noteAll(tree, { type: "load", count });
  }

  /** Notes that a tree is dropped. */
  noteDrop(tree: string): void {
    if (this.#queues.size === 0) return;
    this.#noteAll(tree, { type: "drop" });
  }

  /** Notes that a tree is renamed, for those who watch either name. */
  noteRename(from: string, to: string): void {
    if (this.#queues.size === 0) return;
    this.#noteAll(from, { type: "rename", from, to });
    this.#noteAll(to, { type: "rename", from, to });
  }

  #noteAll(tree: string, change: RawChange): void {
    for (const queue of this.#queuesOf(tree)) {
      if (queue.wantsAll) this.#note(queue, change);
    }
  }

  #note(queue: WatchQueue, change: RawChange): void {
    queue.note(change);
    this.#noted.push(queue);
  }

  #queuesOf(tree: string): Iterable<WatchQueue> {
    return this.#queues.get(tree) ?? [];
  }

  /** Begins a transaction, or a savepoint in the open one. */
  begin(): void {
    this.#savepoints.push(this.#noted.length);
  }

  /** Ends the innermost savepoint, or the transaction, and takes back what was noted in it. */
  rollback(): void {
    const before = this.#savepoints.pop()!;
    while (this.#noted.length > before) this.#noted.pop()!.retract();
  }

  /**
   * Ends the innermost savepoint, or the transaction, and keeps what was noted in it.
   *
   * @param version The version that the transaction made, if it has ended.
   */
  commit(version: number): void {
    this.#savepoints.pop();
    if (this.#savepoints.length > 0 || this.#noted.length === 0) return;
    for (const queue of this.#noted.splice(0)) queue.commit(version);
  }

  /** Lets commits be taken up to a version: they are durable. Between transactions only. */
  deliver(durableVersion: number): void {
    if (this.#queues.size === 0) return;
    for (const queues of this.#queues.values()) {
      for (const queue of queues) {
        queue.deliver(durableVersion);
        if (queue.isComplete) this.remove(queue);
      }
    }
  }

  /** Ends all queues: what is not durable now never will be. */
  close(): void {
    for (const queues of this.#queues.values()) {
      for (const queue of queues) queue.end();
    }
    this.#queues.clear();
  }
}
