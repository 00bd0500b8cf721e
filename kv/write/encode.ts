/**
 * The arguments of a commit as bytes and dates. Their checks are those of Deno KV, and so are the
 * texts of their errors.
 */

import type { AtomicCheck, KvKey } from "../api/types.ts";
import { bytesOf, checkMemory, encodeKey, wrongType } from "../format/key.ts";
import { NEVER } from "../format/record.ts";
import { isVersionstamp } from "../format/versionstamp.ts";
import { type EncodedValue, ENCODING, LaterBytes } from "../value/value.ts";

/** The last part of a key that is replaced by the versionstamp of the commit. */
export const COMMIT_VERSIONSTAMP: unique symbol = Symbol("KvCommitVersionstamp");

/** The kinds of mutations. */
export type MutationType = "set" | "delete" | "sum" | "min" | "max";

/** A mutation as the program gave it, with its value encoded, or later. */
export interface GivenMutation<Later = never> {
  readonly key: KvKey;
  readonly type: MutationType;
  readonly value: EncodedValue | Later | undefined;
  readonly expireIn: number | undefined;
}

/** A message as the program gave it, with its payload encoded, or later. */
export interface GivenMessage<Later = never> {
  readonly payload: Uint8Array | Later;
  readonly delay: number;
  readonly keysIfUndelivered: readonly KvKey[];
  readonly backoffSchedule: readonly number[] | undefined;
}

/** The arguments of a commit. */
export interface GivenWrite<Later = never> {
  readonly checks: readonly AtomicCheck[];
  readonly mutations: readonly GivenMutation<Later>[];
  readonly enqueues: readonly GivenMessage<Later>[];
}

/** A condition: the version that the entry of a key must have. */
export interface EncodedCheck {
  readonly key: Uint8Array;
  /** In lower case; undefined = no entry. */
  readonly versionstamp: string | undefined;
}

/** A mutation of an encoded key. */
export interface EncodedMutation {
  readonly key: Uint8Array;
  readonly type: MutationType;
  readonly value: EncodedValue | undefined;
  /** When the entry expires. */
  readonly expiresAt: number;
  /** Whether the versionstamp of the commit follows the key as a part. */
  readonly takesVersionstamp: boolean;
}

/** A message, and when it is due. */
export interface EncodedMessage {
  readonly payload: Uint8Array;
  readonly dueAt: number;
  readonly keysIfUndelivered: readonly Uint8Array[];
  readonly backoffSchedule: readonly number[] | undefined;
}

/** A commit. */
export interface EncodedWrite {
  readonly checks: readonly EncodedCheck[];
  readonly mutations: readonly EncodedMutation[];
  readonly enqueues: readonly EncodedMessage[];
}

/** The last date that Deno KV can store, in milliseconds. */
export const DATE_MAX = 8_210_266_876_799_999;
const DAY_MS = 24 * 60 * 60 * 1000;
const DELAY_DAYS_MAX = 30;
const INTERVALS_MAX = 5;
const INTERVAL_MS_MAX = 60 * 60 * 1000;

/** The same commit, with all values encoded. Keys and bytes are those of the call. */
export async function encodedLater(given: GivenWrite<LaterBytes>): Promise<GivenWrite> {
  const write = heldWrite(given);
  const mutations: GivenMutation[] = [];
  for (const { value, ...mutation } of write.mutations) {
    const isLater = value instanceof LaterBytes;
    const encoded = isLater ? { encoding: ENCODING.v8, data: await value.bytes() } : value;
    mutations.push({ ...mutation, value: encoded });
  }
  const enqueues: GivenMessage[] = [];
  for (const { payload, ...message } of write.enqueues) {
    const bytes = payload instanceof LaterBytes ? await payload.bytes() : payload;
    enqueues.push({ ...message, payload: bytes });
  }
  return { checks: write.checks, mutations, enqueues };
}

/** The same commit, with copies of what the caller may change. */
function heldWrite(
  { checks, mutations, enqueues }: GivenWrite<LaterBytes>,
): GivenWrite<LaterBytes> {
  return {
    checks: checks.map((check) => ({ ...check, key: heldKey(check.key) })),
    mutations: mutations.map((mutation) => {
      const { key, value } = mutation;
      const held = value instanceof LaterBytes ? value : value && ownBytes(value);
      return { ...mutation, key: heldKey(key), value: held };
    }),
    enqueues: enqueues.map((message) => {
      const { keysIfUndelivered: keys } = message;
      return { ...message, keysIfUndelivered: Array.isArray(keys) ? keys.map(heldKey) : keys };
    }),
  };
}

/** A copy of a key. What is not a key is refused later. */
function heldKey(key: KvKey): KvKey {
  if (!Array.isArray(key)) return key;
  return key.map((part) => ArrayBuffer.isView(part) ? copyOf(bytesOf(part)) : part);
}

/** The same commit, with values that share no memory with those of the caller. */
export function withOwnBytes(write: EncodedWrite): EncodedWrite {
  const mutations = write.mutations.map((mutation) => {
    const { value } = mutation;
    return value === undefined ? mutation : { ...mutation, value: ownBytes(value) };
  });
  return { ...write, mutations };
}

/** A value with memory of its own. Only that of bytes is the caller's. */
function ownBytes(value: EncodedValue): EncodedValue {
  return value.encoding === ENCODING.bytes ? { ...value, data: copyOf(value.data) } : value;
}

/** A copy of bytes. The method `slice` of a `Buffer` makes none. */
function copyOf(bytes: Uint8Array): Uint8Array {
  // Memory that the program has given away has no bytes.
  return bytes.length === 0 ? bytes : new Uint8Array(bytes);
}

/**
 * Encodes a commit.
 *
 * @param now The time of the commit, in milliseconds since 1970.
 * @throws {TypeError} A key, a versionstamp or an expiry is malformed.
 */
export function encodeWrite(write: GivenWrite, now: number): EncodedWrite {
  return {
    checks: write.checks.map(encodeCheck),
    mutations: write.mutations.map((mutation) => encodeMutation(mutation, now)),
    enqueues: write.enqueues.map((message) => encodeMessage(message, now)),
  };
}

function encodeCheck({ key, versionstamp }: AtomicCheck): EncodedCheck {
  const bytes = encodeKey(key);
  if (versionstamp === null || versionstamp === undefined) {
    return { key: bytes, versionstamp: undefined };
  }
  if (typeof versionstamp !== "string") throw wrongType("string", versionstamp);
  if (!isVersionstamp(versionstamp)) throw new TypeError("Invalid check");
  return { key: bytes, versionstamp: versionstamp.toLowerCase() };
}

function encodeMutation(mutation: GivenMutation, now: number): EncodedMutation {
  const { type, value, expireIn } = mutation;
  const last = mutation.key[mutation.key.length - 1];
  const takesVersionstamp = type === "set" && last === COMMIT_VERSIONSTAMP;
  const parts = takesVersionstamp ? mutation.key.slice(0, -1) : mutation.key;
  const key = encodeMutationKey(parts);
  if (value?.encoding === ENCODING.bytes) checkMemory(value.data);
  return { key, type, value, expiresAt: expiryOf(expireIn, now), takesVersionstamp };
}

function encodeMutationKey(key: KvKey): Uint8Array {
  try {
    return encodeKey(key);
  } catch (error) {
    const { message } = error as TypeError;
    throw message.startsWith("BigUint") ? new TypeError(`Invalid mutation: ${message}`) : error;
  }
}

function expiryOf(expireIn: number | undefined, now: number): number {
  if (expireIn === undefined) return NEVER;
  if (now + expireIn <= DATE_MAX) return now + expireIn;
  // Deno KV has taken it for an integer of 64 bits.
  const taken = expireIn < 2 ** 64 ? BigInt(expireIn) : 2n ** 64n - 1n;
  throw new TypeError(`Invalid mutation: expireIn is too large: ${taken}`);
}

function encodeMessage(message: GivenMessage, now: number): EncodedMessage {
  const { payload, delay, keysIfUndelivered, backoffSchedule } = message;
  const dueAt = now + wholeMs(delay);
  if (!Array.isArray(keysIfUndelivered)) throw wrongType("array", keysIfUndelivered);
  return {
    payload,
    dueAt,
    keysIfUndelivered: Array.from(keysIfUndelivered, encodeKey),
    backoffSchedule: backoffSchedule === undefined ? undefined : encodeSchedule(backoffSchedule),
  };
}

function encodeSchedule(schedule: readonly number[]): readonly number[] {
  if (!Array.isArray(schedule)) throw wrongType("array", schedule);
  return Array.from(schedule, wholeMs); // holes too
}

function wholeMs(time: number | bigint): number {
  if (typeof time === "number" || typeof time === "bigint") return Math.trunc(Number(time));
  throw wrongType("integer", time);
}

/**
 * Refuses an expiry that is not a time to wait.
 *
 * @throws {TypeError} It is not.
 */
export function checkExpireIn(expireIn: unknown): void {
  if (expireIn === undefined || (Number.isInteger(expireIn) && (expireIn as number) >= 0)) return;
  throw new TypeError(`expireIn must be a non-negative integer: received ${String(expireIn)}`);
}

/**
 * Refuses a delay that is negative, or longer than 30 days.
 *
 * @throws {TypeError} It is.
 */
export function checkDelay(delay: number): void {
  if (delay < 0) throw new TypeError(`Delay must be >= 0: received ${delay}`);
  if (delay > DELAY_DAYS_MAX * DAY_MS) {
    throw new TypeError(`Delay cannot be greater than 30 days: received ${delay}`);
  }
  if (Number.isNaN(delay)) throw new TypeError("Delay cannot be NaN");
}

/**
 * Refuses a schedule with too many or too long intervals.
 *
 * @throws {TypeError} It has.
 */
export function checkBackoffSchedule(schedule: readonly number[]): void {
  if (schedule.length > INTERVALS_MAX) {
    throw new TypeError(`Invalid backoffSchedule, max ${INTERVALS_MAX} intervals allowed`);
  }
  for (let i = 0; i < schedule.length; i++) {
    const interval = schedule[i]!;
    if (interval < 0 || interval > INTERVAL_MS_MAX || Number.isNaN(interval)) {
      throw new TypeError(`Invalid backoffSchedule, interval at index ${i} is invalid`);
    }
  }
}
