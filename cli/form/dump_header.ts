/**
 * The lines of a dump that are not entries: they say which tree the entries after them are of, its
 * codecs, and how many entries there are, so that a dump carries all that `load` has to know and
 * one that was cut is noticed.
 *
 * ```text
 * {"$quire":1,"trees":2}                                          first, in a dump of a whole file
 * {"$quire":1,"tree":"a","key":"tuple","value":"raw:own","entries":7}   before those of a tree
 * ```
 *
 * `raw:NAME` is a codec whose values are given as stored bytes. `entries` may be left out; then
 * nothing is counted.
 */

import { Refusal } from "../io/exit.ts";

const MARK = "$quire";
const VERSION = 1;

/** What a dump says of a tree. */
export interface TreeHeader {
  readonly tree: string;
  /** The codecs of keys and of values. */
  readonly key: string;
  readonly value: string;
  /** How many entries follow, where that is said. */
  readonly entries?: number | undefined;
}

/** What the dump of a whole file begins with. */
export interface FileHeader {
  readonly trees: number;
}

/** The line before the entries of a tree. */
export function treeHeaderLine({ tree, key, value, entries }: TreeHeader): string {
  return JSON.stringify({ [MARK]: VERSION, tree, key, value, entries });
}

/** The first line of a dump of a whole file. */
export function fileHeaderLine(trees: number): string {
  return JSON.stringify({ [MARK]: VERSION, trees });
}

/**
 * What a line of a dump says of what follows, or undefined where it is an entry.
 *
 * @throws {Refusal} It is malformed, or of a version that is not known.
 */
export function readHeader(json: unknown): TreeHeader | FileHeader | undefined {
  if (typeof json !== "object" || json === null || !Object.hasOwn(json, MARK)) return undefined;
  const line = json as Record<string, unknown>;
  if (line[MARK] !== VERSION) {
    const version = JSON.stringify(line[MARK]);
    throw new Refusal(`Cannot read a dump of version ${version}: this program has ${VERSION}`);
  }
  const { tree, key, value, entries, trees } = line;
  if (isCount(trees) && tree === undefined) return { trees };
  const isWhole = typeof tree === "string" && typeof key === "string" && typeof value === "string";
  if (isWhole && (entries === undefined || isCount(entries))) return { tree, key, value, entries };
  throw new Refusal('Cannot read the dump: this line has no "tree", "key" and "value"');
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && value as number >= 0;
}
