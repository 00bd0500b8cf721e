/**
 * What a holder of the write lock does while others may wait for it: whether it waits for the
 * medium with the lock, and whether it keeps the lock after a commit.
 *
 * It waits if nobody else does; and in its turn, if syncs are short. Long syncs should overlap
 * those of others. It does not keep the lock while it computes: after a long gap between two
 * commits some commits do not keep the lock, the more the more often that happens. One gap alone
 * shows only that the system gave the processor to somebody else.
 */

/** A hold does not wait for syncs that take longer, in milliseconds. */
const LONG_SYNC_MS = 0.5;
/** The estimate is the shortest sync; each longer one raises it by this factor at most. */
const GROWTH = 1.1;
/** A gap between two commits of a hold that is longer has kept others waiting, in milliseconds. */
const LONG_GAP_MS = 2;
/** The most commits that do not keep the lock after such a gap; the first time it is one. */
const UNKEPT_MAX = 64;
/** After this many short gaps in a row, half as many commits do not keep it the next time. */
const SHORT_GAPS = 32;

/** What the policy asks of the write lock. */
interface HeldLock {
  /** Whether somebody waited for it lately. */
  readonly isContended: boolean;
  /** Whether the hold may go on, whoever waits. */
  readonly isInTurn: boolean;
}

/** The policy of a holder of the write lock. */
export class HoldPolicy {
  readonly #lock: HeldLock;
  readonly #now: () => number;
  /** The least time of the last syncs, in milliseconds: others' syncs make some longer. */
  #syncMs = LONG_SYNC_MS;
  #keptAt = 0;
  /** The commits before the lock is kept again. */
  #unkept = 0;
  /** What these are after the next long gap. */
  #nextUnkept = 1;
  /** The short gaps since the last long one, or since that number was halved. */
  #shortGaps = 0;

  /**
   * The policy of a lock.
   *
   * @param lock The lock.
   * @param now The clock, in milliseconds.
   */
  constructor(lock: HeldLock, now: () => number = () => performance.now()) {
    this.#lock = lock;
    this.#now = now;
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
    this.#keptAt = this.#now();
  }

  /** Notes that a kept lock is used again, or given up. */
  noteGap(): void {
    if (this.#now() - this.#keptAt > LONG_GAP_MS) {
      this.#unkept = this.#nextUnkept;
      this.#nextUnkept = Math.min(UNKEPT_MAX, 2 * this.#nextUnkept);
      this.#shortGaps = 0;
    } else if (++this.#shortGaps === SHORT_GAPS) {
      this.#nextUnkept = Math.max(1, this.#nextUnkept / 2);
      this.#shortGaps = 0;
    }
  }

  /** Notes the milliseconds that a sync took. */
  noteSync(ms: number): void {
    this.#syncMs = Math.min(ms, this.#syncMs * GROWTH);
  }
}
