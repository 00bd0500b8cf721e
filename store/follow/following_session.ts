/**
 * The session of a followed database: it moves on to newer commits of another process at the first
 * use in a turn of the event loop, and lets reads begin anew whose pages that process replaced.
 *
 * Within a turn all uses see one version, unless a read had to begin anew.
 */

import { setImmediate } from "node:timers";
import {
  assert,
  type ChangedPages,
  CorruptionError,
  type Durability,
  type Following,
  IoError,
  type Pager,
} from "../../pager/mod.ts";
import { MovingSession } from "./moving_session.ts";

/** The session of a followed database. */
export class FollowingSession extends MovingSession {
  readonly #follower: Following;
  /** Whether it was refreshed in this turn of the event loop. */
  #isFresh = false;
  readonly #endTurn = () => void (this.#isFresh = false);

  /**
   * Creates the session of a pager that follows its file.
   *
   * @param pager The pager.
   * @param durability The default durability, which is of no effect.
   * @param debugViews Whether to overwrite expired views.
   */
  constructor(pager: Pager, durability: Durability = "sync", debugViews = false) {
    super(pager, durability, debugViews);
    assert(pager.follower !== undefined, "the pager follows its file");
    this.#follower = pager.follower;
  }

  /** Moves on to the newest commit that is on the medium, in the middle of a turn. */
  refresh(): void {
    if (this.#follower.refresh()) this.treesChanged();
  }

  protected override beginTurn(): void {
    if (this.#isFresh || this.closed) return;
    if (this.#follower.poll()) this.treesChanged();
    this.#isFresh = true;
    setImmediate(this.#endTurn);
  }

  /**
   * After an error of a read: refreshes, so that the read can begin anew.
   *
   * @param tries The tries before this one.
   * @throws {BusyError} They took too long.
   * @throws {unknown} The error, if no other process has caused it.
   */
  override restart(error: unknown, tries: number): void {
    this.#follower.restart(error, tries);
    this.treesChanged();
  }

  protected override collect(into: ChangedPages | undefined): void {
    this.#follower.collect(into);
  }

  /** A failure shows at the next use. */
  protected override beatOnce(): void {
    try {
      this.beginTurn();
    } catch (error) {
      if (!(error instanceof IoError) && !(error instanceof CorruptionError)) throw error;
    }
  }

  override refuseFollowed(action: string): void {
    throw new TypeError(`Cannot ${action}: the database was opened to follow it`);
  }
}
