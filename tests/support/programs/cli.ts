/**
 * Runs the command line as users do: with `-RW` and no other permission, in a process of its own
 * where it has an environment or further flags, and otherwise in a process that runs many.
 */

import { fromFileUrl } from "@std/path";
import { type Line, partsOf } from "./cli_batch.ts";
import { HANG_MS } from "./hang.ts";
import { linesOf } from "./program.ts";
import { type Outcome, runWarm } from "./warm_quire.ts";

export type { Outcome };

const CLI = fromFileUrl(new URL("../../../cli/cli.ts", import.meta.url));
const BATCH = fromFileUrl(new URL("./cli_batch.ts", import.meta.url));

/** Commands that read their input in pieces; a stream would close it for those that follow. */
const FED = ["load", "shell", "sql"];

/** Options of a run. */
export interface CliOptions {
  /** Its standard input. */
  readonly input?: string | Uint8Array;
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  /** Further flags of Deno. */
  readonly flags?: readonly string[];
}

/** The words that run a command. */
export function cliWords(args: readonly string[], flags: readonly string[] = []): string[] {
  // `deno task check` checks the types once.
  return ["run", "--quiet", "-RW", "--no-prompt", "--no-check", ...flags, CLI, ...args];
}

/** Runs a command to its end. */
export function quire(args: readonly string[], options: CliOptions = {}): Promise<Outcome> {
  const { input, env, flags, cwd = Deno.cwd() } = options;
  const isAlone = env !== undefined || flags !== undefined ||
    (input !== undefined && !FED.includes(args[0] ?? ""));
  if (isAlone) return quireAlone(args, options);
  const line = { words: args, cwd, hasInput: input !== undefined };
  return runWarm(line, typeof input === "string" ? new TextEncoder().encode(input) : input);
}

/** Runs a command to the end of its own process. */
async function quireAlone(
  args: readonly string[],
  options: CliOptions = {},
): Promise<Outcome> {
  const { input, cwd, env = {}, flags } = options;
  const child = new Deno.Command(Deno.execPath(), {
    args: cliWords(args, flags),
    env,
    stdin: input === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(HANG_MS),
    ...(cwd !== undefined && { cwd }),
  }).spawn();
  if (input !== undefined) await feed(child, input);
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

/** The words that run many command lines in one process. */
export function batchWords(lines: readonly Line[]): string[] {
  const flags = ["--quiet", "-RW", "--no-prompt", "--no-check"];
  if (lines.some(({ umask }) => umask !== undefined)) flags.push("--allow-sys");
  return ["run", ...flags, BATCH, JSON.stringify(lines)];
}

/**
 * Runs command lines one after the other, without input, in one process. Use it for tables of
 * lines. A process of its own, as `quire` may start, also tests what happens at its end.
 */
export async function quireAll(lines: readonly Line[]): Promise<Outcome[]> {
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: batchWords(lines),
    stdin: "null",
    signal: AbortSignal.timeout(HANG_MS),
  }).output();
  const decoder = new TextDecoder();
  const [out, err] = [partsOf(decoder.decode(stdout)), partsOf(decoder.decode(stderr))];
  if (out.length !== lines.length || err.length !== lines.length) {
    throw new Error(`it ended after ${out.length} of ${lines.length}: ${decoder.decode(stderr)}`);
  }
  return out.map(({ text, code }, i) => ({ code, out: text, err: err[i]!.text }));
}

async function feed(child: Deno.ChildProcess, input: string | Uint8Array): Promise<void> {
  const bytes = typeof input === "string" ? new TextEncoder().encode(input) : input;
  const writer = child.stdin.getWriter();
  try {
    await writer.write(bytes);
    await writer.close();
  } catch {
    // It ended without reading all input.
  }
}

/** Creates a program `quire` in a folder, for shell scripts. */
export function installQuire(folder: string): void {
  installProgram(folder, aloneLine());
}

/**
 * As `installQuire`, for scripts of many lines: one process runs those whose input is none or a
 * terminal, which they must not read.
 *
 * @param isAlone Whether a command is to have a process of its own in any case.
 */
export function installWarmQuire(
  folder: string,
  isAlone: (words: readonly string[]) => boolean = () => false,
): AsyncDisposable {
  const requests = Deno.makeTempDirSync({ prefix: "quire-test-" });
  const pipe = `${requests}/pipe`;
  const { success } = new Deno.Command("mkfifo", { args: [pipe] }).outputSync();
  if (!success) throw new Error("mkfifo failed");
  installProgram(
    folder,
    `case "$(readlink /proc/self/fd/0)" in
/dev/null | /dev/pts/*) ;;
*) ${aloneLine()} ;;
esac
own='${requests}'/$$
mkfifo "$own"
printf '%s\\0' "$PWD" "$@" > "$own.words"
echo $$ > '${pipe}'
read code < "$own"
[ "$code" = alone ] && ${aloneLine()}
cat "$own.out"
cat "$own.err" >&2
exit "$code"`,
  );
  // Also for writing, because otherwise it ends with each of its writers.
  const file = Deno.openSync(pipe, { read: true, write: true });
  const end = serve(file, requests, isAlone);
  return {
    async [Symbol.asyncDispose]() {
      await Deno.writeTextFile(pipe, "\n");
      await end;
      Deno.removeSync(requests, { recursive: true });
    },
  };
}
/** Writes a program of a shell. */
function installProgram(folder: string, text: string): void {
  Deno.writeTextFileSync(`${folder}/quire`, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
}

/** The line that runs a command in a process of its own. */
function aloneLine(): string {
  const words = [Deno.execPath(), ...cliWords([])].map((word) => `'${word}'`).join(" ");
  return `exec ${words} "$@"`;
}

/** Runs the lines whose numbers arrive in a pipe, each with its files in a folder. */
async function serve(
  pipe: Deno.FsFile,
  folder: string,
  isAlone: (words: readonly string[]) => boolean,
): Promise<void> {
  for await (const number of linesOf(pipe.readable)) {
    if (number === "") return;
    const own = `${folder}/${number}`;
    const [cwd, ...words] = Deno.readTextFileSync(`${own}.words`).split("\0").slice(0, -1);
    let answer = "alone";
    if (!isAlone(words)) {
      const { code, out, err } = await quire(words, { cwd: cwd! });
      Deno.writeTextFileSync(`${own}.out`, out);
      Deno.writeTextFileSync(`${own}.err`, err);
      answer = String(code);
    }
    await Deno.writeTextFile(own, `${answer}\n`);
  }
}

/** Runs work for each item, a few at a time. Returns the results in order. */
export async function inParallel<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
  lanes = 4,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const lane = async () => {
    while (next < items.length) {
      const index = next++;
      results[index] = await work(items[index]!);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return results;
}
