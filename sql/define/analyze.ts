/**
 * ANALYZE, which counts the distinct values of indexes for the planner, and REINDEX, which rebuilds
 * indexes.
 */

import type { Transaction } from "../../mod.ts";
import type { Maintenance } from "../parse/statement_ast.ts";
import { SCHEMA_NAMES } from "../query/schema_table.ts";
import { type Index, keyOfName, type Table } from "../schema/types.ts";
import { collationOf, compareBytes } from "../value/compare.ts";
import { refuse } from "../value/error.ts";
import { PartReader } from "../value/part_reader.ts";
import { fillIndex } from "./create.ts";
import type { Engine } from "./engine.ts";

/** The tables and indexes that a statement names; all if it names none. */
function namedIn(engine: Engine, { kind, name, at }: Maintenance): [Table, readonly Index[]][] {
  const { catalog } = engine;
  const isAll = name === undefined || kind === "analyze" && keyOfName(name) === "main";
  if (isAll) return catalog.tables().map((table) => [table, table.indexes]);
  const collation = collationOf(name);
  const table = catalog.table(name);
  if (table !== undefined) return [[table, table.indexes]];
  const found = catalog.index(name);
  if (found !== undefined) return [[found.table, [found.index]]];
  // REINDEX with a collation is for the indexes that use it.
  if (collation !== undefined && kind === "reindex") {
    return catalog.tables().map((table) => [
      table,
      table.indexes.filter(({ parts }) => parts.some((part) => part.collation === collation)),
    ]);
  }
  // The schema has no indexes.
  if (kind === "reindex" && SCHEMA_NAMES.includes(keyOfName(name))) return [];
  return refuse(
    kind === "reindex"
      ? `unable to identify the object to be reindexed: ${name}`
      : `no such table or index: ${name}`,
    at,
  );
}

/** ANALYZE. */
export function analyze(engine: Engine, statement: Maintenance): void {
  const named = namedIn(engine, statement);
  engine.write((tx) => {
    for (const [table, indexes] of named) {
      if (table.isTemporary) continue;
      if (!table.hasRowid) analyzeTree(engine, tx, table.tree, table.primaryKey.length);
      for (const { tree, parts } of indexes) analyzeTree(engine, tx, tree, parts.length);
    }
  });
}

function analyzeTree(engine: Engine, tx: Transaction, tree: string, parts: number): void {
  const distinct = new Array<number>(parts).fill(0);
  const reader = new PartReader();
  let before: Uint8Array = new Uint8Array(0);
  for (const key of engine.read(tree).keys()) {
    reader.reset(key);
    for (let i = 0; i < parts; i++) {
      reader.skipKeyValue();
      const end = reader.at;
      // Where a part differs, so does every longer prefix.
      if (compareBytes(key.subarray(0, end), before.subarray(0, end)) === 0) continue;
      for (let j = i; j < parts; j++) distinct[j]!++;
      break;
    }
    before = key;
  }
  engine.catalog.setStatistics(tx, tree, { rows: engine.count(tree), distinct });
}

/** REINDEX. */
export function reindex(engine: Engine, statement: Maintenance): void {
  const named = namedIn(engine, statement);
  engine.write(() => {
    for (const [table, indexes] of named) {
      for (const index of indexes) {
        engine.writable(index.tree).clear();
        fillIndex(engine, table, index);
      }
    }
  });
}
