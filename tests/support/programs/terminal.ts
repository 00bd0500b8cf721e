/**
 * A pseudo-terminal from `script` that runs a program: tests type keys, and read what it displays.
 */

import { HANG_MS } from "./hang.ts";

/** The reason why there is no terminal, or undefined. */
export function whyNoTerminal(): string | undefined {
  return canRun("script", ["-qec", "true", "/dev/null"])
    ? undefined
    : "there is no script, which lends terminals, or it does not work here";
}

/** Whether a program exists and succeeds with these arguments. */
export function canRun(program: string, args: readonly string[]): boolean {
  try {
    const output = new Deno.Command(program, { args: [...args], stdin: "null" }).outputSync();
    return output.code === 0;
  } catch {
    return false;
  }
}

/** Words as a line of `sh`. */
export function lineOfWords(words: readonly string[]): string {
  return words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
}

/** Options of a terminal. */
export interface TerminalOptions {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
}

/** A program in a terminal. */
export class Terminal {
  readonly #child: Deno.ChildProcess;
  readonly #reader: ReadableStreamDefaultReader<string>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #signal = AbortSignal.timeout(HANG_MS);
  #shown = "";

  /** Starts a program. */
  constructor(words: readonly string[], { cwd, env = {} }: TerminalOptions = {}) {
    this.#child = new Deno.Command("script", {
      args: ["-qec", lineOfWords(words), "/dev/null"],
      env: { TERM: "xterm", ...env },
      stdin: "piped",
      stdout: "piped",
      signal: this.#signal,
      ...(cwd !== undefined && { cwd }),
    }).spawn();
    this.#reader = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    this.#writer = this.#child.stdin.getWriter();
  }

  /** Everything displayed so far. */
  get shown(): string {
    return this.#shown;
  }

  /** Types keys. */
  async write(keys: string): Promise<void> {
    await this.#writer.write(new TextEncoder().encode(keys));
  }

  /** Waits until a text is displayed after a position. Returns everything from the position on. */
  async waitFor(text: string, from = 0): Promise<string> {
    while (!this.#shown.slice(from).includes(text)) {
      const { value, done } = await this.#reader.read();
      if (done) throw new Error(`the program ended before ${JSON.stringify(text)}: ${this.#shown}`);
      this.#shown += value;
    }
    return this.#shown.slice(from);
  }

  /** Types keys, and waits until a text is displayed. Returns what was displayed. */
  async type(keys: string, until: string): Promise<string> {
    const from = this.#shown.length;
    await this.write(keys);
    return await this.waitFor(until, from);
  }

  /** Types the last keys, and waits for the end. Returns the exit code. */
  async end(keys: string): Promise<number> {
    try {
      await this.write(keys);
      await this.#writer.close();
    } catch {
      // It has ended by itself.
    }
    for (;;) {
      const { value, done } = await this.#reader.read();
      if (done) break;
      this.#shown += value;
    }
    const { code } = await this.#child.status;
    if (this.#signal.aborted) throw new Error(`the program did not end: ${this.#shown}`);
    return code;
  }
}
