/**
 * Completion of SQL: keywords, and the names of tables and columns.
 */

import type { Sql } from "../../sql/mod.ts";
import { isPrintable } from "../io/shell_words.ts";
import type { Completer } from "../shell/terminal.ts";
import { DOT_COMMANDS } from "./session.ts";
import { quoted } from "./shorthand.ts";

const KEYWORDS =
  ("ALTER ALWAYS ANALYZE AND AS BEGIN BETWEEN BY CASE CAST CHECK COLLATE COMMIT CONFLICT CREATE " +
    "CROSS DEFAULT DELETE DESC DISTINCT DO DROP ELSE END EXCEPT EXISTS EXPLAIN FILTER FROM FULL " +
    "GENERATED GLOB GROUP HAVING IN INDEX INSERT INTERSECT INTO IS JOIN KEY LEFT LIKE LIMIT " +
    "NATURAL NOT NULL NULLS OFFSET ON OR ORDER OUTER OVER PARTITION PLAN PRAGMA PRIMARY QUERY " +
    "RECURSIVE REFERENCES RELEASE RENAME REPLACE RETURNING RIGHT ROLLBACK SAVEPOINT SELECT SET " +
    "STORED TABLE THEN TRIGGER UNION UNIQUE UPDATE USING VALUES VIEW VIRTUAL WHEN WHERE WINDOW " +
    "WITH").split(" ");

/** A completer for the tables that exist when it is called. */
export function sqlCompleter(query: Sql): Completer {
  return (line) => {
    const part = /[\w.]*$/.exec(line)![0];
    const isDot = line.trimStart() === part && part.startsWith(".");
    const candidates = isDot ? DOT_COMMANDS.map(([name]) => name.split(" ")[0]!) : wordsFor(query);
    const lower = part.toLowerCase();
    const found = candidates.filter((word) => word.toLowerCase().startsWith(lower));
    return [part === "" ? [] : [...new Set(found)], part];
  };
}

function wordsFor(query: Sql): string[] {
  const tables = query.schema().filter(({ type }) => type === "table").map(({ name }) => name);
  const columns = tables.flatMap((name) =>
    query.prepare(`SELECT * FROM ${quoted(name)}`).columns().map((column) => column.name)
  );
  return [
    ...KEYWORDS,
    ...[...tables, ...columns].filter((name) => isPrintable(name) && /^[A-Za-z_]\w*$/.test(name)),
  ];
}
