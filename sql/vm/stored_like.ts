/**
 * LIKE on a stored column, in place: the pattern is compiled once for a prepared statement, and
 * tested on the bytes of the row.
 */

import { type BytePattern, bytePattern } from "../value/byte_pattern.ts";
import type { SqlValue } from "../value/value.ts";
import type { TableCursor } from "./cursor.ts";

/** A column that is tested, and the pattern that was compiled last. */
export class StoredLike {
  /** The column of the table. */
  readonly column: number;
  /** The register of the escape; undefined = there is none. */
  readonly escape: number | undefined;
  #pattern: SqlValue = null;
  #escape: SqlValue | undefined;
  #compiled: BytePattern | undefined;

  /** Creates a test of a column. */
  constructor(column: number, escape: number | undefined) {
    this.column = column;
    this.escape = escape;
  }

  /** Whether the column of the current row matches; undefined if its bytes alone do not tell. */
  matches(
    cursor: TableCursor,
    pattern: SqlValue,
    escape: SqlValue | undefined,
  ): boolean | undefined {
    if (pattern !== this.#pattern || escape !== this.#escape) this.#compile(pattern, escape);
    if (this.#compiled === undefined || cursor.isNull) return undefined;
    return cursor.reader.matches(this.column, this.#compiled);
  }

  #compile(pattern: SqlValue, escape: SqlValue | undefined): void {
    this.#pattern = pattern;
    this.#escape = escape;
    const isPlain = typeof pattern === "string" &&
      (escape === undefined || (typeof escape === "string" && escape.length === 1));
    this.#compiled = isPlain ? bytePattern(pattern, escape as string | undefined) : undefined;
  }
}
