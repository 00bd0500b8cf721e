/**
 * Foreign keys that may be broken until their transaction ends. What was found broken is then
 * checked again, with the same values. If the schema has changed meanwhile, all keys of all tables
 * are checked.
 */

import { compile, type CompilerInput } from "../change/compile.ts";
import { allOrphansText } from "../change/foreign_keys.ts";
import type { Explainable } from "../parse/statement_ast.ts";
import { parseOne } from "../parse/statement_parser.ts";
import type { Table } from "../schema/types.ts";
import { foreignError } from "../value/error.ts";
import type { SqlValue } from "../value/value.ts";
import { type Deferred, Machine, type Store } from "../vm/machine.ts";

/** What the checks need from an engine: its schema and its trees. */
type Checked = CompilerInput & Store;

/** The checks of a transaction. */
export class DeferredKeys implements Deferred {
  /** Whether all keys wait: PRAGMA defer_foreign_keys. */
  isForAll = false;
  readonly #engine: Checked;
  /** The values to check, by the query that must find nothing. */
  readonly #values = new Map<string, (readonly SqlValue[])[]>();
  /** The generation of the schema when the first was added. */
  #generation = 0;

  /** Creates the checks of an engine. */
  constructor(engine: Checked) {
    this.#engine = engine;
  }

  /** Adds a query that must find nothing when the transaction ends. */
  add(orphans: string, values: readonly SqlValue[]): void {
    if (this.#values.size === 0) this.#generation = this.#engine.catalog.generation;
    const known = this.#values.get(orphans);
    if (known === undefined) this.#values.set(orphans, [values]);
    else known.push(values);
  }

  /**
   * Checks the keys before the transaction ends.
   *
   * @throws {SqlError} One of them is broken.
   */
  check(): void {
    if (this.#values.size === 0) return;
    const isSame = this.#generation === this.#engine.catalog.generation;
    if (isSame ? this.#isBroken() : brokenKeys(this.#engine).length > 0) throw foreignError();
    this.#values.clear();
  }

  #isBroken(): boolean {
    for (const [text, all] of this.#values) {
      const program = compile(this.#engine, parseOne(text) as Explainable);
      if (all.some((values) => this.#engine.call(program, values) !== undefined)) return true;
    }
    return false;
  }

  /** Forgets everything, once the transaction has ended. */
  clear(): void {
    this.#values.clear();
    this.isForAll = false;
  }
}

/** The rows of PRAGMA foreign_key_check: table, rowid, parent, and the number of the key. */
export function brokenKeys(engine: Checked, only?: Table): SqlValue[][] {
  const { catalog } = engine;
  const tables = only === undefined ? catalog.tables() : [only];
  return tables.flatMap((child) =>
    child.foreignKeys.toReversed().flatMap((key, id) => {
      const text = allOrphansText(child, key, catalog.table(key.parent));
      const program = compile(engine, parseOne(text) as Explainable);
      const rows: SqlValue[][] = [];
      new Machine(program, engine, []).run((registers, first) => {
        rows.push([child.name, registers[first]!, key.parent, id]);
      });
      return rows;
    })
  );
}
