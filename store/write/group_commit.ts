/**
 * Group commit: transactions that wait for the medium at the same time share one write and one
 * sync.
 *
 * Each is already committed in memory. In line, those of one turn of the event loop share a flush.
 * In a flight, the sync runs off the thread; those committed meanwhile gather, and the next flight
 * takes off with them as soon as the first has landed. So none waits longer than two flights, or
 * three if it has large values or a checkpoint is due. `FlushPolicy` chooses between the two ways.
 *
 * Commits whose records reach `PENDING_BYTES` are written within the turn, where that needs no
 * sync: memory for more would be used for the first time, which takes longer than the write. Those
 * that reach `TURN_BYTES` also advance the checkpoint there. So the memory and the journal of a
 * turn are bounded, whatever the number of its transactions.
 *
 * If the journal is full before the checkpoint ends, promises also wait for the checkpoint. It
 * advances with each flight, or by a slice per turn of the event loop, so other work continues
 * meanwhile. Before that, flights take off for a checkpoint that does not keep up, although nobody
 * waits.
 */

import { setImmediate } from "node:timers";
import { type Durability, IoError, type Pager } from "../../pager/mod.ts";
import type { FlushPolicy } from "./flush_policy.ts";

/** The bytes of records that wait for the end of the turn, where their write needs no sync. */
const PENDING_BYTES = 1024 * 1024;
/** The most bytes of records of a turn before the checkpoint advances. */
const TURN_BYTES = 4 * 1024 * 1024;

/** What follows a flush, even a failed one. */
export interface FlushListener {
  /** Commits may have become durable. */
  durable(): void;
  /** Commits that a caller made have been flushed. */
  flushed(): void;
}

/** Takes transactions to the medium together. */
export class GroupCommit {
  readonly #pager: Pager;
  readonly #listener: FlushListener;
  readonly #policy: FlushPolicy;
  /** Those that wait for the medium. */
  #synced: PromiseWithResolvers<void> | undefined;
  /** Those that wait for the system. */
  #buffered: PromiseWithResolvers<void> | undefined;
  /** Resolves when the flights in the air have landed; undefined if there are none. */
  #flying: Promise<void> | undefined;
  /** Resolves when the sync of the flight in the air, or of the last one, has ended. */
  #flight: Promise<void> = Promise.resolve();
  /** The bytes of records that were written within the turn. */
  #turnBytes = 0;

  /**
   * Creates the group commit of a database.
   *
   * @param pager Its pager.
   * @param listener Follows each flush.
   * @param policy Chooses between flights and flushes in line.
   */
  constructor(pager: Pager, listener: FlushListener, policy: FlushPolicy) {
    this.#pager = pager;
    this.#policy = policy;
    this.#listener = listener;
  }

  /** Resolves when all committed transactions have reached a durability. */
  reach(level: Durability): Promise<void> {
    if (level === "none") {
      this.#writeFor("none", false);
      return Promise.resolve();
    }
    const reached = level === "buffered" ? this.#reachSystem() : this.#reachMedium();
    if (this.#pager.pendingBytes >= PENDING_BYTES) this.#writePending(this.#pager.pendingBytes);
    return reached;
  }

  /** Writes what waits; its promises still wait for the end of the turn, or for a flight. */
  #writePending(bytes: number): void {
    try {
      // The turn goes on, so no slice can follow.
      if (this.#turnBytes + bytes >= TURN_BYTES) this.#writeFor("buffered", false);
      else if (this.#pager.flights.writeAhead()) this.#turnBytes += bytes;
    } catch (error) {
      this.#buffered?.reject(error);
      this.#synced?.reject(error);
      this.#buffered = this.#synced = undefined;
    }
  }

  #reachMedium(): Promise<void> {
    if (this.#synced === undefined) {
      this.#synced = Promise.withResolvers<void>();
      // The flights in the air take it along next.
      if (this.#flying === undefined) queueMicrotask(() => this.#flushSynced());
    }
    return this.#synced.promise;
  }

  #reachSystem(): Promise<void> {
    if (this.#buffered === undefined) {
      this.#buffered = Promise.withResolvers<void>();
      queueMicrotask(() => this.#flushBuffered());
    }
    return this.#buffered.promise;
  }

  /**
   * Takes all committed transactions to a level that needs no sync, and advances the checkpoint.
   *
   * @param waits Whether the caller waits while the checkpoint is overdue.
   * @throws {IoError} The system refused, and the handle latches.
   */
  write(level: "buffered" | "none", waits: boolean): void {
    const mayFly = this.#flying !== undefined || this.#isSyncLong;
    const { flights } = this.#pager;
    if (mayFly) flights.write(level);
    if (!mayFly || this.#pager.isOverdue) this.#pager.flush(level, waits);
    else if (flights.isNeeded && !flights.isAhead) void this.#fly();
  }

  /** Whether the next sync is long: because all are, or because it takes many pages along. */
  get #isSyncLong(): boolean {
    return this.#policy.isSyncLong || this.#carriesPages;
  }

  /** Whether a flush flies because of the pages of a checkpoint that wait for its sync. */
  get #carriesPages(): boolean {
    return this.#policy.fliesWithPages === true && this.#pager.flights.isSyncLong;
  }

  #writeFor(level: "buffered" | "none", waits: boolean): void {
    try {
      this.write(level, waits);
    } finally {
      this.#notify();
    }
  }

  #notify(): void {
    this.#turnBytes = 0;
    this.#listener.durable();
    this.#listener.flushed();
  }

  /** Whether a flight is in the air. */
  get isFlying(): boolean {
    return this.#flying !== undefined;
  }

  /** Resolves when the flight that is in the air has landed, or has failed. */
  async landed(): Promise<void> {
    try {
      await this.#flight;
    } catch {
      // Those that wait for a commit get the error.
    }
  }

  /** Flushes at once everything that waits. */
  flush(): void {
    if (this.#buffered !== undefined) this.#flushBuffered();
    if (this.#synced !== undefined) this.#flushInLine(this.#synced);
  }

  /**
   * Whether a checkpoint, or the cut of the tail after it, has work left, after a slice of it was
   * done or begun.
   */
  checkpointSlice(): boolean {
    const { flights } = this.#pager;
    if (this.#flying !== undefined || this.#isSyncLong) flights.requestCheckpoint();
    // The flights of those who commit take it, even if some are in the air all the time.
    if (this.#flying !== undefined) return true;
    if (!this.#isSyncLong) return this.#pager.checkpointSlice();
    if (flights.writeConfirmed()) return true;
    if (!flights.isNeeded && this.#pager.hasTail) {
      this.#pager.cutTail();
      return true;
    }
    if (!flights.isNeeded && !flights.beginMove(false)) return false;
    void this.#fly();
    return true;
  }

  /**
   * Moves the journal behind the data, where everything is in the pages of the file. Returns
   * whether the move is under way.
   */
  moveJournal(): boolean {
    if (this.#flying !== undefined) return true;
    if (!this.#pager.flights.beginMove(true)) return false;
    if (this.#policy.isSyncLong) void this.#fly();
    else this.#pager.checkpointSlice();
    return this.#pager.flights.isNeeded;
  }

  /**
   * Takes everything to the pages of the file, as far as that is possible without a sync in line.
   * Resolves when no flight is in the air; errors go to those that wait for a commit.
   */
  async settle(): Promise<void> {
    if (this.#policy.isSyncLong) {
      this.#pager.flights.requestCheckpoint();
      while (this.#pager.flights.isNeeded) {
        if (this.#writeConfirmed()) await new Promise<void>((resolve) => setImmediate(resolve));
        else await this.#fly();
      }
    }
    while (this.#flying !== undefined) await this.#flying;
  }

  /** Writes a slice of a checkpoint without a flight; whether it did. A failure ends flights. */
  #writeConfirmed(): boolean {
    try {
      return this.#pager.flights.writeConfirmed();
    } catch (error) {
      if (error instanceof IoError) return false;
      throw error;
    }
  }

  #flushBuffered(): void {
    const group = this.#buffered;
    if (group === undefined) return;
    this.#buffered = undefined;
    try {
      this.#writeFor("buffered", true);
      this.#resolve(group);
    } catch (error) {
      group.reject(error);
    }
  }

  /** Takes the group to the medium, where the policy says so after a turn of the event loop. */
  #flushSynced(): void {
    if (!this.#policy.yields) return this.#flushNow();
    const { version } = this.#pager.meta;
    setImmediate(() => {
      this.#policy.noteTurn(this.#pager.meta.version > version);
      this.#flushNow();
    });
  }

  #flushNow(): void {
    const group = this.#synced;
    if (group === undefined || this.#flying !== undefined) return;
    // A writeSync may have made everything durable meanwhile.
    const isDurable = this.#pager.durableVersion >= this.#pager.meta.version;
    if ((this.#policy.flies || this.#carriesPages) && !isDurable) void this.#fly();
    else this.#flushInLine(group);
  }

  /** Takes the group that waits to the medium in line. */
  #flushInLine(group: PromiseWithResolvers<void>): void {
    this.#synced = undefined;
    const begin = performance.now();
    try {
      this.#pager.flush("sync", true);
      this.#policy.noteInLine(performance.now() - begin);
      if (this.#policy.rests) this.#resolveNextTurn(group);
      else this.#resolve(group);
    } catch (error) {
      group.reject(error);
    } finally {
      this.#notify();
    }
  }

  /** Takes off, unless a flight is in the air. Resolves when none is. */
  #fly(): Promise<void> {
    return this.#flying ??= this.#flyOn().finally(() => {
      this.#flying = undefined;
      // Commits may have been made between the last landing and now.
      this.#flushNow();
    });
  }

  /** Flies until nothing waits. */
  async #flyOn(): Promise<void> {
    const landed: PromiseWithResolvers<void>[] = [];
    do {
      const group = this.#synced;
      this.#synced = undefined;
      const { version } = this.#pager.meta;
      try {
        await this.#flyOnce(version);
        if (group !== undefined) landed.push(group);
      } catch (error) {
        // A flush in line may have made them durable meanwhile.
        if (this.#pager.durableVersion >= version) group?.resolve();
        else group?.reject(error);
      } finally {
        this.#turnBytes = 0;
        if (!this.#pager.isOverdue) { for (const { resolve } of landed.splice(0)) resolve(); }
        this.#listener.durable();
        if (group !== undefined) this.#listener.flushed();
      }
    } while (landed.length > 0 || await this.#fliesAgain());
  }

  /**
   * Whether another flight takes off: with commits that wait, or because a checkpoint does not keep
   * up with them. Those whose commits have landed may make others before that.
   */
  async #fliesAgain(): Promise<boolean> {
    if (this.#synced !== undefined) return true;
    if (!this.#pager.flights.isBehind) return false;
    await new Promise<void>((resolve) => setImmediate(resolve));
    return this.#synced !== undefined || this.#pager.flights.isBehind;
  }

  /** Takes all commits up to a version to the medium. */
  async #flyOnce(version: number): Promise<void> {
    const { flights } = this.#pager;
    do {
      const carriesPages = this.#carriesPages;
      const begin = performance.now();
      const flight = flights.takeOff();
      if (flight === undefined) return;
      this.#flight = flight.synced;
      await this.#flight;
      flights.land(flight);
      const hasGathered = this.#synced !== undefined;
      // How long such a flight takes says nothing about others.
      if (carriesPages) this.#policy.noteTurn(hasGathered);
      else this.#policy.noteFlight(performance.now() - begin, hasGathered);
    } while (!this.#pager.isClosed && this.#pager.durableVersion < version);
  }

  #resolveNextTurn(group: PromiseWithResolvers<void>): void {
    setImmediate(() => {
      this.#policy.noteTurn(false);
      this.#resolve(group);
    });
  }

  /** Resolves a group once the checkpoint has caught up. */
  #resolve(group: PromiseWithResolvers<void>): void {
    if (!this.#pager.isOverdue) return group.resolve();
    if (this.#flying !== undefined || this.#isSyncLong) this.#resolveInFlight(group);
    else setImmediate(() => this.#resolveInLine(group));
  }

  #resolveInFlight(group: PromiseWithResolvers<void>): void {
    void this.#fly().then(() => {
      const { failure } = this.#pager;
      if (failure === undefined) this.#resolve(group);
      else group.reject(failure);
    });
  }

  #resolveInLine(group: PromiseWithResolvers<void>): void {
    try {
      const isFree = this.#pager.isOverdue && this.#pager.depth === 0;
      if (isFree && this.#flying === undefined) this.#pager.checkpointSlice();
      this.#resolve(group);
    } catch (error) {
      group.reject(error);
    } finally {
      this.#notify();
    }
  }
}
