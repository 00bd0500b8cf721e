/**
 * Runs many command lines in one process, one after the other: starting Deno takes longer than most
 * of them. The lines are JSON: in its argument, from `quireAll` in `cli.ts`, or one after the other
 * in the named pipe that its argument names, from `WarmQuire` in `warm_quire.ts`.
 *
 * Each line ends with a mark on standard output, and on standard error unless that is a terminal.
 */

import { runProgram } from "../../../cli/program.ts";

/** One command line. */
export interface Line {
  readonly words: readonly string[];
  /** The folder it runs in. */
  readonly cwd: string;
  /** Whether it has input, which ends. */
  readonly hasInput?: boolean;
  /** The umask it runs with. Default the one of this process. */
  readonly umask?: number;
}

const MARK = /=== exit code (\d+) ===\n/;
/** What begins an argument that names a pipe. */
export const PIPE = "pipe:";

/** What was written before each mark, and the exit code. */
export function partsOf(text: string): { text: string; code: number }[] {
  const parts = text.replaceAll("===\r\n", "===\n").split(MARK);
  return Array.from({ length: parts.length >> 1 }, (_, i) => {
    return { text: parts[2 * i]!, code: Number(parts[2 * i + 1]) };
  });
}

/** Runs one command line, and writes the mark. */
async function run({ words, cwd, umask, hasInput = false }: Line): Promise<void> {
  Deno.chdir(cwd);
  const before = umask === undefined ? undefined : Deno.umask(umask);
  const code = await runProgram(words);
  if (before !== undefined) Deno.umask(before);
  // The next line must not read what this one left.
  for (const rest = new Uint8Array(65_536); hasInput && Deno.stdin.readSync(rest) !== null;);
  const mark = new TextEncoder().encode(`=== exit code ${code} ===\n`);
  Deno.stdout.writeSync(mark);
  if (!Deno.stderr.isTerminal()) Deno.stderr.writeSync(mark);
}

/** The lines that arrive in a pipe, to its end. */
async function* linesFrom(path: string): AsyncGenerator<Line> {
  const pipe = await Deno.open(path);
  let text = "";
  for await (const part of pipe.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (text + part).split("\n");
    text = lines.pop()!;
    for (const line of lines) yield JSON.parse(line);
  }
}

if (import.meta.main) {
  const given = Deno.args[0]!;
  const lines = given.startsWith(PIPE) ? linesFrom(given.slice(PIPE.length)) : JSON.parse(given);
  for await (const line of lines as AsyncIterable<Line> | Iterable<Line>) await run(line);
}
