/**
 * The session of a database that other processes write too: it takes over what they have committed
 * at the first use in a turn of the event loop, and lets reads begin anew whose pages were
 * replaced.
 *
 * A transaction runs under the write lock. While another process has that, `write` waits in
 * turns of the event loop, and `writeSync` in line. Commits are flushed in line, and housekeeping
 * that takes its time, or relies on what it saw before, is left to a process that has the file
 * alone.
 */

import {
  assert,
  type ChangedPages,
  ClosedError,
  type Durability,
  type FileLock,
  type Pager,
  type Sharing,
} from "../../pager/mod.ts";
import { InLinePolicy } from "../write/flush_policy.ts";
import type { Settable } from "../write/session.ts";
import { MovingSession } from "./moving_session.ts";
import { WriteTurns } from "./write_turns.ts";

/** The time after which the pin is renewed, in milliseconds. */
const RENEWAL_MS = 5000;
/** The longest wait of a close for the write lock, in milliseconds. */
const CLOSE_MS = 30_000;

/** The session of a database that other processes write too. */
export class SharingSession extends MovingSession {
  readonly #sharing: Sharing;
  readonly #turns: WriteTurns;
  #renewedAt = performance.now();
  override readonly openArchiveLock = (): FileLock => this.#sharing.openArchiveLock();

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
    this.#turns = new WriteTurns(this.#sharing);
    this.#sharing.onFlushed = () => this.remote.noteOwn();
    this.beginBeats();
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

  protected override collect(into: ChangedPages | undefined): void {
    this.#sharing.collect(into);
  }

  protected override beatOnce(): void {
    const now = performance.now();
    const renews = now - this.#renewedAt > RENEWAL_MS;
    if (renews) this.#renewedAt = now;
    this.#sharing.beat(renews);
  }

  /** Watchers hear of the commits before this one first. */
  protected override beforeTransaction(): void {
    if (this.remote.isWatched) {
      this.#sharing.hold();
      this.remote.tell();
    }
    super.beforeTransaction();
  }

  override versionFrom(seen: number): number {
    if (this.version < seen) this.#sharing.refresh();
    return this.version;
  }

  /**
   * Whether a call that writes runs at once: inside a transaction, and where the write lock
   * was free, and is held now. If not, it waits for its turn.
   *
   * @throws {IoError} The system refused.
   */
  runsAtOnce(): boolean {
    if (this.closed || this.pager.depth > 0) return true;
    return this.#turns.isEmpty && this.#sharing.tryHold();
  }

  override write<T>(body: () => T, durability?: Durability): Promise<T> {
    return this.#whenHeld(() => super.write(body, durability));
  }

  override writeSet<K, V>(tree: Settable<K, V>, key: K, value: V): Promise<void> {
    return this.write(() => tree.set(key, value));
  }

  override inTurn<T>(body: () => T): Promise<T> {
    return this.#whenHeld(() => Promise.resolve(body()));
  }

  /** Runs a body that returns a promise, at once or in its turn. */
  #whenHeld<T>(body: () => Promise<T>): Promise<T> {
    try {
      return this.runsAtOnce() ? this.#run(body) : this.#turns.add(() => this.#run(body));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #run<T>(body: () => Promise<T>): Promise<T> {
    let result: Promise<T>;
    try {
      result = body();
    } catch (error) {
      result = Promise.reject(error);
    }
    try {
      this.endUnusedHold();
      return result;
    } catch (error) {
      // Whoever gets this error does not see the other promise.
      result.catch(() => {});
      return Promise.reject(error);
    }
  }

  override writeSync<T>(body: () => T, durability?: Durability): T {
    try {
      // The calls before this one come first.
      if (!this.#turns.isEmpty && !this.closed && this.pager.depth === 0) this.#runWaiting();
      return super.writeSync(body, durability);
    } finally {
      this.endUnusedHold();
    }
  }

  #runWaiting(timeoutMs?: number): void {
    this.#sharing.hold(timeoutMs);
    this.#turns.runAll();
  }

  /** Gives the write lock up, unless a transaction is open or waits for its flush. */
  endUnusedHold(): void {
    if (this.pager.depth === 0) this.#sharing.endUnusedHold();
  }

  override close(): void {
    this.endBeats();
    try {
      if (!this.#turns.isEmpty) this.#runWaiting(CLOSE_MS);
    } catch (error) {
      this.#turns.rejectAll(error);
    }
    super.close();
  }

  protected override refuseWaiting(): void {
    this.#turns.rejectAll(new ClosedError("Cannot use the database: it is closed"));
  }

  override async closeLater(): Promise<void> {
    // Those who wait come first, and the lock is held then.
    if (!this.closed) await this.#turns.add(() => Promise.resolve()).catch(() => {});
    this.endBeats();
    await super.closeLater();
  }
}
