/**
 * Child processes of the server bench: one that runs to its end, and one that runs until it is
 * disposed. Both receive one JSON argument and print one line of JSON.
 *
 * A child never outlives the call that owns it. The signal that stops the bench kills it, and so
 * does the end of its time.
 */

import { fileURLToPath } from "node:url";

const CONFIG = fileURLToPath(new URL("../deno.json", import.meta.url));
/** How long a child may take to end after it was asked to. */
const END_MS = 20_000;

/** How a child runs. */
export interface ChildOptions {
  /** Stops it. */
  readonly signal: AbortSignal;
  /** Its time to print its line, in milliseconds. */
  readonly timeoutMs: number;
  /** Additions to its environment. */
  readonly env?: Record<string, string>;
}

/** Runs a program to its end, and returns what it printed. */
export async function runChild(
  program: URL,
  input: unknown,
  { signal, timeoutMs, env = {} }: ChildOptions,
): Promise<unknown> {
  using time = new TimeLimit(signal, timeoutMs, program);
  const { success, stdout, stderr } = await commandOf(program, input, {
    env,
    signal: time.signal,
    stderr: "piped",
  }).output();
  time.signal.throwIfAborted();
  if (!success) throw new Error(`${nameOf(program)} failed: ${new TextDecoder().decode(stderr)}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** A program that has printed its line, and runs until its input ends. */
export class RunningChild implements AsyncDisposable {
  /** What it printed. */
  readonly output: unknown;
  readonly #process: Deno.ChildProcess;
  readonly #signal: AbortSignal;

  private constructor(process: Deno.ChildProcess, signal: AbortSignal, output: unknown) {
    this.#process = process;
    this.#signal = signal;
    this.output = output;
  }

  /** Starts a program, and waits for its line. */
  static async start(
    program: URL,
    input: unknown,
    { signal, timeoutMs, env = {} }: ChildOptions,
  ): Promise<RunningChild> {
    using time = new TimeLimit(signal, timeoutMs, program);
    const process = commandOf(program, input, { env, stdin: "piped", stderr: "inherit" }).spawn();
    const kill = () => killIfRunning(process);
    time.signal.addEventListener("abort", kill);
    try {
      const line = await firstLine(process.stdout);
      time.signal.throwIfAborted();
      if (line === undefined) throw new Error(`${nameOf(program)} ended before it was ready`);
      return new RunningChild(process, signal, JSON.parse(line));
    } catch (error) {
      kill();
      await process.status;
      throw error;
    } finally {
      time.signal.removeEventListener("abort", kill);
    }
  }

  /** Ends its input, and waits until it has ended. Kills it if the bench is stopped, or in time. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#signal.aborted) killIfRunning(this.#process);
    const timer = setTimeout(() => killIfRunning(this.#process), END_MS);
    // A process that has died has closed its input.
    await this.#process.stdin.close().catch(() => {});
    await this.#process.status;
    clearTimeout(timer);
  }
}

/** Aborts when the bench is stopped, or when a program's time is over. */
class TimeLimit implements Disposable {
  readonly #controller = new AbortController();
  readonly #signal: AbortSignal;
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #stop = () => this.#controller.abort(this.#signal.reason);

  constructor(signal: AbortSignal, ms: number, program: URL) {
    signal.throwIfAborted();
    this.#signal = signal;
    signal.addEventListener("abort", this.#stop);
    this.#timer = setTimeout(() => {
      this.#controller.abort(new Error(`${nameOf(program)} did not answer within ${ms / 1000} s`));
    }, ms);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#signal.removeEventListener("abort", this.#stop);
  }
}

/** `Deno.execPath` is the program itself, so variables such as `LD_PRELOAD` affect it. */
function commandOf(program: URL, input: unknown, options: Deno.CommandOptions): Deno.Command {
  const args = ["run", "-A", "-q", "--no-check", "--config", CONFIG, fileURLToPath(program)];
  return new Deno.Command(Deno.execPath(), {
    args: [...args, JSON.stringify(input)],
    stdin: "null",
    stdout: "piped",
    ...options,
  });
}

/** The first line of a stream, or undefined if it ends before. */
async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string | undefined> {
  let text = "";
  for await (const part of stream.pipeThrough(new TextDecoderStream())) {
    text += part;
    if (text.includes("\n")) return text.slice(0, text.indexOf("\n"));
  }
  return undefined;
}

function killIfRunning(process: Deno.ChildProcess): void {
  try {
    process.kill("SIGKILL");
  } catch (error) {
    // It has ended by itself.
    if (!(error instanceof TypeError)) throw error;
  }
}

function nameOf(program: URL): string {
  return program.pathname.slice(program.pathname.lastIndexOf("/") + 1);
}
