/**
 * `shell`: a prompt on an open database, or a script through a pipe.
 */

import type { CommandSpec } from "../spec/command_spec.ts";

/** Runs statements. */
export const shell: CommandSpec = {
  name: "shell",
  summary: "run statements from a prompt, or from a script through a pipe",
  details: "Statements are the commands without FILE, begin, commit and rollback, and .trace on, " +
    "which shows the cost of each; .help lists them. A script stops at its first error, and the " +
    "exit code is that of the error. A missing file is created.",
  file: "create",
  args: [],
  options: [],
  examples: [
    ["shell cities.quire", "a prompt"],
    ["shell cities.quire < changes.txt", "a script"],
  ],
  inShell: false,
  async run(context) {
    const { Shell } = await import("../shell/shell.ts");
    const statements = context.commands.filter(({ inShell }) => inShell);
    const lines = await linesFor(statements, () => context.db.trees());
    try {
      return await new Shell(context, statements, lines).run();
    } finally {
      lines.close();
    }
  },
};

async function linesFor(statements: readonly CommandSpec[], trees: () => string[]) {
  const { ScriptLines } = await import("../shell/lines.ts");
  if (!Deno.stdin.isTerminal() || !Deno.stdout.isTerminal()) return new ScriptLines();
  const { TerminalLines } = await import("../shell/terminal.ts");
  const { completerOf } = await import("../shell/complete.ts");
  const { History } = await import("../shell/history.ts");
  return new TerminalLines(completerOf(statements, trees), new History());
}
