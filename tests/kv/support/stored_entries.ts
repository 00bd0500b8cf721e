/**
 * Entries with keys of all types of parts, and values of all types that are stored.
 */

/** An entry. */
type Entry = readonly [Deno.KvKey, unknown];

const PARTS: readonly Deno.KvKeyPart[] = [
  "",
  "a\0b",
  "\u00e9\u{1f600}",
  "\ud800",
  "x".repeat(100),
  0,
  -0,
  1,
  -1.5,
  NaN,
  Infinity,
  -Infinity,
  5e-324,
  0n,
  1n,
  -1n,
  255n,
  -256n,
  (1n << 64n) - 1n,
  1n << 64n,
  -(1n << 64n),
  (1n << 2040n) - 1n,
  true,
  false,
  new Uint8Array(),
  new Uint8Array([0, 255, 0]),
  new Uint16Array([1, 256]) as never,
];

const cycle: { self?: unknown } = {};
cycle.self = cycle;

/** Values to store. */
const VALUES: readonly unknown[] = [
  undefined,
  null,
  true,
  1,
  -0,
  1.5,
  NaN,
  2 ** 40,
  "text",
  "\u00e9",
  "\u{1f600}",
  10n,
  -(1n << 80n),
  new Date(5),
  /a/gi,
  new Map([[1, { a: 2 }]]),
  new Set([1]),
  [1, , 3],
  { a: { b: [null, undefined] } },
  cycle,
  new Uint8Array([1, 2]),
  { a: new Uint8Array([1, 2, 3]), b: new Float64Array([1.5]) },
  new Float32Array(3),
  new ArrayBuffer(5),
  new DataView(new ArrayBuffer(4), 1, 2),
  new RangeError("message", { cause: 5 }),
  Object(1n),
  Object("text"),
];

/** The entries: one of each part, and one of each value. */
export const STORED: readonly Entry[] = [
  ...PARTS.map((part): Entry => [["part", part], 1]),
  ...VALUES.map((value, i): Entry => [["value", i], value]),
  [["u64"], new Deno.KvU64(77n)],
];
