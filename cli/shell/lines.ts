/**
 * The source of the shell's lines: a terminal, a script through a pipe, or an argument. All are
 * synchronous, because a transaction may be open between statements, and a transaction never waits.
 */

import { EXIT, Refusal } from "../io/exit.ts";
import { LineError, LineReader } from "../io/lines.ts";

/** The user cancelled the statement. */
export const CANCELLED = Symbol("cancelled");

/** Provides the shell's lines. */
export interface LineSource {
  /** Whether it is a terminal, where the shell continues after an error. */
  readonly isInteractive: boolean;
  /** The number of the last line, from 1. */
  readonly line: number;
  /** The next line, or undefined at the end. */
  next(prompt: string): string | typeof CANCELLED | undefined;
  /** Adds a statement to the history, if any. */
  remember(statement: string): void;
  /** Restores the terminal. */
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

  /** A script has no history. */
  remember(): void {}

  /** A script has nothing to restore. */
  close(): void {}
}

/** The lines of an argument. */
export class GivenLines implements LineSource {
  readonly isInteractive = false;
  /** The number of the last line, from 1. */
  line = 0;
  readonly #lines: readonly string[];

  /** Splits a text into its lines. */
  constructor(text: string) {
    this.#lines = text.split(/\r?\n/);
  }

  /** The next line, or undefined at the end. */
  next(): string | undefined {
    if (this.line === this.#lines.length) return undefined;
    return this.#lines[this.line++];
  }

  /** An argument has no history. */
  remember(): void {}

  /** An argument has nothing to restore. */
  close(): void {}
}
