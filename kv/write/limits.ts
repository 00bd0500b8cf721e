/**
 * The limits of a handle: those of Deno KV, or none besides those of the engine, with the errors
 * that Deno KV throws beyond them.
 */

import type { KvOptions } from "../api/types.ts";
import { KEY_BYTES_MAX } from "../format/trees.ts";
import type { EncodedWrite } from "./encode.ts";

/** The limits of a handle; `Infinity` = none. */
export interface Limits {
  /** The bytes of a key in a write. */
  readonly writeKey: number;
  /** The bytes of a key, or of a bound, in a read. */
  readonly readKey: number;
  /** The bytes of a value. */
  readonly value: number;
  /** The keys of a `getMany`. */
  readonly ranges: number;
  /** The entries of a batch of a list. */
  readonly entries: number;
  /** The checks of a commit. */
  readonly checks: number;
  /** The mutations and messages of a commit. */
  readonly mutations: number;
  /** The bytes of keys and values of a commit. */
  readonly bytes: number;
  /** The bytes of the keys that a commit sets. */
  readonly keyBytes: number;
  /** The keys of a watch. */
  readonly watchedKeys: number;
}

/** The bytes that a versionstamp adds to a key: a tag, 20 digits and a zero. */
const VERSIONSTAMP_PART_BYTES = 22;

const ENGINE: Limits = {
  writeKey: KEY_BYTES_MAX,
  readKey: KEY_BYTES_MAX + 1,
  value: Infinity,
  ranges: Infinity,
  entries: Infinity,
  checks: Infinity,
  mutations: Infinity,
  bytes: Infinity,
  keyBytes: Infinity,
  watchedKeys: Infinity,
};

const DENO: Limits = {
  writeKey: KEY_BYTES_MAX,
  readKey: KEY_BYTES_MAX + 1,
  value: 65_536,
  ranges: 10,
  entries: 1000,
  checks: 100,
  mutations: 1000,
  bytes: 819_200,
  keyBytes: 81_920,
  watchedKeys: 10,
};

/**
 * The limits that an option names.
 *
 * @throws {TypeError} It names none.
 */
export function limitsOf(name: KvOptions["limits"] = "none"): Limits {
  if (name === "none") return ENGINE;
  if (name === "deno") return DENO;
  throw new TypeError(`Cannot open: no limits are called ${String(name)}`);
}

/** Refuses too many of something in one call. */
export function checkCount(what: string, count: number, max: number): void {
  if (count > max) throw new TypeError(`Too many ${what} (max ${max})`);
}

/**
 * Refuses a bound or a key that is too long for a read.
 *
 * @param length Its bytes. Deno KV counts one more for the end of the range of a single key.
 */
export function checkReadKey(length: number, { readKey }: Limits): void {
  if (length > readKey) throw new TypeError(`Key too large for read (max ${readKey} bytes)`);
}

/**
 * Refuses a commit beyond the limits.
 *
 * @throws {TypeError} It is.
 */
export function checkWrite({ checks, mutations, enqueues }: EncodedWrite, limits: Limits): void {
  checkCount("checks", checks.length, limits.checks);
  checkCount("mutations", mutations.length + enqueues.length, limits.mutations);
  let bytes = 0;
  let keyBytes = 0;
  for (const { key } of checks) bytes += writeKeySize(key, limits);
  for (const { key, takesVersionstamp } of mutations) {
    bytes += writeKeySize(key, limits);
    if (takesVersionstamp) checkWriteKey(key.length + VERSIONSTAMP_PART_BYTES, limits);
  }
  for (const { key, value } of mutations) {
    if (value === undefined) continue;
    bytes += key.length + sizeWithin(value.data, limits.value, "Value");
    keyBytes += key.length;
  }
  for (const { payload, backoffSchedule } of enqueues) {
    bytes += sizeWithin(payload, limits.value, "enqueue payload");
    bytes += 4 * (backoffSchedule?.length ?? 0);
  }
  refuseTotal("mutation", bytes, limits.bytes);
  refuseTotal("key", keyBytes, limits.keyBytes);
  for (const { keysIfUndelivered } of enqueues) {
    for (const { length } of keysIfUndelivered) checkWriteKey(length, limits);
  }
}

function writeKeySize(key: Uint8Array, limits: Limits): number {
  if (key.length === 0) throw new TypeError("key cannot be empty");
  checkWriteKey(key.length, limits);
  return key.length;
}

function checkWriteKey(length: number, { writeKey }: Limits): void {
  if (length > writeKey) throw new TypeError(`Key too large for write (max ${writeKey} bytes)`);
}

function sizeWithin(bytes: Uint8Array, max: number, what: string): number {
  if (bytes.length > max) throw new TypeError(`${what} too large (max ${max} bytes)`);
  return bytes.length;
}

function refuseTotal(what: string, bytes: number, max: number): void {
  if (bytes > max) throw new TypeError(`Total ${what} size too large (max ${max} bytes)`);
}
