/**
 * Delivers the messages of the queue to the listeners of the process, at least once.
 *
 * A message stays in its tree until its handler has succeeded, or has failed for the last time. So
 * a crash at any moment loses none: a message that was in the hands of a handler is delivered again
 * by the next session. A failed delivery moves the message to a later date.
 *
 * A message that cannot be read is set aside, with a report, and does not hold up the others.
 *
 * A message is delivered once its commit is durable.
 *
 * At most `IN_FLIGHT_MAX` messages are in the hands of handlers at a time.
 */

import { ClosedError, type Database } from "../../mod.ts";
import { reportFailure, reportHandlerError } from "../api/deno.ts";
import { type KvMessage, messageOf } from "../format/message.ts";
import { type DatedId, type KvTrees, storedMessagesIn } from "../format/trees.ts";
import { ENCODING } from "../value/value.ts";
import { EntryWriter } from "../write/entry_writer.ts";
import { Alarm, now } from "./clock.ts";
import { Failures } from "./failures.ts";
import { refuseReadOnly } from "./read_only.ts";

const IN_FLIGHT_MAX = 100;
/** The wait after a failure of the database. */
const RETRY_MS = 1000;

/** A handler of messages. */
export type Handler = (message: unknown) => unknown;

/** A call of `listenQueue`. */
interface Listener {
  readonly handler: Handler;
  /** The changes to the queue that follow its deliveries and are not durable yet. */
  readonly settling: Set<Promise<void>>;
  /** Whether its owner has ended it. */
  isEnded: boolean;
}

/** A listener, for its owner. */
export interface Listening {
  /** Ends it: it gets no more messages. */
  end(): void;
  /** Resolves when it has ended, and the results of its handlers are durable. */
  readonly ended: Promise<void>;
}

/** The queue of a database. */
export class Queue {
  readonly #db: Database;
  readonly #trees: KvTrees;
  readonly #listeners: Listener[] = [];
  /** The messages in the hands of handlers. */
  #inFlight = new Set<string>();
  /** The versions of commits with messages that are not durable yet. */
  readonly #held = new Set<number>();
  readonly #alarm = new Alarm(() => this.#dispatch(), { keepsAlive: true });
  readonly #failures = new Failures("deliver messages of the queue");
  #isWoken = false;
  /** Nothing is delivered before this time, after a failure of the database: monotonic. */
  #pausedUntil = 0;

  /** Creates the queue of a database; it delivers nothing before a listener exists. */
  constructor(db: Database, trees: KvTrees) {
    this.#db = db;
    this.#trees = trees;
  }

  /**
   * Adds a listener. Listeners take turns.
   *
   * @throws {TypeError} No message can be taken out, or other processes could take it too.
   */
  listen(handler: Handler): Listening {
    if (this.#db.stats().sharing !== undefined) {
      throw new TypeError(
        "Cannot listen: other processes share the database, and each would deliver the messages",
      );
    }
    refuseReadOnly(this.#db);
    const listener: Listener = { handler, settling: new Set(), isEnded: false };
    const ended = Promise.withResolvers<void>();
    this.#listeners.push(listener);
    this.wake();
    const end = () => {
      const at = this.#listeners.indexOf(listener);
      if (at < 0) return;
      listener.isEnded = true;
      this.#listeners.splice(at, 1);
      if (this.#listeners.length === 0) this.#alarm.stop();
      ended.resolve(Promise.allSettled(listener.settling).then(() => {}));
    };
    return { end, ended: ended.promise };
  }

  /**
   * Holds back the messages of a commit that is not durable: a crash may undo the commit, but not
   * what a handler has done.
   */
  hold(version: number): void {
    this.#held.add(version);
  }

  /** Delivers the messages of a commit. */
  release(version: number): void {
    this.#held.delete(version);
    this.wake();
  }

  /** Forgets what is in the hands of handlers, which may never end, once all are closed. */
  stop(): void {
    this.#inFlight = new Set();
  }

  /** Delivers, later in this turn, what is due. */
  wake(): void {
    if (this.#isWoken || this.#listeners.length === 0) return;
    this.#isWoken = true;
    queueMicrotask(() => {
      this.#isWoken = false;
      this.#dispatch();
    });
  }

  /** Gives what is due to the listeners, and waits for what is not. */
  #dispatch(): void {
    if (this.#listeners.length === 0) return;
    try {
      const pauseMs = this.#pausedUntil - performance.now();
      this.#alarm.setTo(pauseMs > 0 ? now() + pauseMs : this.#deliverDue());
    } catch (error) {
      // A closed database has no messages.
      if (!(error instanceof ClosedError)) this.#pause(error);
    }
  }

  /** Returns the date of the next message, or a date without end that keeps the process alive. */
  #deliverDue(): number {
    const date = now();
    for (const id of this.#trees.queue.keys()) {
      if (this.#inFlight.size >= IN_FLIGHT_MAX) break;
      if (id[0] > date) return id[0];
      if (!this.#held.has(id[1]) && !this.#inFlight.has(id.join())) this.#take(id);
    }
    return Number.MAX_SAFE_INTEGER;
  }

  /** Reads a message, and delivers it or sets it aside. */
  #take(id: DatedId): void {
    try {
      const message = this.#trees.queue.get(id);
      if (message === undefined) throw new RangeError(`message ${id.join()} is not in its place`);
      void this.#deliver(id, message, messageOf(message));
    } catch (error) {
      // Errors of the database are no errors of the message.
      if (!(error instanceof TypeError)) throw error;
      void this.#setAside(id, error);
    }
  }

  /** Moves a message that cannot be read out of the queue, as it is. */
  async #setAside(id: DatedId, cause: TypeError): Promise<void> {
    const inFlight = this.#inFlight.add(id.join());
    try {
      await this.#db.write((tx) => {
        const queue = storedMessagesIn(tx);
        const bytes = queue.get(id);
        if (bytes === undefined) return;
        tx.tree(this.#trees.aside).set(id, bytes);
        queue.delete(id);
      });
      reportFailure("A message of the queue cannot be read, and is in kv.queue.aside now", cause);
    } catch (error) {
      this.#pause(error);
    }
    inFlight.delete(id.join());
    this.wake();
  }

  /**
   * Gives a message to the next listener, and settles it when the handler has ended.
   *
   * @param value The message that the handler gets.
   */
  async #deliver(id: DatedId, message: KvMessage, value: unknown): Promise<void> {
    const listener = this.#listeners.shift()!;
    this.#listeners.push(listener);
    const inFlight = this.#inFlight.add(id.join());
    const isDone = await handle(value, listener);
    // The end of a listener may cause a failure: then the message stays, for other listeners.
    if (isDone || !listener.isEnded) await this.#settleFor(listener, id, message, isDone);
    inFlight.delete(id.join());
    this.wake();
  }

  async #settleFor(
    { settling }: Listener,
    id: DatedId,
    message: KvMessage,
    isDone: boolean,
  ): Promise<void> {
    const settled = this.#settle(id, message, isDone);
    settling.add(settled);
    try {
      await settled;
      this.#failures.clear();
    } catch (error) {
      // The message stays in the queue, and is delivered again.
      this.#pause(error);
    }
    settling.delete(settled);
  }

  #pause(error: unknown): void {
    // A database that closes has not failed.
    if (!(error instanceof ClosedError)) this.#failures.note(error);
    this.#pausedUntil = performance.now() + RETRY_MS;
    if (this.#listeners.length > 0) this.#alarm.setTo(now() + RETRY_MS);
  }

  #settle(id: DatedId, message: KvMessage, isDone: boolean): Promise<void> {
    return this.#db.write((tx) => {
      const queue = tx.tree(this.#trees.queue);
      if (!queue.delete(id) || isDone) return;
      const { payload, backoffSchedule, keysIfUndelivered } = message;
      const [wait, ...left] = backoffSchedule;
      if (wait !== undefined) {
        const next = [now() + wait, id[1], id[2]] as const;
        return queue.set(next, { payload, backoffSchedule: left, keysIfUndelivered });
      }
      if (keysIfUndelivered.length === 0) return;
      const writer = new EntryWriter(tx, this.#trees);
      const value = { encoding: ENCODING.v8, data: payload };
      for (const key of keysIfUndelivered) writer.set(key, value);
    });
  }
}

const queues = new WeakMap<Database, Queue>();

/**
 * The queue of a database. It outlives the handles, because commits do that wait for the medium
 * while the last one is closed.
 */
export function queueOf(db: Database, trees: KvTrees): Queue {
  let queue = queues.get(db);
  if (queue === undefined) queues.set(db, queue = new Queue(db, trees));
  return queue;
}

/** Calls the handler of a listener, unless it has ended. Returns whether it succeeded. */
async function handle(message: unknown, listener: Listener): Promise<boolean> {
  await undefined;
  if (listener.isEnded) return false;
  const { handler } = listener; // called without a `this`
  try {
    await handler(message);
    return true;
  } catch (error) {
    reportHandlerError(error);
    return false;
  }
}
