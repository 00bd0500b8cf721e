/**
 * Planted bugs of the layers on `mod.ts`. Those of SQL are in the planner, the machine and the code
 * of expressions and changes: random statements beside `node:sqlite` catch them. Those of KV and
 * Level are in what they promise about crashes and about the memory of their callers.
 */

import { bug, part, type PlantedBug } from "./planted_bugs.ts";

const RANDOM = "tests/sql/beside_sqlite_test.ts";
const FAMILIES = part("tests/sql/families_test.ts", "families");
const CORNERS = "tests/sql/corners_test.ts";
const PROGRAMS = "tests/sql/programs_test.ts";
const SHARED = "tests/sql/shared_test.ts";
const PLANNER = "tests/sql/planner_test.ts";

/** Bugs of SQL. */
export const SQL_BUGS: readonly PlantedBug[] = [
  bug(
    "sql-schema-settled",
    "a statement has the schema of the version that it reads or changes",
    "sql/define/known_schema.ts",
    "this.#db.version === this.#settledAt",
    "this.#settledAt >= 0",
    SHARED,
  ),
  bug(
    "sql-schema-number",
    "a schema that has rolled back and the next one have different numbers",
    "sql/schema/trees.ts",
    "const number = drawnNumber();",
    "const number = this.schemaNumber() + 1;",
    SHARED,
  ),
  bug(
    "sql-prefix-blobs",
    "a search for a prefix finds blobs too, as they match as text",
    "sql/loop/ranges.ts",
    'builder.emit("If", isSecond, end);',
    'builder.emit("Goto", 0, end);',
    PLANNER,
  ),
  bug(
    "sql-prefix-escape",
    "the prefix of a pattern has what is escaped, without the escapes",
    "sql/value/pattern.ts",
    'return typeof escape === "string" ? escapedPrefix(pattern, escape) : "";',
    "return pattern;",
    PLANNER,
  ),
  bug(
    "sql-update-copies",
    "an update keeps the defaults of columns that a row does not have",
    "sql/vm/cursor.ts",
    "rowWriter.rowValue(isStored[i]! ? this.column(i) : null);",
    "rowWriter.rowValue(null);",
    CORNERS,
  ),
  bug(
    "sql-range-open",
    "a range of keys ends with its upper bound where that is inclusive",
    "sql/vm/key_range.ts",
    "lt = keyOf(prefix, value, collation, upper.isInclusive);",
    "lt = keyOf(prefix, value, collation, !upper.isInclusive);",
    RANDOM,
    FAMILIES,
  ),
  bug(
    "sql-text-affinity",
    "a number in a column of text becomes text",
    "sql/value/affinity.ts",
    "return isNumeric(value) ? textOf(value) : value;",
    "return value;",
    RANDOM,
    FAMILIES,
  ),
  bug(
    "sql-between-low",
    "BETWEEN includes its lower bound",
    "sql/plan/loop.ts",
    '{ kind: "binary", operator: ">=", left, right: low, at },',
    '{ kind: "binary", operator: ">", left, right: low, at },',
    RANDOM,
    FAMILIES,
  ),
  bug(
    "sql-except-kept",
    "EXCEPT removes the rows of its right side",
    "sql/query/query.ts",
    'right.emit((first) => builder.emit("RemoveRow", set, 0, first));',
    "right.emit(() => {});",
    RANDOM,
    FAMILIES,
  ),
  bug(
    "sql-null-stored",
    "an insertion refuses NULL where a column does",
    "sql/vm/row_insertion.ts",
    "else if (column.notNull !== undefined) {",
    'else if (column.notNull === "fail") {',
    RANDOM,
    FAMILIES,
  ),
  bug(
    "sql-entry-stale",
    "an update moves the entries of the indexes whose columns it sets",
    "sql/change/row_writer.ts",
    "for (const index of affected) emitDeleteEntry(this.#context, index, oldScope, oldKey);",
    "",
    RANDOM,
    FAMILIES,
  ),
  bug(
    "sql-count-null",
    "count() of an expression leaves NULL out",
    "sql/function/aggregate.ts",
    "  add(values: readonly SqlValue[], first: number, count: number): void {\n" +
      "    if (count === 0 || values[first] !== null) this.#count++;",
    "  add(values: readonly SqlValue[], first: number, count: number): void {\n" +
      "    if (count >= 0 || values[first] !== null) this.#count++;",
    RANDOM,
    FAMILIES,
  ),
  bug(
    "sql-not-null",
    "the opposite of a condition that is NULL is not true",
    "sql/expression/expression.ts",
    "this.jump(left, scope, past, !when, !orNull);",
    "this.jump(left, scope, past, !when, orNull);",
    RANDOM,
    FAMILIES,
  ),
  bug(
    "sql-set-affinity",
    "the values of a list get the affinity of what is looked for in it",
    "sql/expression/in_set.ts",
    "addToSet(context, set, register, affinity);",
    "addToSet(context, set, register, expr.list ? undefined : affinity);",
    RANDOM,
    FAMILIES,
  ),
  bug(
    "sql-in-once",
    "a key is searched for each value of IN",
    "sql/loop/ranges.ts",
    'builder.emit("NextRow", set, each);',
    "",
    RANDOM,
    FAMILIES,
  ),
  bug(
    "sql-left-dropped",
    "a row of a left join without a partner has NULLs",
    "sql/query/loops.ts",
    '    builder.emit("If", matched, end);\n    this.#nullRow(planned, position);',
    '    builder.emit("IfNot", matched, end);\n    this.#nullRow(planned, position);',
    RANDOM,
    FAMILIES,
  ),
  bug(
    "sql-like-case",
    "LIKE on stored bytes finds capital letters too",
    "sql/value/byte_pattern.ts",
    "(_, byte) => byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte,",
    "(_, byte) => byte >= 0x42 && byte <= 0x5a ? byte + 0x20 : byte,",
    RANDOM,
    FAMILIES,
    "tests/sql/statement_test.ts",
  ),
  bug(
    "sql-aggregate-owner",
    "an aggregate in a subquery is over the rows of the query whose columns it names",
    "sql/query/aggregates_in.ts",
    "return level === around.level;",
    "return scope === around;",
    CORNERS,
  ),
  bug(
    "sql-upsert-order",
    "the keys of ON CONFLICT are checked before the others",
    "sql/change/row_writer.ts",
    "return at < 0 ? this.#handlers.length + replaces(key) : at;",
    "return at < 0 ? replaces(key) - 1 : at;",
    CORNERS,
  ),
  bug(
    "sql-key-collation",
    "the key of a table has the collation of its constraint",
    "sql/schema/build.ts",
    "return collation === undefined ? columns[column]!.collation : knownCollation(collation, at);",
    "return columns[column]!.collation;",
    CORNERS,
  ),
  bug(
    "sql-rowid-after-trigger",
    "a row follows those that a trigger has added",
    "sql/vm/ops_write.ts",
    "    m.greatest = undefined;\n    triggers.add(name);",
    "    triggers.add(name);",
    CORNERS,
  ),
  bug(
    "sql-compound-affinity",
    "a column of a compound converts nothing where its parts differ in class",
    "sql/query/query.ts",
    'affinity: isMixed ? "BLOB" : affinity, classes };',
    "affinity, classes };",
    PROGRAMS,
  ),
  bug(
    "sql-in-collation",
    "COLLATE on the right of IN goes before the collation of a column on the left",
    "sql/expression/rules.ts",
    "(column.isExplicit === true && !own.isExplicit)",
    "(column.isExplicit === true && own.isExplicit)",
    PROGRAMS,
  ),
  bug(
    "sql-partial-target",
    "ON CONFLICT means a partial index if it has its condition",
    "sql/change/insert.ts",
    "return given !== undefined && isAlike(given, where, sameColumn);",
    "return given === undefined || isAlike(given, where, sameColumn);",
    CORNERS,
  ),
  bug(
    "sql-digits-zeros",
    "a REAL has fewer digits only if they give the same double",
    "sql/value/real_digits.ts",
    "if (Number(`${digits}e${exponent + all.length - end}`) !== number) return undefined;",
    "",
    PROGRAMS,
  ),
];

const KV = "kv/kv_test.ts";

/** Bugs of KV and Level. */
export const KV_BUGS: readonly PlantedBug[] = [
  bug(
    "kv-version-again",
    "no version of a commit that a crash has undone is given again",
    "kv/format/versionstamp.ts",
    "const version = Math.max(numberIn(meta, LAST_VERSION), this.#floor) + 1;",
    "const version = numberIn(meta, LAST_VERSION) + 1;",
    KV,
  ),
  bug(
    "kv-version-imported",
    "no version is given again after an import of versions ahead of the file's",
    "kv/format/versionstamp.ts",
    "if (last > this.#opened) meta.set(AHEAD, last - this.#opened);",
    "",
    KV,
  ),
  bug(
    "kv-message-early",
    "a message is delivered once its commit is durable",
    "kv/schedule/queue.ts",
    "if (!this.#held.has(id[1]) && !this.#inFlight.has(id.join())) this.#take(id);",
    "if (!this.#inFlight.has(id.join())) this.#take(id);",
    "tests/kv/message_durability_test.ts",
  ),
  bug(
    "kv-bytes-lent",
    "a write that waits for another process has the bytes of its call",
    "kv/store.ts",
    "const kept = this.#isShared ? withOwnBytes(write) : write;",
    "const kept = write;",
    KV,
  ),
  bug(
    "kv-key-lent",
    "an operation that waits for a blob has the keys of its call",
    "kv/write/encode.ts",
    "const write = heldWrite(given);",
    "const write = given;",
    KV,
  ),
  bug(
    "level-bytes-lent",
    "a write that waits for another process has the bytes of its call",
    "level/level.ts",
    "return isLent ? new Uint8Array(encoded) : encoded;",
    "return encoded;",
    "level/level_test.ts",
  ),
];
