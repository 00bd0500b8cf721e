/**
 * Row triggers: programs that run before, after or instead of the change of a row, with its old and
 * its new values.
 *
 * ```text
 * arguments   the old columns, the old rowid, the new columns, the new rowid
 * ```
 */

import type { Label } from "../expression/builder.ts";
import { emitColumn } from "../expression/column.ts";
import type { Context, TriggerShape } from "../expression/context.ts";
import { NO_SCOPE, ROWID, type Scope, type Source, sourceColumn } from "../expression/scope.ts";
import type { ConflictAction, TriggerEvent, TriggerTime } from "../parse/statement_ast.ts";
import { keyOfName, type Table, type Trigger } from "../schema/types.ts";

/** The triggers that a statement runs for each row. */
export class RowTriggers {
  readonly #context: Context;
  readonly #shape: TriggerShape;
  readonly #triggers: readonly Trigger[];
  readonly #action: ConflictAction | undefined;

  /**
   * Finds the triggers.
   *
   * @param name The table or view.
   * @param action The action of OR in the statement; it applies inside the triggers too.
   * @param isChanged Whether an update sets a column, by name in lower case.
   */
  constructor(
    context: Context,
    name: string,
    shape: TriggerShape,
    event: TriggerEvent,
    action: ConflictAction | undefined,
    isChanged: (column: string) => boolean = () => true,
  ) {
    this.#action = action;
    this.#context = context;
    this.#shape = shape;
    this.#triggers = context.catalog.triggersOf(name, event).filter(({ columns }) =>
      columns === undefined || columns.some((column) => isChanged(keyOfName(column)))
    );
  }

  /** Whether there are triggers, or triggers of one time. */
  has(time?: TriggerTime): boolean {
    return this.#triggers.some((trigger) => time === undefined || trigger.time === time);
  }

  /** Emits a copy of a row, which stays when the row changes. */
  copy(source: Source): Source {
    const { builder } = this.#context;
    const first = builder.registers(this.#width);
    this.#fill(source, first);
    const place = { kind: "registers", first, rowid: first + this.#width - 1 } as const;
    return { ...source, place };
  }

  /** Emits the triggers that run at a time; a row that they leave out jumps to `skip`. */
  run(time: TriggerTime, old: Source | undefined, row: Source | undefined, skip: Label): void {
    const { builder } = this.#context;
    for (const trigger of this.#triggers) {
      if (trigger.time !== time) continue;
      const first = builder.registers(2 * this.#width);
      if (old !== undefined) this.#fill(old, first);
      if (row !== undefined) this.#fill(row, first + this.#width);
      const program = this.#context.trigger(trigger, this.#shape, this.#action);
      const called = { name: keyOfName(trigger.name), program };
      builder.emit("Trigger", first, skip, 2 * this.#width, called, trigger.name);
    }
  }

  get #width(): number {
    return this.#shape.columns.length + 1;
  }

  #fill(source: Source, first: number): void {
    const resolved = { source, scope: NO_SCOPE };
    this.#shape.columns.forEach((_, column) =>
      emitColumn(this.#context, { ...resolved, column }, first + column)
    );
    const last = first + this.#width - 1;
    if (this.#shape.hasRowid) emitColumn(this.#context, { ...resolved, column: ROWID }, last);
  }
}

/** The rows of a table as triggers see them: values without affinities, except the rowid. */
export function tableShape({ columns, rowidColumn, hasRowid }: Table): TriggerShape {
  return {
    columns: columns.map((column, i) => ({
      ...sourceColumn(column),
      affinity: i === rowidColumn ? "INTEGER" : undefined,
    })),
    hasRowid,
  };
}

/** The scope of a trigger's statements: OLD and NEW, whose arguments begin at a register. */
export function triggerScope(shape: TriggerShape, event: TriggerEvent, first: number): Scope {
  const width = shape.columns.length + 1;
  const source = (name: string, at: number): Source => ({
    name,
    columns: shape.columns,
    place: shape.hasRowid
      ? { kind: "registers", first: at, rowid: at + width - 1 }
      : { kind: "registers", first: at },
    // A name without a table never refers to OLD or NEW.
    hidden: new Set(shape.columns.map(({ name }) => keyOfName(name))),
    used: new Set(),
  });
  const sources = [];
  if (event !== "insert") sources.push(source("old", first));
  if (event !== "delete") sources.push(source("new", first + width));
  return { ...NO_SCOPE, sources };
}
