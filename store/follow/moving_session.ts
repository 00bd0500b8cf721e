/**
 * A session whose file other processes may write: at the first use in a turn of the event loop it
 * moves on to what they have committed, and reads begin anew whose pages they have replaced.
 *
 * How it moves on is for the sessions that extend it.
 */

import type { ChangedPages } from "../../pager/mod.ts";
import type { FoundTree, Steps } from "../read/tree_source.ts";
import { Session } from "../write/session.ts";
import { FollowedSteps } from "./followed_steps.ts";
import { Heartbeat } from "./heartbeat.ts";
import { RemoteChanges } from "./remote_changes.ts";

/** A session whose file other processes may write. */
export abstract class MovingSession extends Session {
  /** Tells watchers what other processes have committed. */
  protected readonly remote: RemoteChanges = new RemoteChanges(this, (into) => this.collect(into));
  #heartbeat: Heartbeat | undefined;

  /** Moves on, at most once in a turn of the event loop. */
  protected abstract beginTurn(): void;

  /**
   * After an error of a read: refreshes, so that the read can begin anew.
   *
   * @param tries The tries before this one.
   * @throws {unknown} The error, if no other process has caused it.
   */
  abstract restart(error: unknown, tries: number): void;

  /** Begins to collect the pages that other processes change; undefined ends it. */
  protected abstract collect(into: ChangedPages | undefined): void;

  /** Takes over what other processes have committed, outside of any use. */
  protected abstract beatOnce(): void;

  /** Begins to take over commits also while nobody uses the database. */
  protected beginBeats(): void {
    this.#heartbeat ??= new Heartbeat({
      isWatched: () => this.remote.isWatched,
      beat: () => this.#beat(),
    });
  }

  #beat(): void {
    if (this.closed || this.pager.isClosed || this.pager.depth > 0) return;
    this.beatOnce();
    this.remote.tell();
  }

  /** A watcher was added. */
  watches(): void {
    this.remote.begin();
    this.beginBeats();
    this.#heartbeat?.hurry();
  }

  protected endBeats(): void {
    this.#heartbeat?.stop();
  }

  override close(): void {
    this.endBeats();
    super.close();
  }

  override async closeLater(): Promise<void> {
    this.endBeats();
    await super.closeLater();
  }

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
