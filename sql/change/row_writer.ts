/**
 * Writes rows: checks the constraints of a new row, resolves conflicts, and keeps the indexes.
 */

import type { Label } from "../expression/builder.ts";
import { emitColumn } from "../expression/column.ts";
import type { Context } from "../expression/context.ts";
import { NO_SCOPE, type Scope, type Source } from "../expression/scope.ts";
import type { ConflictAction } from "../parse/statement_ast.ts";
import { walk } from "../parse/walk.ts";
import { defaultsOf } from "../query/defaults.ts";
import { changedWith, isVirtual } from "../schema/generated.ts";
import type { Index, Table } from "../schema/types.ts";
import {
  emitDeleteActions,
  emitParentChecks,
  emitUpdateActions,
  keepKeys,
} from "./foreign_keys.ts";
import { emitGenerated } from "./generated.ts";
import {
  actionOf,
  cursorSource,
  emitDeleteEntry,
  emitKey,
  emitMakeEntry,
  emitParts,
  emitUnlessIn,
  entryTree,
  keyColumnsOf,
  newRow,
  type RowRegisters,
  rowSource,
  scopeOf,
  uniqueMessage,
} from "./target.ts";

/** How a conflict with a unique key is handled. */
export interface ConflictHandler {
  /** The keys it applies to; undefined = all. The key of the table is "key". */
  readonly keys: readonly (Index | "key")[] | undefined;
  /** Emits what happens: `key` is the register of the key of the row in conflict. */
  emit(key: number): void;
}

/** Writes the rows of a table. */
export class RowWriter {
  readonly #context: Context;
  readonly #table: Table;
  readonly #action: ConflictAction | undefined;
  readonly #handlers: readonly ConflictHandler[];
  /** The cursor on rows that are replaced. */
  readonly #replaced: number;

  /** Creates a writer; `action` is that of OR, and `handlers` are those of ON CONFLICT. */
  constructor(
    context: Context,
    table: Table,
    action: ConflictAction | undefined,
    handlers: readonly ConflictHandler[] = [],
  ) {
    this.#context = context;
    this.#table = table;
    this.#action = action;
    this.#handlers = handlers;
    this.#replaced = context.builder.cursor();
  }

  /** Emits the insertion of a row; a row that is left out jumps to `skip`. */
  insert(row: RowRegisters, skip: Label): void {
    const { builder } = this.#context;
    const table = this.#table;
    const scope = scopeOf(rowSource(table, row));
    this.#checkValues(row, scope, () => true, skip);
    emitKey(this.#context, table, row);
    this.#checkUnique(row, scope, undefined, { isChanged: () => true, skip });
    emitParentChecks(this.#context, table, row.first, () => true);
    const put = this.#makeEntries(table.indexes, scope, row.key);
    this.#put(row);
    put();
    if (table.hasRowid) builder.emit("NoteRowid", row.rowid, 0, 0, table);
    builder.emit("Changed");
  }

  /** Emits only the checks of a row's values, except its rowid, which may not be known yet. */
  check(row: RowRegisters, skip: Label): void {
    const isChecked = (column: number) => column !== this.#table.rowidColumn;
    this.#checkValues(row, scopeOf(rowSource(this.#table, row)), isChecked, skip);
  }

  /**
   * Emits code that makes the entries of a row before anything changes, because a key may be too
   * long. The returned function emits the code that adds them.
   */
  #makeEntries(indexes: readonly Index[], scope: Scope, key: number): () => void {
    const { builder } = this.#context;
    const made = indexes.map((index) => ({
      index,
      entry: emitMakeEntry(this.#context, index, scope, key),
    }));
    return () => {
      for (const { index, entry } of made) {
        builder.emit("PutEntry", entry, 0, 0, index.tree, index.name);
      }
    };
  }

  /** Emits the writing of a row; all but the changed columns are copied from the old row. */
  #put(row: RowRegisters, old?: Source, isChanged?: (column: number) => boolean): void {
    const { builder } = this.#context;
    const { columns, rowidColumn, tree, name } = this.#table;
    const isStored = columns.map((column, i) => i !== rowidColumn && !isVirtual(column));
    if (old?.place.kind === "table" && isChanged !== undefined) {
      const change = { isStored, isSet: columns.map((_, i) => isChanged(i)) };
      builder.emit("ChangeRow", row.first, old.place.cursor, row.key, change, name);
      return;
    }
    const bytes = builder.registers();
    builder.emit("MakeRow", row.first, columns.length, bytes, isStored);
    builder.emit("PutRow", row.key, bytes, 0, tree, name);
  }

  /** Emits the update of the row under a cursor. */
  update(
    old: Source,
    row: RowRegisters,
    oldKey: number,
    isSet: (column: number) => boolean,
    skip: Label,
  ): void {
    const { builder } = this.#context;
    const table = this.#table;
    const isChanged = changedWith(table.columns, table.generated, isSet);
    const scope = scopeOf(rowSource(table, row));
    const oldScope = scopeOf(old);
    this.#checkValues(row, scope, isChanged, skip);
    const keyChanges = keyColumnsOf(table).some(isChanged);
    if (keyChanges) emitKey(this.#context, table, row);
    else builder.emit("Copy", oldKey, row.key);
    const isAffected = (index: Index) => isAffectedBy(index, isChanged, keyChanges);
    this.#checkUnique(row, scope, oldKey, { isChanged, skip, keyChanges });
    emitParentChecks(this.#context, table, row.first, isChanged);
    const kept = keepKeys(
      this.#context,
      table,
      isChanged,
      (column, target) =>
        emitColumn(this.#context, { source: old, column, scope: oldScope }, target),
    );
    const affected = table.indexes.filter(isAffected);
    const put = this.#makeEntries(affected, scope, row.key);
    for (const index of affected) emitDeleteEntry(this.#context, index, oldScope, oldKey);
    if (keyChanges) builder.emit("DeleteRow", oldKey, 0, 0, table.tree, table.name);
    this.#put(row, old, isChanged);
    put();
    emitUpdateActions(this.#context, kept, row.first);
    builder.emit("Changed");
  }

  /** Emits the removal of the row under a cursor, whose key is in a register. */
  delete(old: Source, key: number): void {
    const { builder } = this.#context;
    const table = this.#table;
    const scope = scopeOf(old);
    const kept = keepKeys(
      this.#context,
      table,
      () => true,
      (column, target) => emitColumn(this.#context, { source: old, column, scope }, target),
    );
    for (const index of table.indexes) emitDeleteEntry(this.#context, index, scope, key);
    builder.emit("DeleteRow", key, 0, 0, table.tree, table.name);
    emitDeleteActions(this.#context, kept);
  }

  /** Applies affinities, computes generated columns, and checks NOT NULL and CHECK. */
  #checkValues(
    row: RowRegisters,
    scope: Scope,
    isChanged: (column: number) => boolean,
    skip: Label,
  ): void {
    const { builder } = this.#context;
    const { columns } = this.#table;
    // The other columns have been stored.
    const from = columns.findIndex((_, i) => isChanged(i));
    const to = columns.findLastIndex((_, i) => isChanged(i)) + 1;
    const affinities = columns.slice(from, to).map(({ affinity }) => affinity);
    if (to > from) builder.emit("Affinities", row.first + from, 0, 0, affinities);
    emitGenerated(this.#context, this.#table, row);
    columns.forEach((column, i) => {
      if (!isChanged(i)) return;
      if (column.notNull !== undefined) this.#checkNotNull(row.first + i, i, skip);
    });
    for (const check of this.#table.checks) {
      const holds = builder.label();
      this.#context.jump(check.expr, scope, holds, true, true);
      if (this.#action === "ignore") builder.emit("Goto", 0, skip);
      else this.#fail(this.#action, `CHECK constraint failed: ${check.name}`);
      builder.place(holds);
    }
  }

  #checkNotNull(register: number, column: number, skip: Label): void {
    const { builder } = this.#context;
    const { name, columns } = this.#table;
    const { notNull, defaultExpr, affinity, name: own } = columns[column]!;
    const action = actionOf(this.#action, notNull);
    const holds = builder.label();
    builder.emit("NotNull", register, holds);
    if (action === "ignore") builder.emit("Goto", 0, skip);
    else {
      if (action === "replace" && defaultExpr !== undefined) {
        this.#context.value(defaultExpr, NO_SCOPE, register);
        builder.emit("Affinity", register, 0, 0, affinity);
        builder.emit("NotNull", register, holds);
      }
      this.#fail(action, `NOT NULL constraint failed: ${name}.${own}`);
    }
    builder.place(holds);
  }

  /** Checks the types of a strict table. */
  #checkTypes(row: RowRegisters, isChanged: (column: number) => boolean): void {
    const { columns, name, rowidColumn } = this.#table;
    columns.forEach(({ strictType, name: own }, i) => {
      if (!isChanged(i) || strictType === undefined || i === rowidColumn) return;
      this.#context.builder.emit("CheckType", row.first + i, 0, 0, [strictType, `${name}.${own}`]);
    });
  }

  /** Checks the key and the unique indexes; types once the rowid is free, as in SQLite. */
  #checkUnique(row: RowRegisters, scope: Scope, oldKey: number | undefined, change: Change): void {
    const { isChanged, skip } = change;
    const keys = this.#keysToCheck(change);
    const typesAfter = this.#table.hasRowid && keys[0] === "key" ? 1 : 0;
    keys.forEach((key, i) => {
      if (i === typesAfter) this.#checkTypes(row, isChanged);
      if (key === "key") this.#checkKey(row, oldKey, skip);
      else this.#checkIndex(key, scope, oldKey, skip);
    });
    if (keys.length <= typesAfter) this.#checkTypes(row, isChanged);
  }

  /**
   * The unique keys in the order in which SQLite checks them: those of ON CONFLICT in its order,
   * the key of the table, and the others, the newest first; those that replace rows come last.
   */
  #keysToCheck({ isChanged, keyChanges = true }: Change): (Index | "key")[] {
    const indexes = this.#table.indexes.filter((index) =>
      index.isUnique && isAffectedBy(index, isChanged, keyChanges)
    ).toReversed();
    const keys: (Index | "key")[] = keyChanges ? ["key", ...indexes] : indexes;
    const replaces = (key: Index | "key") =>
      (key === "key" ? this.#table.keyConflict : key.conflict) === "replace" ? 1 : 0;
    const rank = (key: Index | "key") => {
      const at = this.#handlers.findIndex(({ keys }) => keys?.includes(key));
      return at < 0 ? this.#handlers.length + replaces(key) : at;
    };
    return keys.toSorted((a, b) => rank(a) - rank(b));
  }

  #checkKey(row: RowRegisters, oldKey: number | undefined, skip: Label): void {
    const { builder } = this.#context;
    const free = builder.label();
    if (oldKey !== undefined) builder.emit("SameKey", row.key, free, oldKey);
    builder.emit("UnlessRow", row.key, free, 0, this.#table.tree);
    this.#resolve("key", row.key, skip);
    builder.place(free);
  }

  #checkIndex(
    index: Index,
    scope: Scope,
    oldKey: number | undefined,
    skip: Label,
  ): void {
    const { builder } = this.#context;
    const free = builder.label();
    emitUnlessIn(this.#context, index, scope, free);
    const parts = emitParts(this.#context, index, scope);
    const found = builder.registers();
    const search = { ...entryTree(index), own: oldKey };
    builder.emit("FindUnique", parts, free, found, search, index.name);
    this.#resolve(index, found, skip);
    builder.place(free);
  }

  #handlerOf(key: Index | "key"): ConflictHandler | undefined {
    return this.#handlers.find(({ keys }) => keys === undefined || keys.includes(key));
  }

  #resolve(key: Index | "key", found: number, skip: Label): void {
    const { builder } = this.#context;
    const handler = this.#handlerOf(key);
    if (handler !== undefined) return handler.emit(found);
    const own = key === "key" ? this.#table.keyConflict : key.conflict;
    const action = actionOf(this.#action, own);
    if (action === "ignore") builder.emit("Goto", 0, skip);
    else if (action === "replace") this.#replace(found);
    else this.#fail(action, uniqueMessage(this.#table, key));
  }

  #fail(action: ConflictAction | undefined, message: string): void {
    const kind = action === "fail" ? 1 : action === "rollback" ? 2 : 0;
    this.#context.builder.emit("Fail", kind, 0, 0, message);
  }

  /** Removes the row in conflict. */
  #replace(key: number): void {
    const { builder } = this.#context;
    const gone = builder.label();
    const opened = { table: this.#table, defaults: defaultsOf(this.#table) };
    builder.emit("OpenTable", this.#replaced, 0, 0, opened, this.#table.name);
    builder.emit("SeekKey", this.#replaced, gone, key);
    const kept = builder.registers();
    builder.emit("Copy", key, kept);
    this.delete(cursorSource(this.#table, this.#replaced), kept);
    builder.place(gone);
  }
}

/** What a change of a row concerns. */
interface Change {
  isChanged(column: number): boolean;
  /** Whether the key may change; true by default. */
  readonly keyChanges?: boolean;
  /** Where a row that is left out goes. */
  readonly skip: Label;
}

/** Whether the entry of a row in an index may change. */
export function isAffectedBy(
  { where, parts }: Index,
  isChanged: (column: number) => boolean,
  keyChanges: boolean,
): boolean {
  return keyChanges || where !== undefined ||
    parts.some(({ column, expr }) => column < 0 ? usesColumn(expr) : isChanged(column));
}

function usesColumn(expr: Parameters<typeof walk>[0]): boolean {
  let found = false;
  walk(expr, ({ kind }) => {
    found ||= kind === "name";
    return !found;
  });
  return found;
}

/** Emits the values of the row under a cursor into registers, of those columns that are needed. */
export function loadRow(
  context: Context,
  table: Table,
  old: Source,
  isNeeded: (column: number) => boolean = () => true,
): RowRegisters {
  const row = newRow(context, table);
  const scope = scopeOf(old);
  table.columns.forEach(({ generated }, column) => {
    if (generated === undefined && isNeeded(column)) {
      emitColumn(context, { source: old, column, scope }, row.first + column);
    }
  });
  if (table.hasRowid && table.rowidColumn < 0 && old.place.kind === "table") {
    context.builder.emit("Rowid", old.place.cursor, row.rowid);
  }
  return row;
}
