/**
 * Compiles INSERT, with ON CONFLICT and RETURNING.
 */

import type { Label } from "../expression/builder.ts";
import type { Context } from "../expression/context.ts";
import { type CommonTables, NO_SCOPE, ROWID } from "../expression/scope.ts";
import type { Expr, Query } from "../parse/ast.ts";
import type {
  Assignment,
  ConflictAction,
  IndexedColumn,
  Insert,
  Upsert,
} from "../parse/statement_ast.ts";
import { isAlike } from "../parse/walk.ts";
import { defaultsOf } from "../query/defaults.ts";
import { withCommon } from "../query/from.ts";
import { knownCollation } from "../schema/build.ts";
import {
  columnNamed,
  type Index,
  type IndexPart,
  isRowidName,
  keyOfName,
  type Table,
} from "../schema/types.ts";
import { refuse } from "../value/error.ts";
import type { Writes } from "../vm/machine.ts";
import { assignmentsOf, emitAssignments, emitRowidCheck } from "./assignments.ts";
import { emitGenerated } from "./generated.ts";
import { plainInsertion } from "./plain_insertion.ts";
import { mayRead } from "./reads.ts";
import { cannotFail, Returning } from "./returning.ts";
import { type ConflictHandler, loadRow, RowWriter } from "./row_writer.ts";
import {
  actionOf,
  changeable,
  changesAlone,
  cursorSource,
  type Emitted,
  newRow,
  type RowRegisters,
  rowSource,
  scopeOf,
} from "./target.ts";
import { RowTriggers, tableShape } from "./triggers.ts";
import { emitUpdatedRow } from "./updated_row.ts";

/** Compiles an INSERT. */
export function compileInsert(context: Context, insert: Insert): Emitted {
  const table = changeable(context, insert.table, insert.at);
  return new InsertCompiler(context, insert, table).compile();
}

class InsertCompiler {
  readonly #context: Context;
  readonly #insert: Insert;
  readonly #table: Table;
  readonly #row: RowRegisters;
  readonly #name: string;
  readonly #common: CommonTables;
  readonly #triggers: RowTriggers;
  /** The action of OR, here or in the statement that runs the trigger around this one. */
  readonly #action: ConflictAction | undefined;

  constructor(context: Context, insert: Insert, table: Table) {
    this.#context = context;
    this.#insert = insert;
    this.#table = table;
    this.#row = newRow(context, table);
    this.#name = insert.alias ?? table.name;
    this.#common = withCommon(new Map(), insert.with);
    const shape = tableShape(table);
    this.#action = context.override ?? insert.action;
    this.#triggers = new RowTriggers(context, table.name, shape, "insert", this.#action);
  }

  compile(): Emitted {
    const { builder } = this.#context;
    const returning = new Returning(this.#context, this.#insert.returning, this.#common);
    const returned = { ...scopeOf(rowSource(this.#table, this.#row, this.#name)) };
    let skip: Label = 0;
    const handlers = this.#insert.upserts.map((upsert) =>
      this.#handler(upsert, returning, () => skip)
    );
    const writer = new RowWriter(this.#context, this.#table, this.#action, handlers);
    const plain = handlers.length > 0 ? undefined : plainInsertion(this.#table, this.#action);
    const isShort = plain !== undefined && this.#table.checks.length === 0 &&
      this.#insert.returning.length === 0 && !this.#triggers.has();
    this.#rows(isShort, (place) => {
      skip = builder.label();
      place();
      this.#before(skip);
      if (plain !== undefined) {
        if (this.#table.checks.length > 0) writer.check(this.#row, skip);
        builder.emit("InsertRow", this.#row.first, 0, this.#row.rowid, plain);
      } else {
        this.#placeRowid();
        if (this.#keepsRowids()) builder.emit("KeepRowid", this.#row.rowid, 0, 0, this.#table);
        writer.insert(this.#row, skip);
      }
      returning.add(returned);
      this.#triggers.run("after", undefined, rowSource(this.#table, this.#row), skip);
      builder.place(skip);
    });
    return { columns: returning.emit(returned), writes: this.#writes(plain !== undefined) };
  }

  #writes(isPlain: boolean): Writes {
    const { query } = this.#insert;
    if (this.#isOneRow()) return "one row";
    // A query may add more rows than memory can list.
    const isList = query?.body.kind === "values" && !this.#table.hasAutoincrement;
    return isList && isPlain && !this.#triggers.has() ? "added rows" : "rows";
  }

  /** Whether a rowid of AUTOINCREMENT may go to a row that is left out in the end. */
  #keepsRowids(): boolean {
    const { hasAutoincrement, keyConflict, columns, indexes } = this.#table;
    const own = [keyConflict, ...columns.map(({ notNull }) => notNull)];
    for (const { conflict } of indexes) own.push(conflict);
    return hasAutoincrement && (this.#insert.upserts.length > 0 ||
      own.some((conflict) => actionOf(this.#action, conflict) === "ignore"));
  }

  #isOneRow(): boolean {
    const { query, upserts, returning } = this.#insert;
    const updates = upserts.some(({ set }) => set !== undefined) &&
      this.#context.catalog.triggersOf(this.#table.name, "update").length > 0;
    if (this.#triggers.has() || updates || !returning.every(cannotFail)) return false;
    if (this.#keepsRowids()) return false;
    const isOne = query === undefined ||
      (query.body.kind === "values" && query.body.rows.length === 1);
    return isOne && changesAlone(this.#context, this.#table, this.#action);
  }

  /**
   * Emits the rows; `body` receives a function that puts one into the registers.
   *
   * @param isShort Whether the body is so short that each given row can have its own.
   */
  #rows(isShort: boolean, body: (place: () => void) => void): void {
    const { query } = this.#insert;
    const targets = this.#targets();
    if (query === undefined) return body(() => this.#place([], 0));
    const prepared = this.#context.prepare(query, this.#context.outer, this.#common);
    const count = prepared.columns.length;
    if (count !== targets.length) this.#refuseCount(count, targets.length);
    const { builder } = this.#context;
    const given = givenRows(query);
    if (given !== undefined && (given.length === 1 || isShort)) {
      for (const row of given) body(() => this.#placeExprs(targets, row));
      return;
    }
    if (this.#streams(query)) {
      return prepared.emit((first) => body(() => this.#place(targets, first)));
    }
    // The rows are read before the table changes.
    const list = builder.cursor();
    builder.emit("OpenList", list);
    prepared.emit((first) => builder.emit("AddRow", list, first, count));
    const [top, end] = [builder.label(), builder.label()];
    builder.emit("Rewind", list, end);
    builder.place(top);
    const first = builder.registers(count);
    for (let i = 0; i < count; i++) builder.emit("RowColumn", list, i, first + i);
    body(() => this.#place(targets, first));
    builder.emit("NextRow", list, top);
    builder.place(end);
  }

  /** Whether rows are inserted as the query finds them, because it reads nothing that changes. */
  #streams(query: Query): boolean {
    const { foreignKeys } = this.#table;
    const { catalog } = this.#context;
    return !this.#triggers.has() && this.#insert.upserts.length === 0 &&
      foreignKeys.length === 0 && catalog.childrenOf(this.#table).length === 0 &&
      !mayRead(catalog, query, this.#table);
  }

  #refuseCount(values: number, columns: number): never {
    const { name } = this.#table;
    const at = this.#insert.query!.at;
    if (this.#insert.columns !== undefined) refuse(`${values} values for ${columns} columns`, at);
    return refuse(`table ${name} has ${columns} columns but ${values} values were supplied`, at);
  }

  /** The column of each value. */
  #targets(): number[] {
    const { columns } = this.#insert;
    if (columns === undefined) {
      return this.#table.columns.flatMap(({ generated }, i) => generated === undefined ? [i] : []);
    }
    return columns.map(({ name, at }) => {
      const column = columnNamed(this.#table.columns, name);
      if (this.#table.columns[column]?.generated !== undefined) {
        refuse(`cannot INSERT into generated column "${name}"`, at);
      }
      if (column >= 0) return column;
      if (isRowidName(name) && this.#table.hasRowid) return ROWID;
      return refuse(`table ${this.#table.name} has no column named ${name}`, at);
    });
  }

  /** Puts the values of a row into its registers. */
  #place(targets: readonly number[], first: number): void {
    const { builder } = this.#context;
    this.#placeEach(targets, (source, target) => builder.emit("Copy", first + source, target));
  }

  /** Computes literals and parameters straight into the registers of a row. */
  #placeExprs(targets: readonly number[], exprs: readonly Expr[]): void {
    this.#placeEach(targets, (source, target) => {
      this.#context.value(exprs[source]!, NO_SCOPE, target);
    });
  }

  /** Puts values into the registers of a row: given ones by a function, and the defaults. */
  #placeEach(
    targets: readonly number[],
    put: (source: number, target: number) => void,
  ): void {
    const { builder } = this.#context;
    const { columns, rowidColumn } = this.#table;
    const row = this.#row;
    columns.forEach(({ defaultExpr }, column) => {
      const source = targets.indexOf(column);
      if (source >= 0) put(source, row.first + column);
      else if (defaultExpr === undefined || column === rowidColumn) {
        builder.emit("Null", row.first + column, 1);
      } else this.#context.value(defaultExpr, NO_SCOPE, row.first + column);
    });
    if (!this.#table.hasRowid) return;
    const given = targets.lastIndexOf(ROWID);
    if (given >= 0) put(given, row.rowid);
    else if (rowidColumn < 0) builder.emit("Null", row.rowid, 1);
  }

  /** BEFORE triggers see a rowid of -1 where the row has none yet. */
  #before(skip: Label): void {
    if (!this.#triggers.has("before")) return;
    const { builder } = this.#context;
    const copy = newRow(this.#context, this.#table);
    const source = rowSource(this.#table, copy);
    const { columns, hasRowid } = this.#table;
    columns.forEach((_, i) => builder.emit("Copy", this.#row.first + i, copy.first + i));
    if (hasRowid) {
      const isGiven = builder.label();
      builder.emit("Copy", this.#row.rowid, copy.rowid);
      builder.emit("NotNull", copy.rowid, isGiven);
      builder.emit("Value", copy.rowid, 0, 0, -1);
      builder.place(isGiven);
      // A trigger never sees an invalid rowid.
      builder.emit("CheckRowid", copy.rowid);
    }
    builder.emit("Affinities", copy.first, 0, 0, columns.map(({ affinity }) => affinity));
    emitGenerated(this.#context, this.#table, copy);
    this.#triggers.run("before", undefined, source, skip);
  }

  /** Makes a rowid if the row has none, or checks the given one. */
  #placeRowid(): void {
    if (!this.#table.hasRowid) return;
    const { builder } = this.#context;
    const row = this.#row;
    const [fresh, end] = [builder.label(), builder.label()];
    builder.emit("IsNull", row.rowid, fresh);
    builder.emit("CheckRowid", row.rowid);
    builder.emit("Goto", 0, end);
    builder.place(fresh);
    builder.emit("NewRowid", row.rowid, 0, 0, this.#table);
    builder.place(end);
  }

  /** How ON CONFLICT handles a conflict. */
  #handler(upsert: Upsert, returning: Returning, skip: () => Label): ConflictHandler {
    const keys = this.#upsertKeys(upsert);
    const { set } = upsert;
    const { builder } = this.#context;
    if (set === undefined) return { keys, emit: () => void builder.emit("Goto", 0, skip()) };
    return { keys, emit: (key) => this.#emitUpsert(upsert, set, key, returning, skip()) };
  }

  /** The unique key that the target of ON CONFLICT refers to; undefined = any. */
  #upsertKeys(upsert: Upsert): (Index | "key")[] | undefined {
    const { target, at } = upsert;
    if (target === undefined) return undefined;
    const { columns, indexes, primaryKey, keyCollations, rowidColumn, hasRowid } = this.#table;
    const [only] = target;
    const isRowid = hasRowid && target.length === 1 && only!.expr.kind === "name" &&
      (rowidColumn >= 0 && columnNamed(columns, only!.expr.column) === rowidColumn ||
        isRowidName(only!.expr.column) && columnNamed(columns, only!.expr.column) < 0);
    const key = primaryKey.map((column, i) => ({ column, collation: keyCollations[i]! }));
    if (isRowid || (!hasRowid && this.#isTarget(target, key))) return ["key"];
    const found = indexes.findLast(({ isUnique, parts, where }) =>
      isUnique && this.#isTarget(target, parts) &&
      (where === undefined || isSameCondition(upsert.targetWhere, where))
    );
    if (found !== undefined) return [found];
    return refuse(
      "ON CONFLICT clause does not match any PRIMARY KEY or UNIQUE constraint",
      at,
    );
  }

  /** Whether the target of ON CONFLICT has the parts of a key, in any order. */
  #isTarget(target: readonly IndexedColumn[], parts: readonly KeyPart[]): boolean {
    return parts.length === target.length &&
      parts.every((part) =>
        target.some(({ expr, collation }) => {
          if (collation !== undefined && knownCollation(collation, expr.at) !== part.collation) {
            return false;
          }
          if (part.column < 0) return isAlike(expr, part.expr!, sameColumn);
          return expr.kind === "name" &&
            columnNamed(this.#table.columns, expr.column) === part.column;
        })
      );
  }

  /** Updates the row in conflict. */
  #emitUpsert(
    upsert: Upsert,
    set: readonly Assignment[],
    key: number,
    returning: Returning,
    skip: Label,
  ): void {
    const { builder } = this.#context;
    const table = this.#table;
    const cursor = builder.cursor();
    builder.emit("OpenTable", cursor, 0, 0, { table, defaults: defaultsOf(table) }, table.name);
    const oldKey = builder.registers();
    builder.emit("Copy", key, oldKey);
    builder.emit("SeekKey", cursor, skip, oldKey);
    const old = cursorSource(table, cursor, this.#name);
    const excluded = rowSource(table, this.#row, "excluded");
    // A column name without a table refers to the row in the table.
    for (const { name } of table.columns) excluded.hidden.add(keyOfName(name));
    const parent = this.#context.outer;
    const scope = { ...scopeOf(old, excluded), common: this.#common, parent };
    if (upsert.where !== undefined) this.#context.jump(upsert.where, scope, skip, false, true);
    const assigned = assignmentsOf(table, set);
    const row = loadRow(this.#context, table, old);
    emitAssignments(this.#context, assigned, scope, row);
    emitRowidCheck(this.#context, table, assigned, row);
    const writer = new RowWriter(this.#context, table, "abort");
    const returned = scopeOf(rowSource(table, row, this.#name));
    const action = this.#action;
    const updated = { table, old, row, key: oldKey, assigned, writer, action, skip };
    emitUpdatedRow(this.#context, updated, () => returning.add(returned));
    builder.emit("Goto", 0, skip);
  }
}

/** The rows of VALUES, if they consist of literals and parameters. */
function givenRows({ body, limit }: Query): readonly (readonly Expr[])[] | undefined {
  if (body.kind !== "values" || limit !== undefined) return undefined;
  const isGiven = ({ kind }: Expr) => kind === "literal" || kind === "parameter";
  return body.rows.every((row) => row.every(isGiven)) ? body.rows : undefined;
}

/** A part of a unique key: a column, or an expression. */
type KeyPart = Pick<IndexPart, "column" | "collation"> & Partial<Pick<IndexPart, "expr">>;

/** Whether the target of ON CONFLICT has the condition of a partial index. */
function isSameCondition(given: Expr | undefined, where: Expr): boolean {
  return given !== undefined && isAlike(given, where, sameColumn);
}

function sameColumn(a: { kind: string }, b: { kind: string }): boolean {
  const [x, y] = [a as { column?: string }, b as { column?: string }];
  return x.column !== undefined && x.column.toLowerCase() === y.column?.toLowerCase();
}
