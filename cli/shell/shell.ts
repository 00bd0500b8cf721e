/**
 * The shell: runs statements on an open database, alone or in a transaction.
 *
 * 1. A statement is a command without FILE, or one of `begin`, `commit` and `rollback`, or begins
 *    with a dot.
 * 2. Each statement is atomic by itself, even inside a transaction.
 * 3. A transaction is a database transaction: from `begin` to `commit` the shell runs inside its
 *    callback, so it must not wait for anything.
 * 4. On a terminal the shell reports an error and continues. A script stops at its first error, an
 *    open transaction rolls back, and the exit code is that of the error. A negative answer, such
 *    as a missing key, is reported but is not an error.
 */

import type { Database, Snapshot, Transaction } from "../../mod.ts";
import { EXIT, type ExitCode, failureOf, Interrupted, Refusal, withPath } from "../io/exit.ts";
import { note } from "../io/output.ts";
import { oneLine } from "../io/text.ts";
import {
  type AnyReadTree,
  codecsFor,
  type CommandSpec,
  type Context,
  treeInside,
} from "../spec/command_spec.ts";
import { helpOf, parseLine, type ParserOptions } from "../spec/parser.ts";
import { CANCELLED, type LineSource } from "./lines.ts";
import { splitStatement } from "./statement.ts";
import { Trace } from "./trace.ts";

const STATEMENTS: ParserOptions = { program: "", version: "" };
const PROMPT = "quire> ";
const PROMPT_INSIDE = "quire*> ";
const PROMPT_MORE = "   ...> ";

/** The user rolled back the transaction. */
const ROLLED_BACK = Symbol("rolled back");

/** Ends the shell. */
class Exit extends Error {
  override readonly name = "Exit";
}

/** Statements of the shell that are not commands, and their effects. */
export const OWN_STATEMENTS: readonly (readonly [name: string, what: string])[] = [
  ["begin", "begin a transaction: its statements commit together, or not at all"],
  ["commit", "commit the transaction durably"],
  ["rollback", "discard the transaction"],
  [".trace on|off", "show the cost of each statement: pages, cache, reads and writes"],
  [".help [statement]", "show this help, or that of a statement"],
  [".exit", "leave; an open transaction is discarded"],
];

/** Runs statements. */
export class Shell {
  readonly #context: Context;
  readonly #commands: readonly CommandSpec[];
  readonly #lines: LineSource;
  readonly #trace: Trace;
  #tx: Transaction | undefined;
  #snapshot: Snapshot | undefined;

  /**
   * Creates a shell.
   *
   * @param context The environment of statements; the shell replaces `read`.
   * @param commands The commands that are statements.
   */
  constructor(context: Context, commands: readonly CommandSpec[], lines: LineSource) {
    const read = this.#read.bind(this) as Context["read"];
    this.#context = { ...context, inShell: true, read };
    this.#commands = commands;
    this.#lines = lines;
    this.#trace = new Trace(context.db);
  }

  /** Runs all statements and returns the exit code. */
  async run(): Promise<ExitCode> {
    try {
      for (;;) {
        const words = this.#nextStatement(PROMPT);
        if (words === undefined) return EXIT.done;
        this.#guard(() => this.#runOutside(words));
        // Between statements the database can run its idle work.
        await new Promise((resolve) => setTimeout(resolve));
      }
    } catch (error) {
      if (error instanceof Exit) return EXIT.done;
      throw error;
    }
  }

  get #db(): Database {
    return this.#context.db;
  }

  #runOutside(words: readonly string[]): void {
    if (words[0] === "begin") return this.#runTransaction(words);
    if (words[0] !== "commit" && words[0] !== "rollback") return this.#runStatement(words);
    throw new Refusal(`Cannot ${words[0]}: no transaction is open; begin one with begin`);
  }

  /** Runs the statements from `begin` to the end of the transaction. */
  #runTransaction(words: readonly string[]): void {
    checkAlone(words);
    try {
      this.#db.writeSync((tx) => {
        this.#tx = tx;
        while (!this.#isCommitted());
        this.#trace.begin();
      });
      this.#trace.end(this.#context.out);
      this.#context.out.flush();
    } catch (error) {
      if (error !== ROLLED_BACK) throw error;
    } finally {
      this.#tx = undefined;
    }
  }

  /** Runs one statement of a transaction and returns whether it commits. */
  #isCommitted(): boolean {
    const words = this.#nextStatement(PROMPT_INSIDE);
    if (words === undefined) throw this.#endInside();
    return this.#guard(() => {
      if (words[0] === "begin") {
        throw new Refusal("Cannot begin: a transaction is open; end it with commit or rollback");
      }
      const isEnd = words[0] === "commit" || words[0] === "rollback";
      if (!isEnd) return void this.#runStatement(words);
      checkAlone(words);
      if (words[0] === "rollback") throw ROLLED_BACK;
      return true;
    }) ?? false;
  }

  #endInside(): Error {
    if (this.#lines.isInteractive) {
      note("The transaction was not committed: nothing of it has happened.");
      return new Exit();
    }
    return new Refusal(
      "Cannot end: a transaction is open, and nothing of it has happened; " +
        "end it with commit or rollback",
    );
  }

  /** Reports an error: a terminal session continues, a script ends. */
  #guard<T>(body: () => T): T | undefined {
    try {
      return body();
    } catch (error) {
      if (error === ROLLED_BACK || error instanceof Exit) throw error;
      // Ctrl-C ends only the statement; other signals end the program.
      if (error instanceof Interrupted && error.signal !== "SIGINT") throw error;
      const { exitCode, line } = failureOf(withPath(this.#context.path, error));
      if (exitCode === EXIT.done) throw error;
      // Keep output and notes in order.
      this.#context.out.flush();
      if (this.#lines.isInteractive || exitCode === EXIT.no) {
        note(line!);
        return undefined;
      }
      throw error instanceof ScriptError
        ? error
        : new ScriptError(this.#lines.line, line!, exitCode);
    }
  }

  #runStatement(words: readonly string[]): void {
    if (words.length === 0) return;
    try {
      if (words[0]!.startsWith(".")) this.#runOwn(words);
      else this.#runTraced(words);
    } finally {
      this.#snapshot?.close();
      this.#snapshot = undefined;
    }
    this.#context.out.flush();
  }

  /** Runs a command and shows its cost, even if it fails. */
  #runTraced(words: readonly string[]): void {
    this.#trace.begin();
    try {
      this.#runCommand(words);
    } finally {
      this.#trace.end(this.#context.out);
    }
  }

  #runCommand(words: readonly string[]): void {
    const parsed = parseLine(words, this.#commands, STATEMENTS);
    if ("text" in parsed) return this.#context.out.text(parsed.text);
    const { spec, args, options } = parsed.call;
    const json = options["json"] === true || this.#context.json;
    const result = spec.run({ ...this.#context, json }, args, options);
    if (result instanceof Promise) throw new Error(`statement ${spec.name} waits`);
  }

  #runOwn([name = "", argument, ...more]: readonly string[]): void {
    if (more.length > 0) throw new Refusal(`Cannot run ${name}: too many arguments; see .help`);
    if (name === ".exit" || name === ".quit") throw new Exit();
    if (name === ".help") return this.#help(argument);
    if (name === ".trace" && (argument === "on" || argument === "off")) {
      this.#trace.turn(argument === "on");
      return;
    }
    const what = name === ".trace" ? "give on or off" : "see .help";
    throw new Refusal(`Cannot run ${oneLine(name)}: there is no such statement; ${what}`);
  }

  #help(name: string | undefined): void {
    const { out } = this.#context;
    if (name !== undefined) {
      const spec = this.#commands.find((command) => command.name === name);
      if (spec === undefined) {
        throw new Refusal(`Cannot help with ${oneLine(name)}: no such statement; see .help`);
      }
      return out.text(helpOf(spec, this.#commands, STATEMENTS));
    }
    const commands = this.#commands.map(({ name, summary }) => [name, summary] as const);
    for (const [name, what] of [...commands, ...OWN_STATEMENTS]) {
      out.line(`${name.padEnd(18)} ${what}`);
    }
  }

  /** A tree of the open transaction, or else of a snapshot for this statement. */
  #read(...[name, codecs]: Parameters<Context["read"]>): AnyReadTree {
    if (this.#tx !== undefined) {
      return treeInside(this.#tx, name, codecs) as unknown as AnyReadTree;
    }
    this.#snapshot ??= this.#db.snapshot();
    return this.#snapshot.tree(name, codecsFor(codecs)) as unknown as AnyReadTree;
  }

  /** The words of the next statement, or undefined at the end. */
  #nextStatement(prompt: string): readonly string[] | undefined {
    let text = "";
    for (;;) {
      const line = this.#lines.next(text === "" ? prompt : PROMPT_MORE);
      if (line === undefined) {
        if (text === "") return undefined;
        throw new ScriptError(
          this.#lines.line,
          "Cannot end: a statement is unfinished",
          EXIT.misuse,
        );
      }
      if (line === CANCELLED) {
        text = "";
        continue;
      }
      text += text === "" ? line : `\n${line}`;
      const split = splitStatement(text);
      if (split === "unfinished") continue;
      if (this.#isForHistory(split.words)) this.#lines.remember(text);
      return split.words;
    }
  }

  /** Excludes statements with values, and unknown ones, because they may contain secrets. */
  #isForHistory([name]: readonly string[]): boolean {
    const spec = this.#commands.find((command) => command.name === name);
    if (spec !== undefined) return !spec.args.some((arg) => arg.name === "value");
    return name === ".quit" || OWN_STATEMENTS.some(([own]) => own.split(" ")[0] === name);
  }
}

/** An error in a script, with its line. */
class ScriptError extends Refusal {
  constructor(line: number, message: string, exitCode: ExitCode) {
    super(`line ${line}: ${message}`, exitCode);
  }
}

function checkAlone([name, ...rest]: readonly string[]): void {
  if (rest.length > 0) throw new Refusal(`Cannot ${name}: it takes nothing; leave out ${rest[0]}`);
}
