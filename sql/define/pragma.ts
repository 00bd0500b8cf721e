/**
 * Pragmas: those that describe a schema, numbers that programs keep with it, and settings of
 * SQLite. A hint that changes no result is accepted and ignored. A setting that is always on here,
 * or always off, accepts that value. Others are refused by name.
 */

import type { Pragma } from "../parse/statement_ast.ts";
import { describedBy, type PragmaResult } from "../query/pragma_rows.ts";
import { applyAffinity } from "../value/affinity.ts";
import { refuse, SqlError, unsupported } from "../value/error.ts";
import { type SqlValue, truth } from "../value/value.ts";
import { brokenKeys } from "./deferred_keys.ts";
import type { Engine } from "./engine.ts";
import { integrityRows } from "./integrity.ts";

/** Hints about performance. */
const HINTS = new Set(
  ("analysis_limit automatic_index busy_timeout cache_size cache_spill journal_size_limit " +
    "mmap_size optimize synchronous temp_store threads wal_autocheckpoint").split(" "),
);
/** Settings that have one value here, and the value. */
const FIXED: ReadonlyMap<string, boolean> = new Map([
  ["foreign_keys", true],
  ["case_sensitive_like", false],
  ["ignore_check_constraints", false],
  ["legacy_alter_table", false],
  ["read_uncommitted", false],
  ["recursive_triggers", false],
  ["writable_schema", false],
]);
/** Numbers that programs keep. */
const KEPT = new Set(["application_id", "user_version"]);

const NOTHING: PragmaResult = { columns: [], rows: [] };

/** Whether a pragma changes a number that the database keeps. */
export function keepsNumber({ name, argument }: Pragma): boolean {
  return argument !== undefined && KEPT.has(name);
}

/** Runs a pragma. */
export function runPragma(engine: Engine, pragma: Pragma): PragmaResult {
  const { name, argument, at } = pragma;
  const fixed = FIXED.get(name);
  if (fixed !== undefined) return fixedSetting(pragma, fixed);
  if (KEPT.has(name)) return keptNumber(engine, pragma);
  if (HINTS.has(name) && (argument !== undefined || name === "optimize")) {
    if (name === "busy_timeout") return one("timeout", whole(argument));
    return name === "optimize" ? { columns: [name], rows: [] } : NOTHING;
  }
  switch (name) {
    case "defer_foreign_keys":
      if (argument === undefined) return one(name, truth(engine.deferred.isForAll));
      engine.deferred.isForAll = isOn(argument);
      return NOTHING;
    case "foreign_key_check":
      return foreignKeyCheck(engine, pragma);
    case "journal_mode":
      if (argument !== undefined && argument.toLowerCase() !== "wal") break;
      return one("journal_mode", "wal");
    case "encoding":
      if (argument !== undefined && !/^utf-?8$/i.test(argument)) break;
      return argument === undefined ? one("encoding", "UTF-8") : NOTHING;
    case "integrity_check":
    case "quick_check":
      if (argument !== undefined && whole(argument) === null) break;
      return { columns: [name], rows: integrityRows(engine) };
  }
  const described = describedBy(engine.catalog, name, argument);
  const shown = argument === undefined ? name : `${name} with the value ${argument}`;
  return described ?? unsupported(`PRAGMA ${shown} is`, at);
}

function one(name: string, value: SqlValue): PragmaResult {
  return { columns: [name], rows: [[value]] };
}

function whole(argument: string | undefined): SqlValue {
  const value = applyAffinity(argument ?? null, "INTEGER");
  return typeof value === "number" ? value : null;
}

function isOn(argument: string): boolean {
  return /^([1-9]\d*|on|true|yes)$/i.test(argument);
}

function foreignKeyCheck(engine: Engine, { argument, at }: Pragma): PragmaResult {
  const table = argument === undefined ? undefined : engine.catalog.table(argument);
  if (argument !== undefined && table === undefined) refuse(`no such table: ${argument}`, at);
  return { columns: ["table", "rowid", "parent", "fkid"], rows: brokenKeys(engine, table) };
}

function fixedSetting({ name, argument, at }: Pragma, value: boolean): PragmaResult {
  if (argument === undefined) return one(name, value ? 1 : 0);
  if (isOn(argument) === value) return NOTHING;
  if (name === "foreign_keys") return refuse("foreign keys are always enforced", at);
  return unsupported(`PRAGMA ${name} is`, at);
}

/** A number of 32 bits in the database, which the transaction around it keeps or rolls back. */
function keptNumber(engine: Engine, { name, argument, at }: Pragma): PragmaResult {
  const { settings } = engine.trees;
  if (argument === undefined) {
    const kept: unknown = settings.get(name) ?? 0;
    if (Number.isSafeInteger(kept)) return one(name, kept as number);
    throw new SqlError("VALUE", `the stored ${name} is not an integer`);
  }
  const number = whole(argument);
  if (typeof number !== "number" || (number | 0) !== number) {
    return refuse(`PRAGMA ${name} takes an integer of 32 bits`, at);
  }
  engine.write((tx) => tx.tree(settings).set(name, number));
  return NOTHING;
}
