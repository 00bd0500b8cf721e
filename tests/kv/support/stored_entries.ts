/**
 * Entries with keys of all types of parts, and values of all types that are stored.
 */

import { KeyObject } from "node:crypto";

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

const KEYS: readonly (readonly [unknown, KeyUsage[]])[] = [
  [{ name: "HMAC", hash: "SHA-256" }, ["sign"]],
  [{ name: "ECDSA", namedCurve: "P-256" }, ["sign", "verify"]],
  [{
    name: "RSASSA-PKCS1-v1_5",
    modulusLength: 1024,
    publicExponent: new Uint8Array([1, 0, 1]),
    hash: "SHA-256",
  }, ["sign", "verify"]],
  ["Ed25519", ["sign", "verify"]],
  ["X25519", ["deriveBits"]],
];

/** Host objects whose data do not depend on the process: keys, also imported ones, and others. */
export async function storedHosts(): Promise<unknown[]> {
  const hosts: unknown[] = [
    new DOMException("message", "DataError"),
    [{ inside: new DOMException("\u20ac") }],
  ];
  for (const [algorithm, usages] of KEYS) {
    const made = await crypto.subtle.generateKey(algorithm as "Ed25519", true, usages);
    if (made instanceof CryptoKey) {
      hosts.push(made);
      continue;
    }
    const { privateKey, publicKey } = made;
    const data = await crypto.subtle.exportKey("spki", publicKey);
    const imported = await crypto.subtle.importKey(
      "spki",
      data,
      algorithm as "Ed25519",
      true,
      publicKey.usages,
    );
    hosts.push(privateKey, { inside: publicKey }, imported);
  }
  return hosts;
}

/** A value with host objects as text. */
export function textOfHost(value: unknown): string {
  return Deno.inspect(value, { breakLength: Infinity }) + JSON.stringify(value, (_, part) => {
    if (part instanceof DOMException) return [part.name, part.message, part.code, part.stack];
    if (!(part instanceof CryptoKey)) return part;
    const { type, extractable, usages, algorithm } = part;
    const jwk = KeyObject.from(part as never).export({ format: "jwk" });
    return [type, extractable, usages, algorithm, jwk];
  });
}
