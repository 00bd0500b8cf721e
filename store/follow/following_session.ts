/**
 * The session of a followed database: it moves on to newer commits of another process at the first
 * use in a turn of the event loop, and lets reads begin anew whose pages that process replaced.
 *
 * Within a turn all uses see one version, unless a read had to begin anew.
 */

import { setImmediate } from "node:timers";
import { assert, type Durability, type Following, type Pager } from "../../pager/mod.ts";
import type { FoundTree, Steps } from "../read/tree_source.ts";
import { Session } from "../write/session.ts";
import { FollowedSteps } from "./followed_steps.ts";

/** The session of a followed database. */
export class FollowingSession extends Session {
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

  override get epoch(): number {
    this.#beginTurn();
    return super.epoch;
  }

  override checkOpen(): void {
    super.checkOpen();
    this.#beginTurn();
  }

  override get version(): number {
    this.#beginTurn();
    return super.version;
  }

  /** Moves on to the newest commit that is on the medium, in the middle of a turn. */
  refresh(): void {
    if (this.#follower.refresh()) this.treesChanged();
  }

  #beginTurn(): void {
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
  restart(error: unknown, tries: number): void {
    this.#follower.restart(error, tries);
    this.treesChanged();
  }

  override read<T>(body: () => T): T {
    for (let tries = 0;; tries++) {
      try {
        return body();
      } catch (error) {
        this.restart(error, tries);
      }
    }
  }

  override refuseFollowed(action: string): void {
    throw new TypeError(`Cannot ${action}: the database was opened to follow it`);
  }

  override findTree(name: string): FoundTree | undefined {
    return this.read(() => super.findTree(name));
  }

  /** Steps whose first one may begin anew. */
  readonly stepsOf = (make: () => Steps): Steps => new FollowedSteps(make, this);
}
