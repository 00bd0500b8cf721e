/**
 * Entries from lines: newline-delimited JSON or CSV, each line an entry as `dump` writes it, or a
 * value from which the key is made. They come as the bytes that are kept.
 *
 * Blank lines are passed over. Nothing is guessed: a line that is malformed is an error.
 */

import { messageOf, Refusal } from "../io/exit.ts";
import { LineError, type LineReader } from "../io/lines.ts";
import { oneLine } from "../io/text.ts";
import type { CodecNames, CodecPair } from "./codecs.ts";
import { type CsvRecord, readCsv } from "./csv.ts";
import { readHeader, type TreeHeader } from "./dump_header.ts";
import { type EntryPart, entryPartOf } from "./entry_line.ts";
import { parseExact, RoundedNumber } from "./exact_json.ts";

const ARRAY_REMEDY = "newline-delimited JSON has a value a line, as jq -c '.[]' writes an array";

/** A key and its value, as they are kept. */
export type Entry = readonly [key: Uint8Array, value: Uint8Array];

/** Where keys come from; from neither, lines have them beside their values. */
export interface Keys {
  /** Fields of the value. */
  readonly fields: readonly string[] | undefined;
  /** The number of the record, from 1. */
  readonly isNumber: boolean;
}

/** How lines are read. */
export interface ReaderOptions {
  readonly isCsv: boolean;
  /** The delimiter of CSV; undefined for the most frequent one of the first line. */
  readonly delimiter: string | undefined;
  readonly keys: Keys;
}

/** Entries that belong together, to be read to their end before the next ones. */
export interface Section {
  /** What a dump says of their tree. */
  readonly header: TreeHeader | undefined;
  /** The codecs that the lines name, where they name any. */
  readonly codecs: CodecNames | undefined;
  /** The line where it begins. */
  readonly line: number;
  /**
   * The entries, one by one.
   *
   * @throws {LineError} A line is malformed, or has what is of none of the codecs.
   */
  entries(codecs: CodecPair): Generator<Entry, void, undefined>;
}

/** A line of JSON, read and not used yet. */
interface Peeked {
  readonly json: unknown;
  readonly line: number;
}

/** Reads entries, and tells where it is. */
export class EntryReader {
  readonly #lines: LineReader;
  readonly #options: ReaderOptions;
  readonly #hasKeys: boolean;
  /** How many entries there were whose key was made. */
  #count = 0;
  /** The line where the current entry begins, from 1. */
  line = 0;
  /** How many trees the dump says it has. */
  trees: number | undefined;

  /** A reader of lines. */
  constructor(lines: LineReader, options: ReaderOptions) {
    this.#lines = lines;
    this.#options = options;
    this.#hasKeys = options.keys.fields === undefined && !options.keys.isNumber;
  }

  /** How many bytes were read. */
  get bytesRead(): number {
    return this.#lines.bytesRead;
  }

  /**
   * What the input has; nothing at all of one that is empty.
   *
   * @throws {LineError} A line is malformed.
   */
  sections(): Generator<Section, void, undefined> {
    return this.#options.isCsv ? this.#csvSections() : this.#jsonSections();
  }

  *#jsonSections(): Generator<Section, void, undefined> {
    const values = this.#values();
    let next = values.next();
    while (!next.done) {
      const { line, json } = next.value;
      if (!this.#hasKeys) this.#refuseDump(json);
      const header = this.#hasKeys ? this.#headerOf(json) : undefined;
      if (header !== undefined && "trees" in header) {
        this.trees = header.trees;
        next = values.next();
        continue;
      }
      const first = header === undefined ? next : values.next();
      let stopped: IteratorResult<Peeked, void> | undefined;
      const entries = (codecs: CodecPair) => {
        return this.#entriesFrom(first, values, codecs, (at) => void (stopped = at));
      };
      yield {
        header,
        codecs: header,
        line,
        entries: (codecs) => this.#counted(entries(codecs), header),
      };
      if (stopped === undefined) throw new Error("the entries of a section were not read");
      next = stopped;
    }
  }

  /** The values of all lines. */
  *#values(): Generator<Peeked, void, undefined> {
    for (const text of this.#lines.rows()) {
      this.line = this.#lines.line;
      if (text.trim() === "") continue;
      yield { json: this.#parse(text), line: this.line };
    }
  }

  /** The entries up to the next header, which `stop` receives. */
  *#entriesFrom(
    first: IteratorResult<Peeked, void>,
    values: Generator<Peeked, void, undefined>,
    codecs: CodecPair,
    stop: (at: IteratorResult<Peeked, void>) => void,
  ): Generator<Entry, void, undefined> {
    let next = first;
    for (; !next.done; next = values.next()) {
      const { json } = next.value;
      if (!this.#hasKeys) {
        yield this.#keyed(json, codecs);
        continue;
      }
      if (this.#headerOf(json) !== undefined) break;
      const part = this.#partOf(json, true, codecs);
      if (part?.key === undefined) this.#refuseLine(json);
      yield [part.key, part.hasMore ? this.#wholeValue(part, values, codecs) : part.value];
    }
    stop(next);
  }

  /** A value whose parts are in lines of their own. */
  #wholeValue(
    first: EntryPart,
    values: Generator<Peeked, void, undefined>,
    codecs: CodecPair,
  ): Uint8Array {
    const { line } = this;
    const parts = [first.value];
    for (let hasMore = true; hasMore;) {
      const next = values.next();
      const part = next.done ? undefined : this.#partOf(next.value.json, false, codecs);
      if (part === undefined) {
        throw new LineError(line, "its value goes on in lines that are not there; it was cut");
      }
      parts.push(part.value);
      hasMore = part.hasMore;
    }
    this.line = line;
    return joined(parts);
  }

  #partOf(json: unknown, isFirst: boolean, codecs: CodecPair): EntryPart | undefined {
    let key: unknown;
    return this.#atLine(() =>
      entryPartOf(json, isFirst, (what, given) => {
        if (what === "key") key = given;
        return this.#encode(codecs, what, given, key);
      })
    );
  }

  /** As many entries as the header says, or an error. */
  *#counted(
    entries: Generator<Entry, void, undefined>,
    header: TreeHeader | undefined,
  ): Generator<Entry, void, undefined> {
    let count = 0;
    for (const entry of entries) {
      count++;
      yield entry;
    }
    const wanted = header?.entries;
    if (wanted === undefined || wanted === count) return;
    throw new LineError(
      this.line,
      `the dump of tree ${oneLine(header!.tree)} has ${count} of ${wanted} entries; it was cut, ` +
        'or changed; to load what is there, remove "entries" from its first line',
    );
  }

  #headerOf(json: unknown): ReturnType<typeof readHeader> {
    return this.#atLine(() => readHeader(json));
  }

  /** Values may have any fields, but a dump that is taken for values is a mistake. */
  #refuseDump(json: unknown): void {
    if (!isHeader(json)) return;
    throw new LineError(this.line, "it begins a dump, which has keys; leave out --key or --number");
  }

  *#csvSections(): Generator<Section, void, undefined> {
    const records = readCsv(this.#lines.rows(), this.#options.delimiter);
    const first = records.next();
    if (first.done) return;
    const header = first.value;
    const codecs = this.#hasKeys ? entryColumns(header) : undefined;
    checkColumns(header);
    const entries = (codecs: CodecPair) => this.#fromCsv(header.fields, records, codecs);
    yield { header: undefined, codecs: codecs?.names, line: header.line, entries };
  }

  *#fromCsv(
    columns: readonly string[],
    records: Generator<CsvRecord, void, undefined>,
    codecs: CodecPair,
  ): Generator<Entry, void, undefined> {
    const keyFirst = columns[0]?.startsWith("key") === true;
    for (const { fields, line } of records) {
      this.line = line;
      if (fields.length !== columns.length) {
        throw new LineError(line, `it has ${fields.length} fields, the header ${columns.length}`);
      }
      if (this.#hasKeys) {
        const [a, b] = fields as [string, string];
        yield this.#entryOfCells(keyFirst ? a : b, keyFirst ? b : a, codecs);
      } else {
        const value = Object.fromEntries(columns.map((name, i) => [name, fields[i]]));
        yield this.#keyed(value, codecs);
      }
    }
  }

  #parse(text: string): unknown {
    try {
      return parseExact(text);
    } catch (error) {
      if (error instanceof RoundedNumber) {
        throw new LineError(this.line, error.reason, error.column);
      }
      // The parser counts lines of what it was given, which is always line 1.
      const reason = (error as Error).message.replace(/ \(line 1 column \d+\)$/, "");
      const remedy = text.trimStart().startsWith("[") ? `; ${ARRAY_REMEDY}` : "";
      throw new LineError(this.line, `it is not JSON: ${reason}${remedy}`);
    }
  }

  #refuseLine(json: unknown): never {
    const makes = "--key or --number makes keys";
    const reason = Array.isArray(json)
      ? `it is a JSON array; ${ARRAY_REMEDY}`
      : `it has no "key" and "value"; ${makes}`;
    throw new LineError(this.line, reason);
  }

  #entryOfCells(key: string, value: string, { key: ofKeys, value: ofValues }: CodecPair): Entry {
    return [
      this.#atLine(() => ofKeys.codec.encode(ofKeys.form.fromText(key)), "the key"),
      this.#atLine(
        () => ofValues.codec.encode(ofValues.form.fromText(value)),
        `the value of key ${shown(key)}`,
      ),
    ];
  }

  /** An entry whose key is made from its value, or its number. */
  #keyed(json: unknown, codecs: CodecPair): Entry {
    const { fields } = this.#options.keys;
    this.#count++;
    const key = fields === undefined
      ? this.#numberKey(codecs)
      : this.#fieldKey(fields, json, codecs);
    return [key, this.#atLine(() => this.#encode(codecs, "value", json, this.#count))];
  }

  #fieldKey(fields: readonly string[], json: unknown, codecs: CodecPair): Uint8Array {
    const parts = fields.map((field) => this.#field(json, field));
    const { key } = codecs;
    // One field is the key itself, but where the codec wants an array.
    const isPlain = parts.length === 1 && key.name !== "tuple";
    // A cell of CSV is a text, also of a number.
    if (isPlain && this.#options.isCsv) {
      return this.#atLine(() => key.codec.encode(key.form.fromText(String(parts[0]))));
    }
    const given = isPlain ? parts[0] : parts;
    return this.#atLine(() => this.#encode(codecs, "key", given, given));
  }

  #numberKey({ key }: CodecPair): Uint8Array {
    const { name } = key;
    const number = name === "tuple" ? [this.#count] : name === "u64" ? this.#count : undefined;
    return this.#atLine(() => key.codec.encode(key.form.fromJson(number ?? String(this.#count))));
  }

  #field(json: unknown, field: string): unknown {
    const object = typeof json === "object" && json !== null ? json : {};
    if (Object.hasOwn(object, field)) return (object as Record<string, unknown>)[field];
    const reason = Array.isArray(json)
      ? `is a JSON array; ${ARRAY_REMEDY}`
      : `has ${namesOf(object)}`;
    throw new LineError(
      this.line,
      `it has no field ${JSON.stringify(field)}, which is to be a key; it ${reason}`,
    );
  }

  /** The bytes of a key or of the value of one. */
  #encode(codecs: CodecPair, what: keyof CodecPair, given: unknown, key: unknown): Uint8Array {
    const { codec, form, name } = codecs[what];
    try {
      return codec.encode(form.fromJson(given));
    } catch (error) {
      if (!isOfLine(error)) throw error;
      if (what === "value") {
        throw new Refusal(`the value of key ${shown(key)}: ${messageOf(error)}`);
      }
      const remedy = keyRemedy(name, given);
      throw remedy === undefined ? error : new Refusal(`${messageOf(error)}; ${remedy}`);
    }
  }

  /** Runs `body`, and adds the number of the line to its errors. */
  #atLine<T>(body: () => T, what?: string): T {
    try {
      return body();
    } catch (error) {
      if (!isOfLine(error)) throw error;
      const place = error instanceof RoundedNumber ? `character ${error.column}: ` : "";
      const reason = error instanceof RoundedNumber ? error.reason : messageOf(error);
      const rest = what === undefined ? "" : `${what}: `;
      throw new LineError(this.line, `${rest}${place}${reason}`);
    }
  }
}

function isHeader(json: unknown): boolean {
  try {
    return readHeader(json) !== undefined;
  } catch {
    return false;
  }
}

/** What forms and codecs throw at a value. */
function isOfLine(error: unknown): error is Error {
  return error instanceof Refusal || error instanceof TypeError || error instanceof RangeError;
}

/** The codec that takes keys which a codec of text has refused. */
function keyRemedy(codec: string, given: unknown): string | undefined {
  if (codec !== "string" && codec !== "bytes") return undefined;
  if (Array.isArray(given)) return "--key-codec tuple takes keys that are arrays";
  if (typeof given !== "number") return undefined;
  return Number.isSafeInteger(given) && given >= 0
    ? "--key-codec u64 takes keys that are whole numbers"
    : "--key-codec tuple takes keys that are numbers, each in an array";
}

/** The columns of entries, with the codecs that they may name: `key:u64`. */
function entryColumns({ fields, line }: CsvRecord): { names: CodecNames | undefined } {
  const found = fields.map((field) => /^(key|value)(?::(.*))?$/s.exec(field));
  const codecOf = (what: string) => found.find((match) => match?.[1] === what);
  const [key, value] = [codecOf("key"), codecOf("value")];
  if (fields.length !== 2 || key === undefined || value === undefined) {
    const remedy = "--key or --number makes keys of other columns";
    throw new LineError(
      line,
      `its columns are not key and value, but ${fields.map(oneLine).join(", ")}; ${remedy}`,
    );
  }
  if (key?.[2] === undefined || value?.[2] === undefined) return { names: undefined };
  return { names: { key: key[2], value: value[2] } };
}

function checkColumns({ fields, line }: CsvRecord): void {
  if (new Set(fields).size === fields.length) return;
  throw new LineError(line, "two of its columns have one name");
}

function namesOf(object: object): string {
  const names = Object.keys(object).map(oneLine);
  return names.length === 0 ? "none" : shortened(names.join(", "));
}

function shown(key: unknown): string {
  return shortened(JSON.stringify(key) ?? String(key));
}

function shortened(text: string, unitsMax = 100): string {
  return text.length <= unitsMax ? text : `${text.slice(0, unitsMax - 3)}...`;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
