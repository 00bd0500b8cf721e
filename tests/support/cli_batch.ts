/**
 * Runs many command lines in one process, one after the other: starting Deno takes longer than most
 * of them. `quireAll` in `cli.ts` starts it, with the lines as JSON in its argument.
 *
 * Each line ends with a mark on standard output, and on standard error unless that is a terminal.
 */

import { runProgram } from "../../cli/program.ts";

/** One command line. */
export interface Line {
  readonly words: readonly string[];
  /** The folder it runs in. */
  readonly cwd: string;
  /** The umask it runs with. Default the one of this process. */
  readonly umask?: number;
}

const MARK = /=== exit code (\d+) ===\n/;

/** What was written before each mark, and the exit code. */
export function partsOf(text: string): { text: string; code: number }[] {
  const parts = text.replaceAll("===\r\n", "===\n").split(MARK);
  return Array.from({ length: parts.length >> 1 }, (_, i) => {
    return { text: parts[2 * i]!, code: Number(parts[2 * i + 1]) };
  });
}

if (import.meta.main) {
  for (const { words, cwd, umask } of JSON.parse(Deno.args[0]!) as Line[]) {
    Deno.chdir(cwd);
    const before = umask === undefined ? undefined : Deno.umask(umask);
    const code = await runProgram(words);
    if (before !== undefined) Deno.umask(before);
    const mark = new TextEncoder().encode(`=== exit code ${code} ===\n`);
    Deno.stdout.writeSync(mark);
    if (!Deno.stderr.isTerminal()) Deno.stderr.writeSync(mark);
  }
}
