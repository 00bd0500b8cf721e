/**
 * Where the shell's lines come from: a terminal, or a script through a pipe. Both are synchronous,
 * because statements come while a transaction is open, and a transaction never waits.
 */

import { LineError, LineReader } from "../io/lines.ts";
import { EXIT, Refusal } from "../io/exit.ts";

/** The user has given up the statement. */
export const CANCELLED = Symbol("cancelled");

/** Gives the shell its lines. */
export interface LineSource {
  /** Whether a person is there: an error is told, and the shell goes on. */
  readonly isInteractive: boolean;
  /** The number of the last line, from 1. */
  readonly line: number;
  /** The next line, or undefined at the end. */
  next(prompt: string): string | typeof CANCELLED | undefined;
  /** Keeps a statement for another time, if there is a place for it. */
  remember(statement: string): void;
  /** Leaves everything as it was. */
  close(): void;
}

/** The lines of a script. */
export class ScriptLines implements LineSource {
  readonly isInteractive = false;
  readonly #reader = new LineReader(Deno.stdin);
  readonly #lines = this.#reader.lines();

  /** The number of the last line, from 1. */
  get line(): number {
    return this.#reader.line;
  }

  /** The next line, or undefined at the end. */
  next(): string | undefined {
    try {
      const { value, done } = this.#lines.next();
      return done === true ? undefined : value;
    } catch (error) {
      if (!(error instanceof LineError)) throw error;
      throw new Refusal(`Cannot read the script: ${error.message}; write it in UTF-8`, EXIT.misuse);
    }
  }

  /** A script is kept where it is. */
  remember(): void {}

  /** Nothing was changed. */
  close(): void {}
}
