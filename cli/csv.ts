/**
 * CSV as RFC 4180 has it: reading strictly, record by record, from blocks of text, and writing.
 *
 * Strictly: a quote inside a field without quotes, text after a closing quote, and an end inside
 * quotes are errors, not guesses. Lines end with LF or CRLF; inside quotes both are kept as they
 * are.
 *
 * The transaction that the records go into is synchronous and the file may be larger than memory,
 * so the parser takes blocks and gives records without waiting. Parsers of npm take either the
 * whole text or an asynchronous stream.
 */

import { LineError } from "./lines.ts";

const QUOTE = '"';
/** How spreadsheets know a formula, also in the wide forms of East Asia, after blanks or not. */
const FORMULA = /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/;
const NUMBER = /^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$/;
const MUST_QUOTE = /[",\r\n]/;

/** A record, and the line where it begins, from 1. */
export interface CsvRecord {
  readonly fields: readonly string[];
  readonly line: number;
}

/**
 * The records of a text that comes in lines, each without what ends it but for a CR.
 *
 * A record is one line, or several where a field in quotes goes on. Lines without a character are
 * passed over.
 *
 * @throws {LineError} The text is malformed.
 */
export function* readCsv(lines: Iterable<string>): Generator<CsvRecord, void, undefined> {
  let number = 0;
  let record: RecordReader | undefined;
  for (const line of lines) {
    number++;
    if (record === undefined) {
      if (line === "" || line === "\r") continue;
      record = new RecordReader(number);
    }
    if (!record.add(line, number)) continue;
    yield record;
    record = undefined;
  }
  if (record === undefined) return;
  throw new LineError(record.line, "its quotes do not end");
}

/** One record while it is read. */
class RecordReader implements CsvRecord {
  readonly fields: string[] = [];
  readonly line: number;
  /** What a field in quotes has of lines before; undefined outside quotes. */
  #open: string | undefined;

  constructor(line: number) {
    this.line = line;
  }

  /** Reads a further line; whether the record ends with it. */
  add(text: string, number: number): boolean {
    let at = 0;
    while (at <= text.length) {
      if (this.#open === undefined && text[at] !== QUOTE) {
        at = this.#addPlain(text, at, number);
        continue;
      }
      const start = this.#open === undefined ? at + 1 : at;
      this.#open ??= "";
      const end = this.#addQuoted(text, start);
      if (end < 0) return false;
      at = this.#endQuoted(text, end, number);
    }
    return true;
  }

  /** Reads a field without quotes; where the next one begins. */
  #addPlain(text: string, at: number, number: number): number {
    const comma = text.indexOf(",", at);
    const field = comma < 0 ? text.slice(at).replace(/\r$/, "") : text.slice(at, comma);
    if (field.includes(QUOTE)) {
      throw new LineError(number, 'a field without quotes has one; it is written "a ""quote"""');
    }
    this.fields.push(field);
    return comma < 0 ? text.length + 1 : comma + 1;
  }

  /** Reads on inside quotes; where they end, or -1 where the line does before. */
  #addQuoted(text: string, at: number): number {
    for (;;) {
      const quote = text.indexOf(QUOTE, at);
      if (quote < 0) {
        this.#open += `${text.slice(at)}\n`;
        return -1;
      }
      this.#open += text.slice(at, quote);
      if (text[quote + 1] !== QUOTE) return quote + 1;
      this.#open += QUOTE;
      at = quote + 2;
    }
  }

  /** Ends a field in quotes; where the next one begins. */
  #endQuoted(text: string, at: number, number: number): number {
    this.fields.push(this.#open!);
    this.#open = undefined;
    if (text[at] === ",") return at + 1;
    if (at === text.length || text.slice(at) === "\r") return text.length + 1;
    throw new LineError(number, "text goes on after a closing quote");
  }
}

/** A record as a line of CSV, without what ends it. */
export function csvLine(fields: readonly string[]): string {
  return fields.map(csvField).join(",");
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

function csvField(field: string): string {
  return MUST_QUOTE.test(field) ? `"${field.replaceAll(QUOTE, '""')}"` : field;
}
