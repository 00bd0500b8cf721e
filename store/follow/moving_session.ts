/**
 * A session whose file other processes may write: at the first use in a turn of the event loop it
 * moves on to what they have committed, and reads begin anew whose pages they have replaced.
 *
 * How it moves on is for the sessions that extend it.
 */

import type { FoundTree, Steps } from "../read/tree_source.ts";
import { Session } from "../write/session.ts";
import { FollowedSteps } from "./followed_steps.ts";

/** A session whose file other processes may write. */
export abstract class MovingSession extends Session {
  /** Moves on, at most once in a turn of the event loop. */
  protected abstract beginTurn(): void;

  /**
   * After an error of a read: refreshes, so that the read can begin anew.
   *
   * @param tries The tries before this one.
   * @throws {unknown} The error, if no other process has caused it.
   */
  abstract restart(error: unknown, tries: number): void;

  override get epoch(): number {
    this.beginTurn();
    return super.epoch;
  }

  override checkOpen(): void {
    super.checkOpen();
    this.beginTurn();
  }

  override get version(): number {
    this.beginTurn();
    return super.version;
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

  override findTree(name: string): FoundTree | undefined {
    return this.read(() => super.findTree(name));
  }

  /** Steps whose first one may begin anew. */
  readonly stepsOf = (make: () => Steps): Steps => new FollowedSteps(make, this);
}
