/**
 * CSV of RFC 4180: a strict reader, record by record, and a writer.
 *
 * Strict means that a quote inside a field without quotes, text after a closing quote, and an end
 * inside quotes are errors, not guesses. Lines end with LF, CRLF or a lone CR, which are preserved
 * inside quotes. Commas separate fields, or a given delimiter; without one, the
 * semicolons or tabs of a first line that has more of these.
 *
 * The transaction that stores the records is synchronous and the file may exceed memory, so the
 * parser takes lines and yields records synchronously. Parsers of npm take either the whole text
 * or an asynchronous stream.
 */

import { LineError } from "../io/lines.ts";

const QUOTE = '"';
/** The start of a formula in spreadsheets, full-width forms and leading blanks included. */
const FORMULA = /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/;
const NUMBER = /^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$/;
const MUST_QUOTE = /[",\r\n]/;
/** In a first line these could be mistaken for the delimiter. */
const DELIMITER_TOO = /[;\t]/;
const LINE_END = /(?:\r\n|\n|\r)$/;

/** The delimiters by name; the first is that of RFC 4180. */
export const DELIMITERS: ReadonlyMap<string, string> = new Map([
  ["comma", ","],
  ["semicolon", ";"],
  ["tab", "\t"],
]);

/** A record, and the 1-based line where it begins. */
export interface CsvRecord {
  readonly fields: readonly string[];
  readonly line: number;
}

/**
 * Reads records from lines, each with its terminator.
 *
 * A record is one line, or several if a quoted field continues. Empty lines are skipped.
 *
 * @param given The delimiter; default the most frequent one of the first line.
 * @throws {LineError} The text is malformed.
 */
export function* readCsv(
  lines: Iterable<string>,
  given?: string,
): Generator<CsvRecord, void, undefined> {
  let number = 0;
  let delimiter = given;
  let record: RecordReader | undefined;
  for (const line of lines) {
    number++;
    if (record === undefined) {
      if (line.replace(LINE_END, "") === "") continue;
      delimiter ??= delimiterOf(line);
      record = new RecordReader(number, delimiter);
    }
    if (!record.add(line, number)) continue;
    yield record;
    record = undefined;
  }
  if (record === undefined) return;
  throw new LineError(record.line, "a quoted field has no closing quote");
}

/** The most frequent delimiter of a first line, outside quotes. */
function delimiterOf(line: string): string {
  const plain = line.replace(/"[^"]*"/g, "");
  const counts = [...DELIMITERS.values()].map((character) => {
    return [character, plain.split(character).length] as const;
  });
  return counts.reduce((most, next) => next[1] > most[1] ? next : most)[0];
}

/** One record while it is read. */
class RecordReader implements CsvRecord {
  readonly fields: string[] = [];
  readonly line: number;
  readonly #delimiter: string;
  /** The part of a quoted field from earlier lines; undefined outside quotes. */
  #open: string | undefined;

  constructor(line: number, delimiter: string) {
    this.line = line;
    this.#delimiter = delimiter;
  }

  /** Reads a further line and returns whether it ends the record. */
  add(text: string, number: number): boolean {
    const plain = text.replace(LINE_END, "");
    const textEnd = plain.length;
    let at = 0;
    while (at <= textEnd) {
      if (this.#open === undefined && text[at] !== QUOTE) {
        at = this.#addPlain(plain, at, number);
        continue;
      }
      const start = this.#open === undefined ? at + 1 : at;
      this.#open ??= "";
      const end = this.#addQuoted(text, start);
      if (end < 0) return false;
      at = this.#endQuoted(text, end, textEnd, number);
    }
    return true;
  }

  /** Reads an unquoted field and returns the offset of the next. */
  #addPlain(text: string, at: number, number: number): number {
    const next = text.indexOf(this.#delimiter, at);
    const field = next < 0 ? text.slice(at) : text.slice(at, next);
    if (field.includes(QUOTE)) {
      throw new LineError(number, 'an unquoted field has a quote; write it as "a ""quote"""');
    }
    this.fields.push(field);
    return next < 0 ? text.length + 1 : next + 1;
  }

  /** Reads inside quotes; returns the offset of their end, or -1 if the line ends first. */
  #addQuoted(text: string, at: number): number {
    for (;;) {
      const quote = text.indexOf(QUOTE, at);
      if (quote < 0) {
        this.#open += text.slice(at);
        return -1;
      }
      this.#open += text.slice(at, quote);
      if (text[quote + 1] !== QUOTE) return quote + 1;
      this.#open += QUOTE;
      at = quote + 2;
    }
  }

  /** Ends a quoted field and returns the offset of the next. */
  #endQuoted(text: string, at: number, textEnd: number, number: number): number {
    this.fields.push(this.#open!);
    this.#open = undefined;
    if (text[at] === this.#delimiter) return at + 1;
    if (at === textEnd) return textEnd + 1;
    throw new LineError(number, "text goes on after a closing quote");
  }
}

/** A record as a line of CSV, without its terminator. */
export function csvLine(fields: readonly string[]): string {
  return fields.map((field) => MUST_QUOTE.test(field) ? quoted(field) : field).join(",");
}

/** The names of the columns as the first line, without its terminator. */
export function csvHeader(names: readonly string[]): string {
  return names.map((name) => {
    return MUST_QUOTE.test(name) || DELIMITER_TOO.test(name) ? quoted(name) : name;
  }).join(",");
}

/**
 * A record as a line of CSV in which a spreadsheet computes nothing: a cell that begins like a
 * formula gets a single quote before it, and all are in double quotes, so that none is split in
 * two. It does not come back as it was.
 */
export function csvLineForSpreadsheets(fields: readonly string[]): string {
  return fields.map((field) => {
    const isFormula = FORMULA.test(field) && !NUMBER.test(field);
    return `"${(isFormula ? `'${field}` : field).replaceAll(QUOTE, '""')}"`;
  }).join(",");
}

function quoted(field: string): string {
  return `"${field.replaceAll(QUOTE, '""')}"`;
}
