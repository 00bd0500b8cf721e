/**
 * What JSON has no word for, as an object with one key that begins with `$`: telling such objects
 * from others, and the numbers that need one.
 */

import { Refusal } from "../io/exit.ts";

const NUMBERS: ReadonlyMap<string, number> = new Map([
  ["NaN", NaN],
  ["Infinity", Infinity],
  ["-Infinity", -Infinity],
  ["-0", -0],
]);

/** Whether a value of JSON is an object with that one key, and a text there. */
export function isTagged<K extends string>(json: unknown, tag: K): json is Record<K, string> {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return false;
  const keys = Object.keys(json);
  return keys.length === 1 && keys[0] === tag &&
    typeof (json as Record<string, unknown>)[tag] === "string";
}

/** A number as JSON: itself, or a tag where JSON has none. */
export function tagOfNumber(value: number): unknown {
  for (const [name, number] of NUMBERS) if (Object.is(number, value)) return { $number: name };
  return value;
}

/**
 * The number of a tag.
 *
 * @throws {Refusal} There is none of that name.
 */
export function numberFromTag(name: string): number {
  const number = NUMBERS.get(name);
  if (number !== undefined) return number;
  throw new Refusal(`Cannot use {"$number": ${JSON.stringify(name)}}: there is no such number`);
}

/**
 * The bigint of its digits.
 *
 * @throws {Refusal} It is none.
 */
export function bigintFromTag(text: string): bigint {
  if (/^-?\d+$/.test(text)) return BigInt(text);
  throw new Refusal(`Cannot use {"$bigint": ${JSON.stringify(text)}}: it is not a whole number`);
}
