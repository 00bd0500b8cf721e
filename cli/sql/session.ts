/**
 * A session of SQL: reads statements from a prompt, a script or an argument, runs them, and prints
 * their results.
 *
 * 1. A statement ends with a semicolon, and may have many lines. A line that begins with a dot is a
 *    command of the session.
 * 2. From BEGIN to COMMIT the session runs inside a transaction of the database, so it waits for
 *    nothing.
 * 3. A statement in a shared file sees what others committed while the session waited for it.
 * 4. On a terminal the session reports an error and continues. A script stops at its first error,
 *    and an open transaction rolls back.
 */

import { isCompleteSql, type Sql, sql, SqlError, type SqlRows } from "../../sql/mod.ts";
import { EXIT, type ExitCode, failureOf, Refusal, withPath } from "../io/exit.ts";
import { namedFile } from "../io/named_file.ts";
import { note } from "../io/output.ts";
import { countOf, oneLine } from "../io/text.ts";
import { CANCELLED, type LineSource } from "../shell/lines.ts";
import { Trace } from "../shell/trace.ts";
import type { Context } from "../spec/command_spec.ts";
import { linesOf, type Mode, MODES } from "./result.ts";
import { fullStatement, isShortInsert } from "./shorthand.ts";

const PROMPT = "sql> ";
const PROMPT_INSIDE = "sql*> ";
const PROMPT_MORE = "...> ";

/** The commands of a session, and their effects. */
export const DOT_COMMANDS: readonly (readonly [name: string, what: string])[] = [
  [".tables", "list tables and views"],
  [".schema [name]", "show the statements that create them"],
  [".mode table|json|csv", "choose how rows are printed"],
  [".explain on|off", "show the plan of each query before its rows"],
  [".timer on|off", "show the time of each statement"],
  [".trace on|off", "show the cost of each statement: pages, cache, reads and writes"],
  [".read FILE", "run the statements of a file"],
  [".help", "show this help"],
  [".exit", "leave; an open transaction is discarded"],
];

/** The statements of a file. */
interface ReadText {
  readonly text: string;
  readonly file: string;
}

/** Runs statements of SQL. */
export class SqlSession {
  readonly #context: Context;
  readonly #lines: LineSource;
  readonly #query: Sql;
  readonly #trace: Trace;
  readonly #isShared: boolean;
  #mode: Mode;
  #explains = false;
  #times = false;
  #started = 0;
  /** The file of `.read` that the text is of, and the line before its first one. */
  #file: string | undefined;
  #linesBefore = 0;
  #hasEnded = false;

  /** Creates a session. */
  constructor(context: Context, lines: LineSource) {
    this.#context = context;
    this.#lines = lines;
    this.#query = sql(context.db);
    this.#trace = new Trace(context.db);
    this.#isShared = context.db.stats().sharing !== undefined;
    this.#mode = context.json || !Deno.stdout.isTerminal() ? "json" : "table";
  }

  /** Runs all statements, and returns the exit code. */
  async run(): Promise<ExitCode> {
    const steps = this.#query.script({
      next: (isInside) => {
        const text = this.#next(isInside);
        if (!isInside) this.#catchUp();
        return text;
      },
      result: (rows, text) => this.#print(rows, text),
      failed: (error) => this.#report(error),
    });
    try {
      for (const _ of steps) {
        // Between statements the database can run its idle work.
        await new Promise((resolve) => setTimeout(resolve));
      }
    } catch (error) {
      if (!this.#hasEnded || !this.#lines.isInteractive) throw this.#failure(error);
      note("The transaction was not committed: nothing of it has happened.");
    }
    return EXIT.done;
  }

  /** Reads on to what others have committed, as a transaction does. */
  #catchUp(): void {
    if (this.#isShared) this.#context.db.writeSync(() => {});
  }

  /** The text of the next statement, after the commands before it; undefined at the end. */
  #next(isInside: boolean): string | undefined {
    let text = "";
    while (!this.#hasEnded) {
      const prompt = text !== "" ? PROMPT_MORE : isInside ? PROMPT_INSIDE : PROMPT;
      const line = this.#lines.next(prompt);
      if (line === CANCELLED) {
        text = "";
        continue;
      }
      if (line === undefined) break;
      if (text === "" && line.trim() === "") continue;
      if (text === "" && line.trimStart().startsWith(".")) {
        const read = this.#command(line.trim());
        if (read !== undefined) return this.#begin(read.text, read.file);
        continue;
      }
      text += text === "" ? line : `\n${line}`;
      // In a script the line may be the first of a longer statement.
      const isShort = this.#lines.isInteractive || !/^\s*select\s*$/i.test(text);
      const full = isShort ? fullStatement(this.#query, text) : undefined;
      // A short INSERT that fits no table is refused at once: no line makes it a statement.
      if (full === undefined && !isShortInsert(text) && !isCompleteSql(text)) continue;
      // Statements with values are not kept, because these may be secrets.
      if (!/^\s*(insert|update|replace)\b/i.test(text)) this.#lines.remember(text);
      return this.#begin(full ?? text);
    }
    this.#hasEnded = true;
    return text === "" ? undefined : this.#begin(text);
  }

  #begin(text: string, file?: string): string {
    this.#file = file;
    this.#linesBefore = file === undefined ? this.#lines.line - text.split("\n").length : 0;
    this.#started = performance.now();
    this.#trace.begin();
    return text;
  }

  #print(rows: SqlRows, text: string): void {
    const { out } = this.#context;
    if (this.#explains && /^\s*(select|with|values)\b/i.test(text)) {
      const plan = this.#query.all<{ depth: number; detail: string }>(`EXPLAIN QUERY PLAN ${text}`);
      for (const { depth, detail } of plan) out.line(`-- ${"  ".repeat(depth)}${oneLine(detail)}`);
    }
    out.lines(linesOf(rows, this.#mode));
    if (rows.columns.length === 0 && rows.changed > 0 && this.#mode === "table") {
      out.line(`${countOf(rows.changed, "row")} changed`);
    }
    this.#trace.end(out);
    if (this.#times) out.line(`-- ${(performance.now() - this.#started).toFixed(2)} ms`);
    out.flush();
  }

  #report(error: unknown): void {
    const failure = this.#failure(error);
    if (!this.#lines.isInteractive || this.#hasEnded) throw failure;
    this.#context.out.flush();
    note(failureOf(failure).line ?? "");
  }

  /** An error as the program reports it: with its place in the script or the file. */
  #failure(error: unknown): unknown {
    if (!(error instanceof SqlError)) return withPath(this.#context.path, error);
    const file = this.#file;
    const isTyped = this.#lines.isInteractive && file === undefined;
    const text = isTyped ? error.message : `${this.#placeOf(error)}: ${withoutPlace(error)}`;
    return new Refusal(oneLine(file === undefined ? text : `${file}, ${text}`), EXIT.malformed);
  }

  #placeOf({ line, column }: SqlError): string {
    if (line === undefined) return `line ${this.#file === undefined ? this.#lines.line : 1}`;
    return `line ${this.#linesBefore + line}, column ${column}`;
  }

  /** Runs a command, and returns the statements of a file that it gives, if any. */
  #command(line: string): ReadText | undefined {
    try {
      const [name = "", argument, ...more] = line.split(/\s+/);
      if (more.length > 0) throw new Refusal(`Cannot run ${oneLine(name)}: too many arguments`);
      return this.#runCommand(name, argument);
    } catch (error) {
      this.#report(error);
      return undefined;
    } finally {
      this.#context.out.flush();
    }
  }

  #runCommand(name: string, argument: string | undefined): ReadText | undefined {
    const { out } = this.#context;
    switch (name) {
      case ".exit":
      case ".quit":
        this.#hasEnded = true;
        return undefined;
      case ".help":
        for (const [command, what] of DOT_COMMANDS) out.line(`${command.padEnd(22)} ${what}`);
        return undefined;
      case ".tables":
        for (const { type, name: table } of this.#query.schema()) {
          if (type !== "index") out.line(oneLine(table));
        }
        return undefined;
      case ".schema":
        for (const { table, sql: text } of this.#query.schema()) {
          const isIt = argument === undefined || table.toLowerCase() === argument.toLowerCase();
          if (isIt) out.line(`${text};`);
        }
        return undefined;
      case ".read":
        if (argument === undefined) throw new Refusal("Cannot read: give a file");
        return { text: Deno.readTextFileSync(namedFile("read", argument)), file: argument };
    }
    return this.#setting(name, argument);
  }

  #setting(name: string, argument: string | undefined): undefined {
    if (name === ".mode") {
      const mode = MODES.find((known) => known === argument);
      if (mode === undefined) throw new Refusal(`Cannot use this mode: give ${MODES.join(", ")}`);
      this.#mode = mode;
      return undefined;
    }
    const isKnown = [".explain", ".timer", ".trace"].includes(name);
    if (!isKnown) {
      throw new Refusal(`Cannot run ${oneLine(name)}: there is no such command; see .help`);
    }
    if (argument !== "on" && argument !== "off") {
      throw new Refusal(`Cannot run ${name}: give on or off`);
    }
    const isOn = argument === "on";
    if (name === ".explain") this.#explains = isOn;
    else if (name === ".timer") this.#times = isOn;
    else this.#trace.turn(isOn);
    return undefined;
  }
}

/** The message of an error without the place in its text. */
function withoutPlace({ message, line, column }: SqlError): string {
  const place = `, at line ${line}, column ${column}`;
  return message.endsWith(place) ? message.slice(0, -place.length) : message;
}
