/**
 * PRAGMA integrity_check: whether each index has exactly the entries of the rows of its table.
 */

import { compileEntries } from "../change/compile.ts";
import type { Index, Table } from "../schema/types.ts";
import type { SqlValue } from "../value/value.ts";
import type { Engine } from "./engine.ts";

/** Messages after which a check ends. */
const PROBLEMS_MAX = 100;

/** What is wrong with the indexes of all tables; `ok` if nothing is. */
export function integrityRows(engine: Engine): SqlValue[][] {
  const problems = engine.catalog.tables().flatMap((table) =>
    table.indexes.flatMap((index) => problemsOf(engine, table, index))
  );
  const shown = problems.length === 0 ? ["ok"] : problems.slice(0, PROBLEMS_MAX);
  return shown.map((problem) => [problem]);
}

function problemsOf(engine: Engine, table: Table, index: Index): string[] {
  const entries = engine.read(index.tree);
  const { rows } = engine.run(compileEntries(engine, table, index), [], (registers, first) => {
    return entries.has(registers[first] as Uint8Array);
  });
  const problems = rows.flatMap((isThere, i) =>
    isThere ? [] : [`row ${i + 1} missing from index ${index.name}`]
  );
  const isWhole = entries.count() === rows.length || problems.length > 0;
  return isWhole ? problems : [`wrong # of entries in index ${index.name}`];
}
