/**
 * The live snapshots, and the items kept for them: images of pages, and pages that were given back.
 *
 * An item was current from one version (`Kept.from`) until a later one replaced it. Each item
 * belongs to the newest snapshot that sees it. When that snapshot ends, its items pass to the
 * snapshot before it, except those that the older one does not see: these are released. So the end
 * of a snapshot costs what it releases, however many snapshots are live and however many items are
 * kept.
 *
 * Invariants:
 * 1. Snapshots are in the order in which they began, so their versions never decrease.
 * 2. An item that is kept when a commit replaces it is seen by the newest snapshot, unless it was
 *    written after that snapshot. One that is found later may be seen by older ones only.
 * 3. A snapshot that drains is never ended to bound memory: its owner takes the items that it needs
 *    elsewhere, and gives them up by `drain`.
 * 4. The items of a snapshot are a leftist heap with the highest `from` at its root: an item has at
 *    most two children, none with a higher `from`, and `rank` is the length of its right spine,
 *    the shortest path to a missing child.
 *
 * It does not know what an item is, and reads no file.
 */

import { assert } from "../format/assert.ts";
import type { Version } from "../format/units.ts";
import type { LiveSnapshots } from "../journal/commit_hooks.ts";

/** Lower than any version. */
const NO_VERSION = -1;

/** An item that is kept while a live snapshot sees it. */
export abstract class Kept {
  /** The version that wrote it: older snapshots do not see it. */
  abstract readonly from: Version;
  /** A child in the heap of its snapshot. */
  left: Kept | undefined = undefined;
  /** The other child, of the same rank as `left` or a lower one. */
  right: Kept | undefined = undefined;
  /** The number of items on the shortest path to a missing child. */
  rank = 1;

  /** Called when the last live snapshot that saw it ends. It neither reads a file nor throws. */
  abstract unseen(): void;
}

/** A live snapshot. */
export interface SnapshotState {
  /** The version that it sees. */
  readonly version: Version;
  /** The time it was taken, in milliseconds of `performance.now`. */
  readonly since: number;
  /** Whether it was ended to bound memory. */
  isTooOld: boolean;
  /** Whether its owner drains its items, instead of being ended to bound memory. */
  readonly drains: boolean;
  /** The live snapshot that began before it. */
  previous: SnapshotState | undefined;
  /** The live snapshot that began after it. */
  next: SnapshotState | undefined;
  /** The heap of its items, of which it is the newest snapshot. */
  kept: Kept | undefined;
  /** The object that reads it, until it is registered or closed; `SnapshotOwner` sets it. */
  unregistered: object | undefined;
  /** Whether the garbage collector ends it. */
  isRegistered: boolean;
}

/** The live snapshots, and the items kept for them. */
export class SnapshotList implements LiveSnapshots {
  /** The number of live snapshots. */
  snapshotCount = 0;
  /** The oldest live snapshot. */
  oldest: SnapshotState | undefined;
  /** The visits of items so far, a measure of the work. */
  visits = 0;

  #newest: SnapshotState | undefined;
  /** Live snapshots that were closed, and will end between transactions. */
  readonly #closed: SnapshotState[] = [];

  /**
   * Begins a snapshot of the last commit.
   *
   * @param drains Whether its owner drains its items, instead of being ended to bound memory.
   */
  begin(version: Version, drains = false): SnapshotState {
    const previous = this.#newest;
    assert(
      previous === undefined || previous.version <= version,
      "a snapshot is of the last commit",
    );
    const since = performance.now();
    const snapshot: SnapshotState = {
      version,
      since,
      isTooOld: false,
      drains,
      previous,
      next: undefined,
      kept: undefined,
      unregistered: undefined,
      isRegistered: false,
    };
    if (previous === undefined) this.oldest = snapshot;
    else previous.next = snapshot;
    this.#newest = snapshot;
    this.snapshotCount++;
    return snapshot;
  }

  /** Marks a snapshot as closed; it ends with the next `endClosed`. */
  close(snapshot: SnapshotState): void {
    this.#closed.push(snapshot);
  }

  /**
   * Ends the closed snapshots. Must be called between transactions: a rollback uses the images that
   * the open transaction kept for them.
   *
   * @returns Whether a snapshot was closed.
   */
  endClosed(): boolean {
    if (this.#closed.length === 0) return false;
    for (const snapshot of this.#closed) if (!snapshot.isTooOld) this.#end(snapshot);
    this.#closed.length = 0;
    return true;
  }

  /**
   * Ends the oldest snapshot that does not drain, to bound memory. Its owner still closes it.
   *
   * @returns Whether ending another one may help: there is one, and the items of this one did not
   * pass to a snapshot that drains.
   */
  endOldest(): boolean {
    let { oldest } = this;
    while (oldest?.drains) oldest = oldest.next;
    if (oldest === undefined) return false;
    const { previous } = oldest;
    oldest.isTooOld = true;
    this.#end(oldest);
    return previous === undefined;
  }

  /** Ends the snapshots of versions before one, except those that drain. */
  endBefore(version: number): void {
    for (let snapshot = this.oldest; snapshot !== undefined && snapshot.version < version;) {
      const { next } = snapshot;
      if (!snapshot.drains) {
        snapshot.isTooOld = true;
        this.#end(snapshot);
      }
      snapshot = next;
    }
  }

  /** Calls a function for each item of a snapshot, of which it is the newest snapshot. */
  each(snapshot: SnapshotState, visit: (kept: Kept) => void): void {
    const pending = snapshot.kept === undefined ? [] : [snapshot.kept];
    for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
      visit(node);
      if (node.left !== undefined) pending.push(node.left);
      if (node.right !== undefined) pending.push(node.right);
    }
  }

  /** Takes its items from a live snapshot, as its end would. From then on it cannot see them. */
  drain(snapshot: SnapshotState): void {
    const { previous, kept } = snapshot;
    snapshot.kept = undefined;
    this.#passOn(kept, previous);
  }

  /** Whether a live snapshot sees the current bytes of a page that `version` wrote. */
  seesLatest(version: Version): boolean {
    return this.#newest !== undefined && this.#newest.version >= version;
  }

  /**
   * Keeps an item that the last commit replaced, if a live snapshot sees it.
   *
   * @returns Whether it is kept. If not, `unseen` is not called.
   */
  keep(kept: Kept): boolean {
    const newest = this.#newest;
    if (newest === undefined || newest.version < kept.from) return false;
    newest.kept = this.#meld(newest.kept, kept);
    return true;
  }

  /**
   * Keeps an item that was found later than the commit that replaced it.
   *
   * @param until The version of that commit.
   * @returns Whether a live snapshot sees it, so that it is kept. If not, `unseen` is not called.
   */
  keepFound(kept: Kept, until: Version): boolean {
    let snapshot = this.#newest;
    while (snapshot !== undefined && snapshot.version >= until) snapshot = snapshot.previous;
    if (snapshot === undefined || snapshot.version < kept.from) return false;
    snapshot.kept = this.#meld(snapshot.kept, kept);
    return true;
  }

  #end(snapshot: SnapshotState): void {
    const { previous, next, kept } = snapshot;
    if (previous === undefined) this.oldest = next;
    else previous.next = next;
    if (next === undefined) this.#newest = previous;
    else next.previous = previous;
    this.snapshotCount--;
    snapshot.previous = snapshot.next = snapshot.kept = undefined;
    this.#passOn(kept, previous);
  }

  /** Gives items to the snapshot before theirs, and releases those that it does not see. */
  #passOn(kept: Kept | undefined, previous: SnapshotState | undefined): void {
    const seen = this.#release(kept, previous?.version ?? NO_VERSION);
    if (previous !== undefined) previous.kept = this.#meld(previous.kept, seen);
  }

  /** Releases the items written after a version. Returns the heap of the rest. */
  #release(heap: Kept | undefined, version: Version): Kept | undefined {
    if (heap === undefined) return undefined;
    let seen: Kept | undefined;
    const pending = [heap];
    for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
      this.visits++;
      if (node.from <= version) {
        seen = this.#meld(seen, node);
        continue;
      }
      if (node.left !== undefined) pending.push(node.left);
      if (node.right !== undefined) pending.push(node.right);
      node.left = node.right = undefined;
      node.unseen();
    }
    return seen;
  }

  /** Merges two heaps, each of which may be empty. */
  #meld(one: Kept | undefined, other: Kept | undefined): Kept | undefined {
    if (one === undefined) return other;
    if (other === undefined) return one;
    return this.#meldBoth(one, other);
  }

  #meldBoth(one: Kept, other: Kept): Kept {
    if (one.from < other.from) return this.#meldBoth(other, one);
    this.visits++;
    const child = one.right === undefined ? other : this.#meldBoth(one.right, other);
    const { left } = one;
    const isLower = left === undefined || left.rank < child.rank;
    one.left = isLower ? child : left;
    one.right = isLower ? left : child;
    one.rank = (one.right?.rank ?? 0) + 1;
    return one;
  }
}
