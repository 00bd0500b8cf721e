/**
 * Runs the statements of a script, with the transactions that it begins and ends.
 *
 * A transaction of the database is a callback, so BEGIN and SAVEPOINT run the statements after them
 * inside one, until the statement that ends it. A transaction that is open at the end of a script,
 * or when an error ends it, rolls back.
 */

import type { Durability } from "../mod.ts";
import type { Engine } from "./define/engine.ts";
import type { TransactionStatement } from "./parse/statement_ast.ts";
import type { ParsedStatement } from "./parse/statement_parser.ts";
import { ConflictError, SqlError } from "./value/error.ts";

/** What a script does with its statements. */
export interface ScriptRunner {
  /** The next statement; undefined at the end. */
  next(isInside: boolean): ParsedStatement | undefined;
  /** Runs a statement that begins or ends no transaction. */
  run(parsed: ParsedStatement): void;
  /** Receives an error: throws it, or returns to continue with the next statement. */
  failed(error: unknown): void;
}

/** How a block of statements ended. */
type End = { readonly kind: "end" | "commit" } | {
  readonly kind: "release";
  readonly name: string;
};

/** Unwinds to the transaction or savepoint that is rolled back. */
class RolledBack extends Error {
  readonly savepoint: string | undefined;

  constructor(savepoint: string | undefined) {
    super("rolled back");
    this.savepoint = savepoint;
  }
}

/** A script that is run. */
export class Script {
  readonly #engine: Engine;
  readonly #runner: ScriptRunner;
  readonly #durability: Durability | undefined;
  /** The open savepoints, in lower case; undefined for BEGIN. */
  readonly #open: (string | undefined)[] = [];

  /** Creates a script. */
  constructor(engine: Engine, runner: ScriptRunner, durability?: Durability) {
    this.#engine = engine;
    this.#runner = runner;
    this.#durability = durability;
  }

  /**
   * Runs the next statement, or a transaction as a whole. Returns whether there was one.
   *
   * @throws {SqlError} A statement failed, or a transaction is open at the end.
   */
  step(): boolean {
    return this.#one()?.kind !== "end";
  }

  /** Runs statements to the end of the innermost transaction, or of the script. */
  #block(): End {
    for (;;) {
      const end = this.#one();
      if (end !== undefined) return end;
    }
  }

  /** Runs a statement; returns how the block around it ends, if it does. */
  #one(): End | undefined {
    const parsed = this.#next();
    if (parsed === undefined) return { kind: "end" };
    const { statement } = parsed;
    try {
      if (isTransaction(statement)) return this.#transaction(statement);
      this.#runner.run(parsed);
    } catch (error) {
      if (error instanceof RolledBack) throw error;
      this.#runner.failed(error);
      const isWhole = error instanceof ConflictError && error.action === "rollback";
      if (isWhole && this.#open.length > 0) throw new RolledBack(undefined);
    }
    return undefined;
  }

  /** The next statement that can be parsed. */
  #next(): ParsedStatement | undefined {
    for (;;) {
      try {
        return this.#runner.next(this.#open.length > 0);
      } catch (error) {
        this.#runner.failed(error);
      }
    }
  }

  /** Begins or ends a transaction; returns how the block around it ends, if it does. */
  #transaction({ kind, name }: TransactionStatement): End | undefined {
    const savepoint = name?.toLowerCase();
    switch (kind) {
      case "begin":
        if (this.#open.length > 0) {
          throw new SqlError("MISUSE", "cannot start a transaction within a transaction");
        }
        return this.#begin(undefined);
      case "savepoint":
        return this.#begin(savepoint);
      case "commit":
        if (this.#open.length > 0) {
          // A foreign key that is broken leaves the transaction open.
          this.#engine.checkDeferred();
          return { kind: "commit" };
        }
        throw new SqlError("MISUSE", "cannot commit - no transaction is active");
      case "rollback":
        if (this.#open.length > 0) throw new RolledBack(undefined);
        throw new SqlError("MISUSE", "cannot rollback - no transaction is active");
    }
    if (savepoint === undefined || !this.#open.includes(savepoint)) {
      throw new SqlError("MISUSE", `no such savepoint: ${name}`);
    }
    if (kind === "rollback to") throw new RolledBack(savepoint);
    if (this.#open[0] === savepoint && this.#open.lastIndexOf(savepoint) === 0) {
      this.#engine.checkDeferred();
    }
    return { kind: "release", name: savepoint };
  }

  /** Runs a transaction or savepoint; returns how the block around it ends, if it does. */
  #begin(savepoint: string | undefined): End | undefined {
    const depth = this.#open.length;
    for (;;) {
      this.#open.push(savepoint);
      try {
        const end = this.#engine.write(() => this.#inside(), this.#durability);
        this.#open.length = depth;
        if (end.kind === "commit") return depth > 0 ? end : undefined;
        const isMine = end.kind === "release" && end.name === savepoint;
        return isMine ? undefined : end;
      } catch (error) {
        this.#open.length = depth;
        if (!(error instanceof RolledBack)) throw error;
        if (error.savepoint === undefined) {
          if (depth > 0) throw error;
          return undefined;
        }
        // After ROLLBACK TO the savepoint is open again.
        if (error.savepoint !== savepoint) throw error;
      }
    }
  }

  #inside(): End {
    const end = this.#block();
    if (end.kind !== "end") return end;
    throw new SqlError(
      "MISUSE",
      "a transaction is open at the end, and has been rolled back; end it with COMMIT",
    );
  }
}

function isTransaction(statement: { readonly kind: string }): statement is TransactionStatement {
  return ["begin", "commit", "rollback", "savepoint", "release", "rollback to"]
    .includes(statement.kind);
}
