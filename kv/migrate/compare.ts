/**
 * Compares the entries of two sides: one pass over both, in key order.
 *
 * Entries that are due may be gone from one side at any moment. They count on neither, if a side
 * shows that they are due.
 */

import { createHash, type Hash } from "node:crypto";
import { NEVER } from "../format/record.ts";
import { compareBytes } from "../format/selector.ts";
import { versionOf } from "../format/versionstamp.ts";
import { now } from "../schedule/clock.ts";
import { decodeValue, encodeValue } from "../value/value.ts";
import type { MovedEntry } from "../write/import.ts";
import { entriesOf, type Side } from "./side.ts";

/** The entries of one side. */
export interface Tally {
  /** The number of entries. */
  readonly entries: number;
  /** The SHA-256 of all keys and values, in key order, in hexadecimal. */
  readonly sha256: string;
}

/** The first difference of two sides. */
export interface Difference {
  /** The key. */
  readonly key: Uint8Array;
  /** The kind: one side lacks the key, or has another value, expiry or version. */
  readonly what: "missing" | "added" | "value" | "expiry" | "version";
}

/** The result of a comparison. */
export interface Comparison {
  /** The entries of the source. */
  readonly source: Tally;
  /** The entries of the target. */
  readonly target: Tally;
  /** The first difference; undefined if both have the same. */
  readonly difference: Difference | undefined;
}

/** Counts and sums entries, and checks their order. */
class Tallier {
  readonly #hash: Hash = createHash("sha256");
  readonly #lengths = new Uint8Array(9);
  readonly #view = new DataView(this.#lengths.buffer);
  entries = 0;

  add({ key, encoding, data }: MovedEntry): void {
    this.entries++;
    this.#view.setUint32(0, key.length);
    this.#view.setUint32(4, data.length);
    this.#view.setUint8(8, encoding);
    this.#hash.update(this.#lengths).update(key).update(data);
  }

  get tally(): Tally {
    return { entries: this.entries, sha256: this.#hash.copy().digest("hex") };
  }
}

/**
 * Compares two sides.
 *
 * @param through The last key to compare; default all.
 * @throws {TypeError} A side lists its keys out of order.
 */
export async function compareSides(
  source: Side,
  target: Side,
  through?: Uint8Array,
): Promise<Comparison> {
  const tallies = { source: new Tallier(), target: new Tallier() };
  const showsAll = source.showsAll && target.showsAll;
  let difference: Difference | undefined;
  const form = showsAll ? (entry: MovedEntry) => entry : normalized;
  for await (const pair of pairsOf(source, target, through)) {
    if (pair.some(isDue)) continue;
    const [ours, theirs] = pair.map((entry) => entry && form(entry)) as unknown as Pair;
    if (ours !== undefined) tallies.source.add(ours);
    if (theirs !== undefined) tallies.target.add(theirs);
    difference ??= differenceOf(ours, theirs, showsAll, target.showsAll);
  }
  return { source: tallies.source.tally, target: tallies.target.tally, difference };
}

/**
 * An entry as this library encodes it today: a side that shows values only, and not their bytes,
 * has none in the format of an older V8.
 */
function normalized(entry: MovedEntry): MovedEntry {
  return { ...entry, ...encodeValue(decodeValue(entry.encoding, entry.data)) };
}

/** An entry of each side with the same key; undefined where a side lacks it. */
type Pair = readonly [source: MovedEntry | undefined, target: MovedEntry | undefined];

async function* pairsOf(
  source: Side,
  target: Side,
  through: Uint8Array | undefined,
): AsyncGenerator<Pair, void> {
  const [sources, targets] = [orderedEntriesOf(source, through), orderedEntriesOf(target, through)];
  let [ours, theirs] = [(await sources.next()).value, (await targets.next()).value];
  while (ours !== undefined || theirs !== undefined) {
    const order = orderOf(ours, theirs);
    yield [order <= 0 ? ours : undefined, order >= 0 ? theirs : undefined];
    if (order <= 0) ours = (await sources.next()).value;
    if (order >= 0) theirs = (await targets.next()).value;
  }
}

/** Negative if the entry of the source is first, positive if that of the target, 0 if both. */
function orderOf(ours: MovedEntry | undefined, theirs: MovedEntry | undefined): number {
  if (ours === undefined || theirs === undefined) return ours === undefined ? 1 : -1;
  return compareBytes(ours.key, theirs.key);
}

async function* orderedEntriesOf(
  side: Side,
  through: Uint8Array | undefined,
): AsyncGenerator<MovedEntry, undefined> {
  let last: Uint8Array | undefined;
  for await (const entry of entriesOf(side)) {
    if (last !== undefined && compareBytes(last, entry.key) >= 0) {
      throw new TypeError(`Cannot compare ${side.name}: it lists its keys out of order`);
    }
    if (through !== undefined && compareBytes(entry.key, through) > 0) return undefined;
    last = entry.key;
    yield entry;
  }
  return undefined;
}

/** Whether an entry may be gone at any moment. */
export function isDue(entry: MovedEntry | undefined): boolean {
  return entry !== undefined && entry.expiresAt !== NEVER && entry.expiresAt <= now();
}

function differenceOf(
  ours: MovedEntry | undefined,
  theirs: MovedEntry | undefined,
  showsAll: boolean,
  keepsVersions: boolean,
): Difference | undefined {
  if (ours === undefined) return { key: theirs!.key, what: "added" };
  const { key } = ours;
  if (theirs === undefined) return { key, what: "missing" };
  if (ours.encoding !== theirs.encoding || compareBytes(ours.data, theirs.data) !== 0) {
    return { key, what: "value" };
  }
  if (showsAll && ours.expiresAt !== theirs.expiresAt) return { key, what: "expiry" };
  const version = keepsVersions ? versionOf(ours.versionstamp) : undefined;
  if (version === undefined || ours.versionstamp === theirs.versionstamp) return undefined;
  return { key, what: "version" };
}
