/**
 * The transactions of a shared database that wait for the write lock, in the order of their
 * calls, without blocking the event loop. Those that wait when the lock is free run in one hold of
 * it, so that they share a sync.
 */

import { IoError } from "../../pager/mod.ts";

/** The write lock, as those who wait see it. */
export interface WriteGate {
  /** Takes the lock, if it is free; whether this handle has it. */
  tryHold(): boolean;
  /** Resolves when it may be free. */
  comeAgain(tries: number): Promise<void>;
  /** Nobody comes again. */
  stopWaiting(): void;
  /** Whether this handle has the lock. */
  readonly isHeld: boolean;
}

/** A transaction that waits. */
interface Waiting {
  run(): void;
  reject(error: unknown): void;
}

/** The transactions that wait for the write lock. */
export class WriteTurns {
  readonly #gate: WriteGate;
  readonly #queue: Waiting[] = [];
  #isWaiting = false;

  /**
   * Begins without a transaction.
   *
   * @param gate The lock.
   */
  constructor(gate: WriteGate) {
    this.#gate = gate;
  }

  /** Whether no transaction waits. */
  get isEmpty(): boolean {
    return this.#queue.length === 0;
  }

  /** Runs a transaction once the lock is held, after those that were added before. */
  add<T>(transaction: () => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#queue.push({ run: () => resolve(transaction()), reject });
    if (!this.#isWaiting) void this.#wait();
    return promise;
  }

  /** Runs all transactions that wait. The caller has the lock. */
  runAll(): void {
    while (this.#queue.length > 0) this.#queue.shift()!.run();
  }

  /** Rejects all transactions that wait. */
  rejectAll(error: unknown): void {
    for (const { reject } of this.#queue.splice(0)) reject(error);
  }

  async #wait(): Promise<void> {
    this.#isWaiting = true;
    for (let tries = 0; this.#queue.length > 0; tries++) {
      try {
        await this.#gate.comeAgain(tries);
        if (this.#queue.length === 0 || !this.#gate.tryHold()) continue;
        // A transaction with many changes is flushed at once, which may give the lock up.
        while (this.#queue.length > 0 && this.#gate.isHeld) this.#queue.shift()!.run();
        tries = -1;
      } catch (error) {
        this.rejectAll(error);
      }
    }
    this.#isWaiting = false;
    this.#stopWaiting();
  }

  #stopWaiting(): void {
    try {
      this.#gate.stopWaiting();
    } catch (error) {
      // Whoever uses the sidecar next meets it too.
      if (!(error instanceof IoError)) throw error;
    }
  }
}
