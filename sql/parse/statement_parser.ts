/**
 * Parses statements, one after the other. Statements of SQLite that are not supported are refused
 * by their names.
 */

import { inText } from "../value/error.ts";
import type {
  Alteration,
  AlterTable,
  CreateIndex,
  CreateView,
  Drop,
  Explain,
  Maintenance,
  Pragma,
  Statement,
  TransactionStatement,
} from "./statement_ast.ts";
import { TriggerParser } from "./trigger_parser.ts";

/** A statement in a text. */
export interface ParsedStatement {
  readonly statement: Statement;
  /** Its text, which the offsets of its nodes refer to: the whole text of the parser. */
  readonly text: string;
  /** Where it begins and ends in the text. */
  readonly start: number;
  readonly end: number;
  /** The names of parameters, by number from 1; undefined for those without a name. */
  readonly parameters: readonly (string | undefined)[];
}

const UNSUPPORTED: Readonly<Record<string, string>> = {
  ATTACH: "ATTACH is",
  DETACH: "DETACH is",
};

/** Parses the statements of a text, lazily. */
export function* parseStatements(text: string): Generator<ParsedStatement, void, undefined> {
  const parser = inText(text, () => new StatementParser(text));
  for (;;) {
    const parsed = inText(text, () => parser.parse());
    if (parsed === undefined) return;
    yield { ...parsed, text };
  }
}

/** Parses one statement that is the whole text. */
export function parseOne(text: string): Statement {
  const [first] = parseStatements(text);
  if (first === undefined) throw new TypeError("Cannot parse: there is no statement");
  return first.statement;
}

class StatementParser extends TriggerParser {
  /** Parses the next statement; undefined at the end. */
  parse(): Omit<ParsedStatement, "text"> | undefined {
    while (this.sign(";"));
    this.parameters = [];
    const start = this.at;
    if (this.isAtEnd()) return undefined;
    const statement = this.#statement();
    if (!this.isAtEnd() && !this.isSign(";")) this.unexpected();
    const end = this.endBefore;
    this.sign(";");
    return { statement, start, end: Math.max(end, this.endBefore), parameters: this.parameters };
  }

  #statement(): Statement {
    const { at } = this;
    const { text } = this.next;
    if (this.next.kind === "word" && UNSUPPORTED[text]) this.unsupported(UNSUPPORTED[text]!);
    const explainable = this.explainable();
    if (explainable !== undefined) return explainable;
    if (this.word("EXPLAIN")) return this.#explain(at);
    if (this.word("CREATE")) return this.#create(at);
    if (this.word("DROP")) return this.#drop();
    if (this.word("ALTER")) return this.#alter();
    if (this.word("PRAGMA")) return this.#pragma(at);
    return this.#transaction(at) ?? this.#maintenance(at) ?? this.unexpected("a statement");
  }

  #explain(at: number): Explain {
    const isPlan = this.word("QUERY", "PLAN");
    const statement = this.explainable();
    if (statement === undefined) this.unsupported("EXPLAIN of this statement is");
    return { kind: "explain", at, isPlan, statement };
  }

  #create(at: number): Statement {
    const isTemporary = this.oneOf("TEMP", "TEMPORARY") !== undefined;
    if (this.word("TRIGGER")) return this.createTrigger(at, isTemporary);
    if (this.word("TABLE")) return this.createTable(at, isTemporary);
    if (this.word("VIEW")) return this.#createView(at, isTemporary);
    if (isTemporary) this.unexpected("TABLE, VIEW or TRIGGER");
    if (this.isWord("VIRTUAL")) this.unsupported("virtual tables are");
    const isUnique = this.word("UNIQUE");
    this.expectWord("INDEX");
    return this.#createIndex(at, isUnique);
  }

  #ifNotExists(): boolean {
    return this.word("IF", "NOT", "EXISTS");
  }

  #createView(at: number, isTemp: boolean): CreateView {
    const ifNotExists = this.#ifNotExists();
    const { name, isTemporary: isInTemp } = this.newName("a view");
    const isTemporary = isTemp || isInTemp;
    const columns = this.isSign("(") ? this.inParentheses(() => this.name()) : undefined;
    this.expectWord("AS");
    const query = this.query();
    return { kind: "create view", at, name, isTemporary, ifNotExists, columns, query };
  }

  #createIndex(at: number, isUnique: boolean): CreateIndex {
    const ifNotExists = this.#ifNotExists();
    const name = this.objectName("an index");
    this.expectWord("ON");
    const tableAt = this.at;
    const table = this.name("a table");
    const columns = this.inParentheses(() => this.indexedColumn());
    const where = this.word("WHERE") ? this.expr() : undefined;
    const base = { kind: "create index", at, name, table, tableAt } as const;
    return { ...base, ifNotExists, isUnique, columns, where };
  }

  #drop(): Drop {
    const what = this.oneOf("TABLE", "INDEX", "VIEW", "TRIGGER");
    if (what === undefined) return this.unexpected("TABLE, INDEX, VIEW or TRIGGER");
    const ifExists = this.word("IF", "EXISTS");
    const { at } = this;
    const name = this.objectName();
    return { kind: "drop", at, what: what.toLowerCase() as Drop["what"], name, ifExists };
  }

  #alter(): AlterTable {
    this.expectWord("TABLE");
    const { at } = this;
    const table = this.objectName("a table");
    return { kind: "alter table", at, table, change: this.#alteration() };
  }

  #alteration(): Alteration {
    if (this.word("RENAME", "TO")) {
      const { at } = this;
      return { kind: "rename", at, to: this.name() };
    }
    const word = this.oneOf("RENAME", "ADD", "DROP");
    if (word === undefined) this.unexpected("RENAME, ADD or DROP");
    this.word("COLUMN");
    const { at } = this;
    if (word === "ADD") {
      this.columnDefinition({ columns: [], keys: [], checks: [], foreignKeys: [] });
      return { kind: "add column", at, text: this.text.slice(at, this.endBefore) };
    }
    const column = this.name("a column");
    if (word === "DROP") return { kind: "drop column", at, column };
    this.expectWord("TO");
    const isQuoted = this.next.kind !== "word";
    return { kind: "rename column", at, from: column, to: this.name(), isQuoted };
  }

  #pragma(at: number): Pragma {
    const name = this.objectName("a pragma").toLowerCase();
    let argument: string | undefined;
    if (this.sign("=")) argument = this.#pragmaValue();
    else if (this.sign("(")) {
      argument = this.#pragmaValue();
      this.expectSign(")");
    }
    return { kind: "pragma", at, name, argument };
  }

  #pragmaValue(): string {
    const sign = this.sign("-") ? "-" : "";
    if (this.next.kind === "end" || this.next.kind === "sign") this.unexpected("a value");
    const token = this.take();
    return sign + (token.kind === "word" ? token.written : token.text);
  }

  #transaction(at: number): TransactionStatement | undefined {
    if (this.word("BEGIN")) {
      this.oneOf("DEFERRED", "IMMEDIATE", "EXCLUSIVE");
      this.word("TRANSACTION");
      return { kind: "begin", at, name: undefined };
    }
    if (this.oneOf("COMMIT", "END") !== undefined) {
      this.word("TRANSACTION");
      return { kind: "commit", at, name: undefined };
    }
    if (this.word("SAVEPOINT")) return { kind: "savepoint", at, name: this.name() };
    if (this.word("RELEASE")) {
      this.word("SAVEPOINT");
      return { kind: "release", at, name: this.name() };
    }
    if (!this.word("ROLLBACK")) return undefined;
    this.word("TRANSACTION");
    if (!this.word("TO")) return { kind: "rollback", at, name: undefined };
    this.word("SAVEPOINT");
    return { kind: "rollback to", at, name: this.name() };
  }

  #maintenance(at: number): Maintenance | undefined {
    const word = this.oneOf("ANALYZE", "REINDEX", "VACUUM");
    if (word === undefined) return undefined;
    const isNamed = this.isName();
    const place = isNamed ? this.at : at;
    const name = isNamed ? this.objectName() : undefined;
    return { kind: word.toLowerCase() as Maintenance["kind"], at: place, name };
  }
}
