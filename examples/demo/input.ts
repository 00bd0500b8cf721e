/**
 * The user's own data: a file of newline-delimited JSON, or of plain lines.
 *
 * A file is newline-delimited JSON if its extension says so, or if its first line that is not blank
 * begins with a brace or is a JSON array. Then each line is one value, and a line that does not
 * parse is an error. Blank lines are skipped in both formats.
 *
 * The whole file is read and checked before anything is stored.
 */

import { KEY_BYTES_MAX } from "../../btree/mod.ts";
import { cityText, KeyMaker, NUMBER_BYTES, sortableNumber } from "./keys.ts";
import { type Entry, makeRecords, type Records } from "./records.ts";
import { messageOf, Refusal } from "./refusal.ts";

const NEWLINE = 0x0a;
const JSON_NAME = /\.(json|jsonl|ndjson)$/i;

const encoder = new TextEncoder();
const scratch = new Uint8Array(KEY_BYTES_MAX - NUMBER_BYTES);

interface Line {
  /** Its number in the file, from 1. */
  readonly number: number;
  readonly text: string;
}

/**
 * Reads a file given by the user.
 *
 * @throws {Refusal} There is no such file, or a line of it cannot be a record.
 */
export function readInput(path: string): Records {
  const lines = decodeLines(path, readBytes(path));
  if (lines.length === 0) throw new Refusal(`${path} has no records: every line is blank`);
  const keyOf = isJson(path, lines[0]!.text) ? keyOfJson : keyOfText;
  const keys = new KeyMaker();
  const entries = lines.map((line): Entry => {
    try {
      return [encodeKey(keyOf(line, keys)), encoder.encode(line.text)];
    } catch (error) {
      throw refusalOf(path, line.number, messageOf(error));
    }
  });
  return makeRecords({ tree: "records", source: path }, entries);
}

function readBytes(path: string): Uint8Array {
  try {
    return Deno.readFileSync(path);
  } catch (error) {
    const what = error instanceof Deno.errors.NotFound ? "there is no such file" : messageOf(error);
    throw new Refusal(`Cannot read ${path}: ${what}; --input takes a file of lines`);
  }
}

/** The lines that are not blank, without line endings. */
function decodeLines(path: string, bytes: Uint8Array): Line[] {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const lines: Line[] = [];
  for (let start = 0, number = 1; start < bytes.length; number++) {
    const newline = bytes.indexOf(NEWLINE, start);
    const end = newline < 0 ? bytes.length : newline;
    let text: string;
    try {
      text = decoder.decode(bytes.subarray(start, end)).replace(/\r$/, "");
    } catch {
      throw refusalOf(path, number, "it is not valid UTF-8");
    }
    if (text.trim() !== "") lines.push({ number, text });
    start = end + 1;
  }
  return lines;
}

function isJson(path: string, firstText: string): boolean {
  if (JSON_NAME.test(path) || firstText.trimStart().startsWith("{")) return true;
  try {
    return Array.isArray(JSON.parse(firstText));
  } catch {
    return false;
  }
}

function keyOfJson({ number, text }: Line, keys: KeyMaker): string {
  const value = parseJson(text);
  if (typeof value === "object" && value !== null) {
    const { country, name, key, id } = value as Record<string, unknown>;
    if (typeof country === "string" && typeof name === "string") {
      return keys.numbered(cityText(country, name));
    }
    const own = [key, id, name].find((field) => ["string", "number"].includes(typeof field));
    if (own !== undefined) return keys.plain(String(own));
  }
  return keys.plain(sortableNumber(number));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // The parser got only this line, so its position always says line 1.
    throw new Error(`it is not JSON: ${messageOf(error).replace(/ \(line 1 column \d+\)$/, "")}`);
  }
}

/** A line is its own key; a long one is shortened, which leaves room for a number. */
function keyOfText({ text }: Line, keys: KeyMaker): string {
  const { read } = encoder.encodeInto(text, scratch);
  return keys.plain(text.slice(0, read));
}

function encodeKey(key: string): Uint8Array {
  // Encoding would turn a lone surrogate into U+FFFD, and different keys into one.
  if (!key.isWellFormed()) throw new Error("its key has a lone surrogate");
  const bytes = encoder.encode(key);
  if (bytes.length > KEY_BYTES_MAX) {
    throw new Error(`its key has ${bytes.length} bytes, more than ${KEY_BYTES_MAX}`);
  }
  return bytes;
}

function refusalOf(path: string, line: number, what: string): Refusal {
  return new Refusal(`Cannot load ${path}: line ${line}: ${what}; nothing was stored`);
}
