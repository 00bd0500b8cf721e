/**
 * The errors of SQL: what is wrong, and where in the text.
 */

/** Why a statement was refused, for programs. */
export type SqlErrorCode =
  /** The text is not SQL, or names something that does not exist. */
  | "SYNTAX"
  /** It is SQL that is not supported here. */
  | "UNSUPPORTED"
  /** It would break a constraint. */
  | "CONSTRAINT"
  /** A value is of the wrong type, or out of range. */
  | "VALUE"
  /** The call does not fit the state of statement or transaction. */
  | "MISUSE"
  /** Something else changed the database during a transaction of several turns; run it again. */
  | "CONFLICT";

/** An error of a statement. */
export class SqlError extends Error {
  /** The name of the class. */
  override readonly name = "SqlError";
  /** Its kind. */
  readonly code: SqlErrorCode;
  /** The offset in the text in UTF-16 units; undefined if it has no place there. */
  readonly offset: number | undefined;
  /** The line of that place, from 1. */
  readonly line: number | undefined;
  /** The column of that place, from 1. */
  readonly column: number | undefined;

  /**
   * Creates an error.
   *
   * @param message What is wrong.
   * @param place Where, if it has a place.
   */
  constructor(code: SqlErrorCode, message: string, place?: { text: string; offset: number }) {
    const before = place?.text.slice(0, place.offset);
    const line = before === undefined ? undefined : before.split("\n").length;
    const column = before === undefined ? undefined : before.length - before.lastIndexOf("\n");
    super(line === undefined ? message : `${message}, at line ${line}, column ${column}`);
    this.code = code;
    this.offset = place?.offset;
    this.line = line;
    this.column = column;
  }
}

/** The error of a foreign key that is broken. */
export function foreignError(): SqlError {
  return new SqlError("CONSTRAINT", "FOREIGN KEY constraint failed");
}

/** What an error does to the changes before it. */
export type ErrorAction = "abort" | "fail" | "rollback";

/** An error that keeps the changes of its statement, or rolls back the whole transaction. */
export class ConflictError extends SqlError {
  /** What it does. */
  readonly action: ErrorAction;

  /** Creates an error. */
  constructor(action: ErrorAction, message: string) {
    super("CONSTRAINT", message);
    this.action = action;
  }
}

/** An error with an offset, which gets line and column once the text is known. */
export class PlacedError extends Error {
  /** Its kind. */
  readonly code: SqlErrorCode;
  /** The offset in the text. */
  readonly offset: number;

  /** Creates an error. */
  constructor(code: SqlErrorCode, message: string, offset: number) {
    super(message);
    this.code = code;
    this.offset = offset;
  }
}

/** Throws the error of a statement that has no meaning in SQL. */
export function refuse(message: string, offset: number): never {
  throw new PlacedError("SYNTAX", message, offset);
}

/** Throws the error of a part of SQL that is not supported, with its name. */
export function unsupported(what: string, offset: number): never {
  throw new PlacedError("UNSUPPORTED", `${what} not supported`, offset);
}

/**
 * Runs a function; placed errors in it become errors of a text. So does a stack overflow: how deep
 * a statement may be nested depends on the stack that its caller left.
 */
export function inText<T>(text: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (isStackOverflow(error)) {
      throw new SqlError("SYNTAX", "the statement is nested too deeply, or has too many terms");
    }
    if (!(error instanceof PlacedError)) throw error;
    throw new SqlError(error.code, error.message, { text, offset: error.offset });
  }
}

/** What the runtime says about text and bytes that are longer than it allows. */
const TOO_BIG = /^(Invalid string length|Array buffer allocation failed|buffer exceeds maximum)/;

/** The error of a running statement; that of the runtime for a value too big becomes one of SQL. */
export function whileRunning(error: unknown): unknown {
  const isTooBig = (error instanceof RangeError || error instanceof TypeError) &&
    TOO_BIG.test(error.message);
  return isTooBig ? new SqlError("VALUE", "string or blob too big") : error;
}

function isStackOverflow(error: unknown): boolean {
  return error instanceof RangeError && error.message.includes("call stack");
}
