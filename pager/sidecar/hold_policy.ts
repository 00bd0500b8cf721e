/**
 * What a holder of the write lock does while others may wait for it: whether it waits for the
 * medium with the lock, and whether it keeps the lock after a commit.
 *
 * It waits if nobody else does; and in its turn, if syncs are short. Long syncs should overlap
 * those of others. It does not keep the lock while it computes.
 */

import type { WriteLock } from "./write_lock.ts";

/** A hold does not wait for syncs that take longer, in milliseconds. */
const LONG_SYNC_MS = 0.5;
/** The estimate is the shortest sync; each longer one raises it by this factor at most. */
const GROWTH = 1.1;
/** A gap between two commits of a hold that is longer has kept others waiting, in milliseconds. */
const LONG_GAP_MS = 2;
/** After such a gap the lock is not kept for this many commits. */
const LONG_GAP_COMMITS = 64;

/** The policy of a holder of the write lock. */
export class HoldPolicy {
  readonly #lock: WriteLock;
  /** The least time of the last syncs, in milliseconds: others' syncs make some longer. */
  #syncMs = LONG_SYNC_MS;
  #keptAt = 0;
  /** The commits before the lock is kept again. */
  #unkept = 0;

  /** The policy of a lock. */
  constructor(lock: WriteLock) {
    this.#lock = lock;
  }

  /** Whether a commit waits for the medium under the lock. */
  get waits(): boolean {
    if (!this.#lock.isContended) return true;
    return this.#lock.isInTurn && this.#unkept === 0 && this.#syncMs < LONG_SYNC_MS;
  }

  /** Notes a commit; whether the lock may be kept after it. */
  noteCommit(): boolean {
    if (this.#unkept === 0) return true;
    this.#unkept--;
    return false;
  }

  /** Notes that the lock is kept after a commit. */
  noteKept(): void {
    this.#keptAt = performance.now();
  }

  /** Notes that a kept lock is used again, or given up. */
  noteGap(): void {
    if (performance.now() - this.#keptAt > LONG_GAP_MS) this.#unkept = LONG_GAP_COMMITS;
  }

  /** Notes the milliseconds that a sync took. */
  noteSync(ms: number): void {
    this.#syncMs = Math.min(ms, this.#syncMs * GROWTH);
  }
}
