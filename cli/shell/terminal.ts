/**
 * The shell's lines from a terminal, edited by `node:readline` with history and completion.
 *
 * `readline` waits for events, but the shell must not wait, because a transaction may be open. So
 * its input is not a stream: bytes are read from the terminal synchronously and emitted on it, and
 * a line is complete as soon as the key that ends it has been emitted.
 */

import { EventEmitter } from "node:events";
import * as readline from "node:readline";
import { Writable } from "node:stream";
import { drawn } from "../io/text.ts";
import type { History } from "./history.ts";
import { CANCELLED, type LineSource } from "./lines.ts";

const KEYS_BYTES = 4096;

/** Returns candidates for the end of a line, and the part of the line that they replace. */
export type Completer = (line: string) => [candidates: string[], part: string];

/** The lines of a terminal. */
export class TerminalLines implements LineSource {
  readonly isInteractive = true;
  readonly #input = new Keys();
  readonly #output = new Screen();
  readonly #history: History;
  readonly #editor: readline.Interface;
  /** The lines that the editor has completed; undefined = the end. */
  readonly #done: (string | typeof CANCELLED | undefined)[] = [];
  line = 0;

  /** Creates a line editor with completion and a persistent history. */
  constructor(completer: Completer, history: History) {
    this.#history = history;
    this.#editor = readline.createInterface({
      input: this.#input as unknown as NodeJS.ReadableStream,
      output: this.#output,
      terminal: true,
      completer,
      history: history.newestFirst(),
      removeHistoryDuplicates: true,
    });
    this.#editor.on("line", (line) => this.#done.push(line));
    this.#editor.on("close", () => this.#done.push(undefined));
    this.#editor.on("SIGINT", () => this.#done.push(CANCELLED));
  }

  /** The next line, or undefined at the end. */
  next(prompt: string): string | typeof CANCELLED | undefined {
    if (this.#done.length === 0) this.#edit(prompt);
    const line = this.#done.shift();
    this.line++;
    if (line === CANCELLED) this.#output.print("^C\n");
    else if (line === undefined) this.#output.print("\n");
    return line;
  }

  /** Adds a statement to the history, line by line, unless it begins with a blank. */
  remember(statement: string): void {
    if (/^\s/.test(statement)) return;
    for (const line of statement.split("\n")) this.#history.add(line);
  }

  /** Restores the terminal. */
  close(): void {
    this.#editor.close();
  }

  #edit(prompt: string): void {
    const keys = new Uint8Array(KEYS_BYTES);
    this.#output.columns = Deno.consoleSize().columns;
    this.#editor.setPrompt(prompt);
    Deno.stdin.setRaw(true);
    try {
      // Discard the text of a cancelled statement.
      Object.assign(this.#editor, { line: "", cursor: 0 });
      this.#editor.prompt();
      while (this.#done.length === 0) {
        const length = Deno.stdin.readSync(keys);
        if (length === null) this.#done.push(undefined);
        else this.#input.emit("data", keys.slice(0, length));
      }
    } finally {
      Deno.stdin.setRaw(false);
    }
  }
}

/** The editor's input: the keys are emitted on it. */
class Keys extends EventEmitter {
  readonly isTTY = true;

  pause(): this {
    return this;
  }

  resume(): this {
    return this;
  }

  isPaused(): boolean {
    return false;
  }

  setRawMode(): this {
    return this;
  }
}

/** The editor's output: writes to the terminal synchronously, without unsafe characters. */
class Screen extends Writable {
  readonly isTTY = true;
  columns = 80;

  print(text: string): void {
    const bytes = new TextEncoder().encode(drawn(text));
    for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
  }

  override _write(chunk: Uint8Array | string, _: string, done: () => void): void {
    this.print(typeof chunk === "string" ? chunk : new TextDecoder().decode(chunk));
    done();
  }
}
