/**
 * A database with a tree of each codec, for tests of the command line.
 */

import { json, open, string, structured, tuple, u64 } from "../../../mod.ts";

/** A value with everything that JSON cannot represent. */
const ODD_VALUE: unknown = {
  big: 2n ** 70n,
  nan: NaN,
  minusZero: -0,
  date: new Date(1_000),
  noDate: new Date(NaN),
  nothing: undefined,
  map: new Map<unknown, unknown>([["a", 1], [new Date(5), new Set([1n])]]),
  bytes: new Uint8Array([0, 255]),
  dollar: { $bytes: "not bytes" },
  list: [null, true, "text", { $date: "a text" }],
};

/** A value that refers to itself. */
export function cyclicValue(): unknown {
  const value: Record<string, unknown> = { name: "cycle" };
  value["self"] = value;
  return value;
}

const TUPLES = [["a", 1], ["a", 2n ** 65n], ["b", NaN], ["b", new Uint8Array([1, 0])], [true, -0]];

/** Makes the database. */
export function makeCliSample(path: string): void {
  using db = open(path);
  db.writeSync((tx) => {
    const words = tx.tree("words", { key: string, value: json });
    for (const word of ["ant", "bee", "cat", "cow", "dog"]) words.set(word, { word });
    const raw = tx.tree("raw");
    raw.set("text", new TextEncoder().encode("a text"));
    raw.set(new Uint8Array([0xff, 0]), new Uint8Array([0xfe]));
    const numbers = tx.tree("numbers", { key: u64, value: u64 });
    for (const number of [1n, 2n ** 53n, 2n ** 64n - 1n]) numbers.set(number, number);
    const tuples = tx.tree("tuples", { key: tuple, value: string });
    for (const parts of TUPLES) tuples.set(parts, `${parts.length}, "quoted"\r\n`);
    const odd = tx.tree("odd", { key: string, value: structured });
    odd.set("all", ODD_VALUE);
    odd.set("cycle", cyclicValue());
    odd.set("nothing", null);
    const own = { name: "own", encode: () => new Uint8Array([7]), decode: () => "own" };
    tx.tree("own", { key: string, value: own }).set("a", "own");
  });
}

/** The names of its trees whose codecs the program has. */
export const SAMPLE_TREES: readonly string[] = ["numbers", "odd", "raw", "tuples", "words"];
