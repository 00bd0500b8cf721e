/**
 * The pace of a copy: other tasks run between its steps, and while others write to the source it
 * rests after each step, so that it takes about a sixtieth of the thread. Others write if they did
 * since the step before: a commit may wait for the medium longer than a step takes.
 */

import { setImmediate } from "node:timers";
import type { Session } from "../write/session.ts";
import { rest } from "./waiting.ts";

/** How many times as long as a step the copy rests after it, while others write. */
const REST = 59;

/** The database that is copied. */
export interface CopiedSource {
  /** Throws when it is closed. */
  readonly checkOpen: () => void;
  /** Its last version, which shows whether others write. */
  readonly versionNow: () => number;
  /** Runs a read while no other process writes the file, if one may. */
  readonly inTurn?: (<T>(body: () => T) => T | Promise<T>) | undefined;
}

/** An open database as the source of a copy. */
export function sourceOf(session: Session): CopiedSource {
  return {
    checkOpen: () => session.checkOpen(),
    versionNow: () => session.pager.meta.version,
    inTurn: session.inTurn.bind(session),
  };
}

/** Waits for some milliseconds, or until the signal aborts. */
export type Pause = (ms: number, signal: AbortSignal | undefined) => Promise<void>;

/** The pace of a copy. */
export class CopyPace {
  readonly #source: CopiedSource;
  readonly #signal: AbortSignal | undefined;
  readonly #pause: Pause;
  #version: number;
  #isAlone = true;
  #begun = performance.now();

  /**
   * Begins a copy.
   *
   * @param source The database that is copied.
   * @param signal Ends the copy.
   */
  constructor(source: CopiedSource, signal: AbortSignal | undefined, pause: Pause = rest) {
    this.#source = source;
    this.#signal = signal;
    this.#pause = pause;
    this.#version = source.versionNow();
  }

  /** The time since the step began, in milliseconds. */
  get stepMs(): number {
    return performance.now() - this.#begun;
  }

  /** Whether nobody else wrote during the last step, and the rest before it. */
  get isAlone(): boolean {
    return this.#isAlone;
  }

  /**
   * Lets other tasks run; the next step begins when it resolves.
   *
   * @throws {ClosedError} The source was closed.
   * @throws The reason of the signal, if it is aborted.
   */
  async turn(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#signal?.throwIfAborted();
    this.#source.checkOpen();
    this.#begun = performance.now();
  }

  /** Rests after a step, if others wrote since the end of the step before. */
  async rest(): Promise<void> {
    const version = this.#source.versionNow();
    this.#isAlone = version === this.#version;
    this.#version = version;
    if (!this.#isAlone) await this.#pause(this.stepMs * REST, this.#signal);
  }
}
