/**
 * The stream of a watch: the present state of some keys, and the next one whenever a commit has
 * changed them. It skips states that the reader was too slow for.
 */

import { keepAlive } from "./schedule/clock.ts";
import type { Failure } from "./store.ts";

/** The state of a key. */
export interface KeyState {
  /** The versionstamp of its entry; null = there is none. */
  readonly versionstamp: string | null;
}

/** What a stream watches. */
export interface Watched<T extends KeyState> {
  /** The keys. */
  readonly keys: readonly Uint8Array[];
  /** Whether equal states are sent too, when a commit has set or removed a key. */
  readonly raw: boolean;
  /** Reads the present state. */
  read(): T[];
  /** Calls a function after each commit that changes a key; returns what ends it. */
  follow(key: Uint8Array, changed: () => void, ended: (failure?: Failure) => void): () => void;
  /** The states that are read before the reader wants them. Default 1. */
  readonly queued?: number;
}

/** A stream, and what closes it. */
export interface WatchStream<T> {
  /** The stream. */
  readonly stream: ReadableStream<T[]>;
  /** Closes it, for the reader. */
  close(): void;
}

/**
 * Opens the stream of some keys.
 *
 * @param ended Called when it is over, however it ends.
 */
export function watchStream<T extends KeyState>(
  watched: Watched<T>,
  ended: () => void,
): WatchStream<T> {
  const source = new WatchSource(watched, ended);
  const strategy = { highWaterMark: watched.queued ?? 1 };
  return { stream: new ReadableStream(source, strategy), close: () => source.end() };
}

/** The source of the states. */
class WatchSource<T extends KeyState> implements UnderlyingDefaultSource<T[]> {
  readonly #watched: Watched<T>;
  readonly #ended: () => void;
  readonly #unfollow: (() => void)[];
  /** The versionstamps that were sent last. */
  #sent: (string | null)[] | undefined;
  #isChanged = true;
  #isOver = false;
  #isCancelled = false;
  #failure: Failure | undefined;
  #wake: (() => void) | undefined;

  constructor(watched: Watched<T>, ended: () => void) {
    this.#watched = watched;
    this.#ended = ended;
    const changed = () => {
      this.#isChanged = true;
      this.#wake?.();
    };
    const end = (failure?: Failure) => this.end(failure);
    this.#unfollow = watched.keys.map((key) => watched.follow(key, changed, end));
  }

  async pull(controller: ReadableStreamDefaultController<T[]>): Promise<void> {
    try {
      while (!this.#isOver) {
        if (!this.#isChanged) await this.#change();
        else if (this.#sendTo(controller)) return;
      }
    } catch (error) {
      this.end({ error });
    }
    if (this.#failure !== undefined) throw this.#failure.error;
    if (!this.#isCancelled) controller.close();
  }

  /** Sends the present state, unless it was sent already. Returns whether it did. */
  #sendTo(controller: ReadableStreamDefaultController<T[]>): boolean {
    this.#isChanged = false;
    const entries = this.#watched.read();
    const now = entries.map(({ versionstamp }) => versionstamp);
    const isNew = now.some((stamp, i) => stamp !== this.#sent?.[i]);
    if (!isNew && !this.#watched.raw) return false;
    this.#sent = now;
    controller.enqueue(entries);
    return true;
  }

  /** Resolves at the next change or the end. A program that waits for it stays alive. */
  async #change(): Promise<void> {
    if (this.#watched.keys.length === 0) return this.end(); // nothing changes
    const release = keepAlive();
    await new Promise<void>((resolve) => this.#wake = resolve);
    this.#wake = undefined;
    release();
  }

  /** The reader wants no more. */
  cancel(): void {
    this.#isCancelled = true;
    this.end();
  }

  /** Ends the stream behind what was sent, without an error or with one. */
  end(failure?: Failure): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#failure = failure;
    for (const unfollow of this.#unfollow) unfollow();
    this.#wake?.();
    this.#ended();
  }
}
