/**
 * `sql`: statements of SQL from a prompt, or from a script through a pipe.
 */

import type { CommandSpec, Context } from "../spec/command_spec.ts";

/** Runs statements of SQL. */
export const sql: CommandSpec = {
  name: "sql",
  summary: "run statements of SQL from a prompt, or from a script through a pipe",
  details: "Statements end with a semicolon; .help lists the commands, which begin with a dot. " +
    "Rows are a table on a terminal, and otherwise JSON, a row a line. A script stops at its " +
    "first error. A missing file is created. A file that other processes share is shared.",
  file: "create",
  shares: true,
  args: [],
  options: [],
  examples: [
    ["sql cities.quire", "a prompt"],
    ["sql cities.quire < queries.sql", "a script"],
  ],
  inShell: false,
  async run(context) {
    const { SqlSession } = await import("../sql/session.ts");
    const lines = await linesFor(context);
    try {
      return await new SqlSession(context, lines).run();
    } finally {
      lines.close();
    }
  },
};

async function linesFor({ db }: Context) {
  const { ScriptLines } = await import("../shell/lines.ts");
  if (!Deno.stdin.isTerminal() || !Deno.stdout.isTerminal()) return new ScriptLines();
  const { TerminalLines } = await import("../shell/terminal.ts");
  const { sqlCompleter } = await import("../sql/complete.ts");
  const { History } = await import("../shell/history.ts");
  const { sql: queryOf } = await import("../../sql/mod.ts");
  return new TerminalLines(sqlCompleter(queryOf(db)), new History());
}
