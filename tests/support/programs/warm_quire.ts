/**
 * A process that runs command lines, one after the other, for all tests of a run: starting Deno
 * takes longer than most of them.
 *
 * It starts with the first line, and again after a line that ended it. It ends when the process of
 * the tests does, because its pipe does then. What a process does at its end shows in processes of
 * their own alone.
 *
 * Its standard input is a second pipe, which is at its end while nobody writes. A line with input
 * has a writer from before it begins; what it leaves of its input is dropped.
 */

import { fromFileUrl } from "@std/path";
import { type Line, partsOf, PIPE } from "./cli_batch.ts";
import { HANG_MS } from "./hang.ts";

const BATCH = fromFileUrl(new URL("./cli_batch.ts", import.meta.url));
const MARKED = /=== exit code \d+ ===\n$/;
/** No mark is longer. */
const MARK_BYTES = 32;

/** The exit code and the output of a run. */
export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** What one stream of the process prints, line by line. */
class Printed {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /** What is printed up to the next mark; or, without a mark, to the end. */
  async next(): Promise<string> {
    const parts: Uint8Array[] = [];
    const decoder = new TextDecoder();
    for (let tail = ""; !MARKED.test(tail);) {
      const { done, value } = await this.#reader.read();
      if (done) break;
      parts.push(value);
      tail = (tail + decoder.decode(value, { stream: true })).slice(-MARK_BYTES);
    }
    return new TextDecoder().decode(await new Blob(parts as BlobPart[]).bytes());
  }
}

/** The process. */
class Warm {
  readonly #folder = Deno.makeTempDirSync({ prefix: "quire-test-" });
  readonly #process: Deno.ChildProcess;
  readonly #requests: Deno.FsFile;
  /** Settled once the process has its standard input, which has no writer then. */
  readonly #hasInput: Promise<void>;
  readonly #out: Printed;
  readonly #err: Printed;

  /** Starts the process. */
  constructor() {
    const pipe = `${this.#folder}/lines`;
    const { success } = new Deno.Command("mkfifo", { args: [pipe, this.#input] }).outputSync();
    if (!success) throw new Error("mkfifo failed");
    const words = ["run", "--quiet", "-RW", "--no-prompt", "--no-check", BATCH, PIPE + pipe];
    this.#process = new Deno.Command("sh", {
      args: [
        "-c",
        'input=$1; shift; exec "$@" <"$input"',
        "sh",
        this.#input,
        Deno.execPath(),
        ...words,
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#process.unref();
    // This waits until the process has opened it.
    this.#hasInput = Deno.open(this.#input, { write: true }).then((file) => file.close());
    // Also for reading, because otherwise it waits until the process has opened it.
    this.#requests = Deno.openSync(pipe, { read: true, write: true });
    this.#out = new Printed(this.#process.stdout);
    this.#err = new Printed(this.#process.stderr);
  }

  /** Removes its pipes, at the end of the tests. */
  [Symbol.dispose](): void {
    Deno.removeSync(this.#folder, { recursive: true });
  }

  get #input(): string {
    return `${this.#folder}/input`;
  }

  /**
   * Runs one line. Returns its outcome, and whether the process can run another.
   *
   * @param input What its standard input has.
   */
  async run(line: Line, input?: Uint8Array): Promise<{ outcome: Outcome; goesOn: boolean }> {
    await this.#hasInput;
    const fed = input && feed(Deno.openSync(this.#input, { write: true }), input);
    this.#requests.writeSync(new TextEncoder().encode(`${JSON.stringify(line)}\n`));
    const hang = setTimeout(() => this.#process.kill("SIGKILL"), HANG_MS);
    try {
      const [out, err] = await Promise.all([this.#out.next(), this.#err.next()]);
      await fed;
      const [[outPart], [errPart]] = [partsOf(out), partsOf(err)];
      if (outPart !== undefined && errPart !== undefined) {
        const outcome = { code: outPart.code, out: outPart.text, err: errPart.text };
        return { outcome, goesOn: true };
      }
      const { code } = await this.#process.status;
      this.#requests.close();
      this[Symbol.dispose]();
      return { outcome: { code, out, err }, goesOn: false };
    } finally {
      clearTimeout(hang);
    }
  }
}

/** Writes the input of a line, and ends it. */
async function feed(pipe: Deno.FsFile, input: Uint8Array): Promise<void> {
  using file = pipe;
  try {
    for (let at = 0; at < input.length;) at += await file.write(input.subarray(at));
  } catch {
    // The process has ended without reading all input.
  }
}

let warm: Warm | undefined;
let last: Promise<unknown> = Promise.resolve();

addEventListener("unload", () => warm?.[Symbol.dispose]());

/** Runs a command line, after those that were given before. */
export function runWarm(line: Line, input?: Uint8Array): Promise<Outcome> {
  const run = async () => {
    warm ??= new Warm();
    const { outcome, goesOn } = await warm.run(line, input);
    if (!goesOn) warm = undefined;
    return outcome;
  };
  const result = last.then(run, run);
  last = result;
  return result;
}
