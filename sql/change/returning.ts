/**
 * RETURNING: the rows that a statement changed, which come after all its changes.
 */

import type { Context } from "../expression/context.ts";
import type { CommonTables, Scope, SourceColumn } from "../expression/scope.ts";
import type { ResultColumn } from "../parse/ast.ts";
import { describe, expand } from "../query/columns.ts";

/** The rows of RETURNING. */
export class Returning {
  readonly #context: Context;
  readonly #given: readonly ResultColumn[];
  readonly #common: CommonTables;
  readonly #list: number;

  /**
   * Opens a list of rows, if there are any.
   *
   * @param common The queries of the statement's WITH, which its expressions see.
   */
  constructor(context: Context, given: readonly ResultColumn[], common: CommonTables) {
    this.#context = context;
    this.#given = given;
    this.#common = common;
    this.#list = context.builder.cursor();
    if (given.length > 0) {
      context.builder.emit("OpenList", this.#list, 0, 0, undefined, "RETURNING");
    }
  }

  /** Emits code that adds a row, once it has changed: queries see that change and those before. */
  add(row: Scope): void {
    if (this.#given.length === 0) return;
    const { builder } = this.#context;
    const scope = { ...row, common: this.#common };
    const outputs = expand(this.#given, scope);
    const first = builder.registers(outputs.length);
    this.#context.isAfterChange = true;
    outputs.forEach(({ expr }, i) => this.#context.value(expr, scope, first + i));
    this.#context.isAfterChange = false;
    builder.emit("AddRow", this.#list, first, outputs.length);
  }

  /** Emits the rows of the result, and returns its columns; the scope has those of the table. */
  emit(table: Scope): readonly SourceColumn[] {
    if (this.#given.length === 0) return [];
    const { builder } = this.#context;
    const scope = { ...table, common: this.#common };
    const columns = describe(this.#context, expand(this.#given, scope), scope);
    const count = columns.length;
    const [top, end] = [builder.label(), builder.label()];
    builder.emit("Rewind", this.#list, end);
    builder.place(top);
    const first = builder.registers(count);
    for (let i = 0; i < count; i++) builder.emit("RowColumn", this.#list, i, first + i);
    builder.emit("Result", first, count);
    builder.emit("NextRow", this.#list, top);
    builder.place(end);
    return columns;
  }
}

/** Whether a column of RETURNING cannot fail, once the row has changed. */
export function cannotFail(column: ResultColumn): boolean {
  return column.kind === "star" || column.expr.kind === "name";
}
