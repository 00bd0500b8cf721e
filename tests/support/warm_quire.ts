/**
 * A process that runs command lines without input, one after the other, for all tests of a file:
 * starting Deno takes longer than most of them.
 *
 * It starts with the first line, and again after a line that ended it. It ends when the process of
 * the tests does, because its pipe does then. What a process does at its end, or with its input,
 * shows in processes of their own alone.
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
  readonly #out: Printed;
  readonly #err: Printed;
  #isReady = false;

  /** Starts the process. */
  constructor() {
    const pipe = `${this.#folder}/lines`;
    const { success } = new Deno.Command("mkfifo", { args: [pipe] }).outputSync();
    if (!success) throw new Error("mkfifo failed");
    this.#process = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "-RW", "--no-prompt", "--no-check", BATCH, PIPE + pipe],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#process.unref();
    // Also for reading, because otherwise it waits until the process has opened it.
    this.#requests = Deno.openSync(pipe, { read: true, write: true });
    this.#out = new Printed(this.#process.stdout);
    this.#err = new Printed(this.#process.stderr);
  }

  /** Runs one line. Returns its outcome, and whether the process can run another. */
  async run(line: Line): Promise<{ outcome: Outcome; goesOn: boolean }> {
    this.#requests.writeSync(new TextEncoder().encode(`${JSON.stringify(line)}\n`));
    const hang = setTimeout(() => this.#process.kill("SIGKILL"), HANG_MS);
    try {
      const [out, err] = await Promise.all([this.#out.next(), this.#err.next()]);
      if (!this.#isReady) Deno.removeSync(this.#folder, { recursive: true });
      this.#isReady = true;
      const [[outPart], [errPart]] = [partsOf(out), partsOf(err)];
      if (outPart !== undefined && errPart !== undefined) {
        const outcome = { code: outPart.code, out: outPart.text, err: errPart.text };
        return { outcome, goesOn: true };
      }
      const { code } = await this.#process.status;
      this.#requests.close();
      return { outcome: { code, out, err }, goesOn: false };
    } finally {
      clearTimeout(hang);
    }
  }
}

let warm: Warm | undefined;
let last: Promise<unknown> = Promise.resolve();

/** Runs a command line, after those that were given before. */
export function runWarm(line: Line): Promise<Outcome> {
  const run = async () => {
    warm ??= new Warm();
    const { outcome, goesOn } = await warm.run(line);
    if (!goesOn) warm = undefined;
    return outcome;
  };
  const result = last.then(run, run);
  last = result;
  return result;
}
