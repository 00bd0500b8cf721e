/**
 * `sql`: statements of SQL from an argument, from a prompt, or from a script through a pipe.
 */

import type { CommandSpec, Context } from "../spec/command_spec.ts";

/** Runs statements of SQL. */
export const sql: CommandSpec = {
  name: "sql",
  summary: "run statements of SQL: given, from a prompt, or from a script in a pipe",
  details: "Statements end with a semicolon; .help lists the commands, which begin with a dot. " +
    "Rows are a table on a terminal, and otherwise JSON, a row a line. A script stops at its " +
    "first error. A missing file is created. A file that other processes share is shared.",
  file: "create",
  shares: true,
  args: [{ name: "statements", what: "statements to run instead", optional: true }],
  options: [],
  examples: [
    ["sql cities.quire 'SELECT count(*) FROM city'", "one statement"],
    ["sql cities.quire", "a prompt"],
    ["sql cities.quire < queries.sql", "a script"],
  ],
  inShell: false,
  async run(context, [statements]) {
    const { SqlSession } = await import("../sql/session.ts");
    const lines = await linesFor(context, statements);
    try {
      return await new SqlSession(context, lines).run();
    } finally {
      lines.close();
    }
  },
};

async function linesFor({ db }: Context, statements: string | undefined) {
  const { GivenLines, ScriptLines } = await import("../shell/lines.ts");
  if (statements !== undefined) return new GivenLines(statements);
  if (!Deno.stdin.isTerminal() || !Deno.stdout.isTerminal()) return new ScriptLines();
  const { TerminalLines } = await import("../shell/terminal.ts");
  const { sqlCompleter } = await import("../sql/complete.ts");
  const { History } = await import("../shell/history.ts");
  const { sql: queryOf } = await import("../../sql/mod.ts");
  return new TerminalLines(sqlCompleter(queryOf(db)), new History());
}
