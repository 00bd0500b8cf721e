/**
 * Entries from lines: newline-delimited JSON or CSV, each line an entry as `dump` writes it, or a
 * value from which the key is made.
 *
 * Blank lines are passed over. Nothing is guessed: a line that is malformed is an error.
 */

import type { CodecPair } from "./codecs.ts";
import { type CsvRecord, readCsv } from "./csv.ts";
import { LineError, type LineReader } from "./lines.ts";

/** A key and its value. */
export type Entry = readonly [key: unknown, value: unknown];

/** Where keys come from; from neither, lines have them beside their values. */
export interface Keys {
  /** Fields of the value. */
  readonly fields: readonly string[] | undefined;
  /** The number of the record, from 1. */
  readonly isNumber: boolean;
}

/** How lines are read. */
export interface EntryOptions {
  readonly isCsv: boolean;
  readonly keys: Keys;
  readonly codecs: CodecPair;
}

/** Reads entries, and tells where it is. */
export class EntryReader {
  readonly #lines: LineReader;
  readonly #options: EntryOptions;
  /** How many entries there were. */
  #count = 0;
  /** The line where the current entry begins, from 1. */
  line = 0;

  /** A reader of lines. */
  constructor(lines: LineReader, options: EntryOptions) {
    this.#lines = lines;
    this.#options = options;
  }

  /** How many bytes were read. */
  get bytesRead(): number {
    return this.#lines.bytesRead;
  }

  /**
   * The entries, one by one.
   *
   * @throws {LineError} A line is malformed.
   * @throws {Refusal} The line at `line` has what is of none of the codecs.
   */
  entries(): Generator<Entry, void, undefined> {
    return this.#options.isCsv ? this.#fromCsv() : this.#fromJson();
  }

  *#fromJson(): Generator<Entry, void, undefined> {
    for (const text of this.#lines.lines()) {
      this.line = this.#lines.line;
      if (text.trim() === "") continue;
      yield this.#entryOf(this.#parse(text));
    }
  }

  *#fromCsv(): Generator<Entry, void, undefined> {
    const records = readCsv(this.#lines.lines());
    const header = records.next();
    if (header.done) return;
    const columns = header.value.fields;
    const hasKeys = this.#hasKeys();
    if (hasKeys) checkEntryColumns(header.value);
    checkColumns(header.value);
    for (const { fields, line } of records) {
      this.line = line;
      if (fields.length !== columns.length) {
        throw new LineError(line, `it has ${fields.length} fields, the header ${columns.length}`);
      }
      if (hasKeys) yield this.#entryOfCells(columns, fields);
      else yield this.#keyed(Object.fromEntries(columns.map((name, i) => [name, fields[i]])));
    }
  }

  /** Whether lines have keys beside their values. */
  #hasKeys(): boolean {
    const { fields, isNumber } = this.#options.keys;
    return fields === undefined && !isNumber;
  }

  #parse(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch (error) {
      // The parser counts lines of what it was given, which is always line 1.
      const reason = (error as Error).message.replace(/ \(line 1 column \d+\)$/, "");
      throw new LineError(this.line, `it is not JSON: ${reason}`);
    }
  }

  #entryOf(json: unknown): Entry {
    if (!this.#hasKeys()) return this.#keyed(json);
    const { key, value } = this.#options.codecs;
    const found = typeof json === "object" && json !== null ? json : {};
    if (!Object.hasOwn(found, "key") || !Object.hasOwn(found, "value")) {
      const mend = "--key or --number makes keys";
      throw new LineError(this.line, `it has no "key" and "value"; ${mend}`);
    }
    const entry = found as { key: unknown; value: unknown };
    return [key.form.fromJson(entry.key), value.form.fromJson(entry.value)];
  }

  #entryOfCells(columns: readonly string[], cells: readonly string[]): Entry {
    const { key, value } = this.#options.codecs;
    return [
      key.form.fromText(cells[columns.indexOf("key")]!),
      value.form.fromText(cells[columns.indexOf("value")]!),
    ];
  }

  /** An entry whose key is made from its value, or its number. */
  #keyed(json: unknown): Entry {
    const { codecs, keys } = this.#options;
    const value = codecs.value.form.fromJson(json);
    this.#count++;
    if (keys.fields === undefined) return [codecs.key.form.fromJson(this.#numberKey()), value];
    const parts = keys.fields.map((field) => this.#field(json, field));
    // One field is the key itself, but where the codec wants an array.
    const isPlain = parts.length === 1 && codecs.key.name !== "tuple";
    const { form } = codecs.key;
    // A cell of CSV is a text, also of a number.
    if (isPlain && this.#options.isCsv) return [form.fromText(String(parts[0])), value];
    return [form.fromJson(isPlain ? parts[0] : parts), value];
  }

  #numberKey(): unknown {
    const { name } = this.#options.codecs.key;
    return name === "tuple" ? [this.#count] : name === "u64" ? this.#count : String(this.#count);
  }

  #field(json: unknown, field: string): unknown {
    const object = typeof json === "object" && json !== null ? json : {};
    if (Object.hasOwn(object, field)) return (object as Record<string, unknown>)[field];
    throw new LineError(
      this.line,
      `it has no field ${JSON.stringify(field)}, which is to be a key`,
    );
  }
}

/** Entries need both columns, and no others, as those would be lost. */
function checkEntryColumns({ fields, line }: CsvRecord): void {
  if (fields.toSorted().join() === "key,value") return;
  const mend = "--key or --number makes keys of other columns";
  throw new LineError(line, `its columns are not key and value; ${mend}`);
}

function checkColumns({ fields, line }: CsvRecord): void {
  if (new Set(fields).size === fields.length) return;
  throw new LineError(line, "two of its columns have one name");
}
