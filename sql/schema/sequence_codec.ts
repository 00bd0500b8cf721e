/**
 * The codec of the greatest rowid that a table has had: the digits of an integer as a JSON string.
 *
 * Each row that AUTOINCREMENT numbers reads and writes one, so the bytes of small ones are read and
 * written without a string. It has the name of the codec `json`, which reads and writes the same.
 */

import { json, type ValueCodec } from "../../mod.ts";
import { fits, type Integer, integerOf } from "../value/value.ts";

/** The number of digits up to which a double holds every integer. */
const DIGITS_MAX = 15;
const LENGTH_MAX = DIGITS_MAX + 2;
const SMALL_END = 10 ** DIGITS_MAX;
const QUOTE = 0x22;
const ZERO = 0x30;

const memory = new Uint8Array(LENGTH_MAX);

/** The codec; null stands for bytes that are not an integer of 64 bits. */
export const sequenceCodec: ValueCodec<Integer | null, Integer> = {
  name: "json",
  ordered: false,
  keepsBytes: false,
  encode(rowid) {
    if (typeof rowid !== "number" || rowid < 0 || rowid >= SMALL_END) {
      return json.encode(String(rowid));
    }
    let at = LENGTH_MAX;
    memory[--at] = QUOTE;
    let rest = rowid;
    do {
      const tenth = Math.floor(rest / 10);
      memory[--at] = ZERO + rest - 10 * tenth;
      rest = tenth;
    } while (rest > 0);
    memory[--at] = QUOTE;
    return memory.subarray(at);
  },
  decode(bytes) {
    return smallOf(bytes) ?? anyOf(bytes);
  },
};

/** An integer of few digits and no sign; undefined for all else. */
function smallOf(bytes: Uint8Array): number | undefined {
  const last = bytes.length - 1;
  if (last < 2 || last > DIGITS_MAX + 1 || bytes[0] !== QUOTE || bytes[last] !== QUOTE) {
    return undefined;
  }
  let number = 0;
  for (let i = 1; i < last; i++) {
    const digit = bytes[i]! - ZERO;
    if (digit < 0 || digit > 9) return undefined;
    number = 10 * number + digit;
  }
  return number;
}

function anyOf(bytes: Uint8Array): Integer | null {
  const text = json.decode(bytes);
  if (typeof text !== "string" || !/^-?\d{1,19}$/.test(text)) return null;
  const rowid = BigInt(text);
  return fits(rowid) ? integerOf(rowid) : null;
}
