/**
 * The session of a database that other processes write too: it takes over what they have committed
 * at the first use in a turn of the event loop, and lets reads begin anew whose pages were
 * replaced.
 *
 * A transaction runs under the lock of the writer. So commits are flushed in line, and housekeeping
 * that takes its time, or relies on what it saw before, is left to a process that has the file
 * alone.
 */

import { assert, type Durability, type Pager, type Sharing } from "../../pager/mod.ts";
import { InLinePolicy } from "../write/flush_policy.ts";
import { Heartbeat } from "./heartbeat.ts";
import { MovingSession } from "./moving_session.ts";

/** The action that a shared database allows, of those that a followed one refuses. */
const CHECKPOINT = "take a checkpoint";

/** The session of a database that other processes write too. */
export class SharingSession extends MovingSession {
  readonly #sharing: Sharing;
  readonly #heartbeat: Heartbeat;

  /**
   * Creates the session of a pager that shares its file.
   *
   * @param pager The pager.
   * @param durability The default durability; each is that of `sync` here.
   * @param debugViews Whether to overwrite expired views.
   */
  constructor(pager: Pager, durability: Durability = "sync", debugViews = false) {
    super(pager, durability, debugViews, new InLinePolicy());
    assert(pager.sharing !== undefined, "the pager shares its file");
    this.#sharing = pager.sharing;
    this.#sharing.onMoved = () => this.treesChanged();
    this.#heartbeat = new Heartbeat(this.#sharing);
  }

  protected override beginTurn(): void {
    if (!this.closed) this.#sharing.poll();
  }

  /**
   * After an error of a read: refreshes, so that the read can begin anew.
   *
   * @param tries The tries before this one.
   * @throws {unknown} The error, if no other process has caused it.
   */
  override restart(error: unknown, tries: number): void {
    this.#sharing.restart(error, tries);
    this.treesChanged();
  }

  override refuseFollowed(action: string): void {
    if (action === CHECKPOINT) return;
    throw new TypeError(`Cannot ${action}: other processes share the database`);
  }

  override close(): void {
    this.#heartbeat.stop();
    super.close();
  }

  override closeLater(): Promise<void> {
    this.#heartbeat.stop();
    return super.closeLater();
  }
}
