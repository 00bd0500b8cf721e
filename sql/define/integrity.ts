/**
 * PRAGMA integrity_check: whether rows can be read, and each index has exactly the entries of the
 * rows of its table.
 */

import { compileEntries } from "../change/compile.ts";
import type { Index, Table } from "../schema/types.ts";
import { PartReader } from "../value/part_reader.ts";
import type { SqlValue } from "../value/value.ts";
import type { Engine } from "./engine.ts";

/** The number of messages after which a check ends. */
const PROBLEMS_MAX = 100;
const reader = new PartReader();

/** What is wrong with the indexes of all tables; `ok` if nothing is. */
export function integrityRows(engine: Engine): SqlValue[][] {
  const problems = engine.catalog.tables().flatMap((table) => {
    const malformed = malformedRows(engine, table);
    // An index is compared with rows that can be read.
    if (malformed.length > 0) return malformed;
    return table.indexes.flatMap((index) => problemsOf(engine, table, index));
  });
  const shown = problems.length === 0 ? ["ok"] : problems.slice(0, PROBLEMS_MAX);
  return shown.map((problem) => [problem]);
}

function malformedRows(engine: Engine, table: Table): string[] {
  const problems: string[] = [];
  let row = 0;
  engine.read(table.tree).visit({}, (key, value) => {
    row++;
    if (!isRow(table, key, value)) problems.push(`row ${row} of table ${table.name} is malformed`);
    return problems.length < PROBLEMS_MAX;
  });
  return problems;
}

/** Whether an entry is a row: a key of the parts that it should have, and readable values. */
function isRow({ hasRowid, primaryKey }: Table, key: Uint8Array, value: Uint8Array): boolean {
  try {
    reader.reset(key);
    if (hasRowid) reader.rowid();
    else primaryKey.forEach(() => reader.skipKeyValue());
    if (!reader.isAtEnd) return false;
    reader.reset(value);
    while (!reader.isAtEnd) reader.rowValue();
    return true;
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}

function problemsOf(engine: Engine, table: Table, index: Index): string[] {
  const entries = engine.read(index.tree);
  const program = compileEntries(engine, table, index);
  const { rows } = engine.run(() => program, [], (registers, first) => {
    return entries.has(registers[first] as Uint8Array);
  });
  const problems = rows.flatMap((isThere, i) =>
    isThere ? [] : [`row ${i + 1} missing from index ${index.name}`]
  );
  const isWhole = entries.count() === rows.length || problems.length > 0;
  return isWhole ? problems : [`wrong # of entries in index ${index.name}`];
}
