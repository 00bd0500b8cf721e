/**
 * Parses CREATE TRIGGER, with the statements that a trigger runs.
 */

import { refuse } from "../value/error.ts";
import type { CreateTrigger, Explainable, TriggerEvent, TriggerTime } from "./statement_ast.ts";
import { TableParser } from "./table_parser.ts";

/** A parser of CREATE TRIGGER. */
export class TriggerParser extends TableParser {
  /** Parses what follows CREATE TRIGGER. */
  createTrigger(at: number, isTemp: boolean): CreateTrigger {
    const ifNotExists = this.word("IF", "NOT", "EXISTS");
    const { name, isTemporary: isInTemp } = this.newName("a trigger");
    const isTemporary = isTemp || isInTemp;
    const time = this.#time();
    const event = this.oneOf("DELETE", "INSERT", "UPDATE");
    if (event === undefined) return this.unexpected("DELETE, INSERT or UPDATE");
    const columns = event === "UPDATE" && this.word("OF")
      ? this.list(() => this.name("a column"))
      : undefined;
    this.expectWord("ON");
    const tableAt = this.at;
    const table = this.objectName("a table");
    this.word("FOR", "EACH", "ROW");
    const when = this.word("WHEN") ? this.expr() : undefined;
    const statements = this.#statements();
    if (this.parameters.length > 0) refuse("trigger cannot use variables", at);
    return {
      kind: "create trigger",
      at,
      name,
      isTemporary,
      ifNotExists,
      time,
      event: event.toLowerCase() as TriggerEvent,
      columns,
      table,
      tableAt,
      when,
      statements,
    };
  }

  #time(): TriggerTime {
    if (this.word("INSTEAD", "OF")) return "instead of";
    return this.oneOf("BEFORE", "AFTER") === "AFTER" ? "after" : "before";
  }

  #statements(): Explainable[] {
    this.expectWord("BEGIN");
    const statements: Explainable[] = [];
    do {
      const { at } = this;
      const statement = this.explainable(true);
      if (statement === undefined) return this.unexpected("INSERT, UPDATE, DELETE or SELECT");
      if (statement.kind !== "select" && statement.returning.length > 0) {
        refuse("cannot use RETURNING in a trigger", at);
      }
      statements.push(statement);
      this.expectSign(";");
    } while (!this.word("END"));
    return statements;
  }
}
