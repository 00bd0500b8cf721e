/**
 * Options that select entries of a tree, and the range that they specify.
 */

import type { KeyRange, Range } from "../../mod.ts";
import type { NamedCodec } from "../form/codecs.ts";
import { type OptionSpec, type OptionValues, textOf, wholeNumber } from "./command_spec.ts";

const BOUNDS = ["prefix", "gt", "gte", "lt", "lte"] as const;

/** The options of commands that select entries regardless of order. */
export const KEY_RANGE_OPTIONS: readonly OptionSpec[] = [
  {
    flags: "--prefix <key>",
    what: "keys that begin with this text, or with these parts of a tuple",
  },
  { flags: "--gt <key>", what: "keys after this key" },
  { flags: "--gte <key>", what: "this key and keys after it" },
  { flags: "--lt <key>", what: "keys before this key" },
  { flags: "--lte <key>", what: "keys up to this key, inclusive" },
];

/** The options of commands that scan entries in order. */
export const RANGE_OPTIONS: readonly OptionSpec[] = [
  ...KEY_RANGE_OPTIONS,
  { flags: "--reverse", what: "in reverse order" },
  { flags: "--limit <count>", what: "at most this many" },
];

/** The options that choose the codecs of keys and values. */
export const CODEC_OPTIONS: readonly OptionSpec[] = [
  { flags: "--codec <key,value>", what: "codecs of keys and values, as in string,json" },
  { flags: "--key-codec <name>", what: "codec of keys; default: that of the tree" },
  { flags: "--value-codec <name>", what: "codec of values; default: that of the tree" },
];

/** The same for commands that use only keys. */
export const KEY_CODEC_OPTIONS: readonly OptionSpec[] = [CODEC_OPTIONS[1]!];

/**
 * The range of keys that the options specify.
 *
 * @throws {Refusal} A bound is not a key of the codec.
 */
export function keyRangeOf(options: OptionValues, key: NamedCodec): KeyRange<unknown, unknown> {
  const given = BOUNDS.flatMap((name): [string, unknown][] => {
    const text = textOf(options[name]);
    return text === undefined ? [] : [[name, key.form.fromText(text)]];
  });
  return Object.fromEntries(given);
}

/**
 * The range that the options specify, with order and limit.
 *
 * @throws {Refusal} The limit is not a whole number, or a bound is not a key of the codec.
 */
export function rangeOf(options: OptionValues, key: NamedCodec): Range<unknown, unknown> {
  const limit = textOf(options["limit"]);
  return {
    ...keyRangeOf(options, key),
    ...(options["reverse"] === true && { reverse: true }),
    ...(limit !== undefined && { limit: wholeNumber("--limit", limit) }),
  };
}

/** The same range with encoded bounds. */
export function keptRange(
  { prefix, gt, gte, lt, lte, ...rest }: Range<unknown, unknown>,
  { codec }: NamedCodec,
): Range<unknown, unknown> {
  const bound = (name: string, value: unknown) => {
    return value === undefined ? {} : { [name]: codec.encode(value) };
  };
  const ofPrefix = prefix !== undefined && { prefix: (codec.encodePrefix ?? codec.encode)(prefix) };
  const bounds = [bound("gt", gt), bound("gte", gte), bound("lt", lt), bound("lte", lte)];
  return Object.assign({ ...rest, ...ofPrefix }, ...bounds);
}

/** Whether the options restrict the range of keys. */
export function hasKeyRange(options: OptionValues): boolean {
  return BOUNDS.some((name) => options[name] !== undefined);
}
