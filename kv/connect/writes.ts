/**
 * Writes of clients as commits. Keys, encodings and dates are checked first, so that each stored
 * entry has a key that this library can decode.
 */

import { decodeKey } from "../format/key_reader.ts";
import { NEVER } from "../format/record.ts";
import { type EncodedValue, ENCODING } from "../value/value.ts";
import {
  checkBackoffSchedule,
  DATE_MAX,
  type EncodedCheck,
  type EncodedMessage,
  type EncodedMutation,
  type EncodedWrite,
  type MutationType,
} from "../write/encode.ts";
import { checkWrite, limitsOf } from "../write/limits.ts";
import {
  type AtomicWrite,
  MUTATION,
  type WireCheck,
  type WireEnqueue,
  type WireMutation,
} from "./messages.ts";
import { RefusedError } from "./refusal.ts";

const VERSIONSTAMP_BYTES = 10;
const U64_BYTES = 8;
/** The first byte of what V8 serializes. */
const V8_VERSION_TAG = 0xff;

const TYPES: ReadonlyMap<number, MutationType> = new Map([
  [MUTATION.set, "set"],
  [MUTATION.delete, "delete"],
  [MUTATION.sum, "sum"],
  [MUTATION.max, "max"],
  [MUTATION.min, "min"],
  [MUTATION.setVersionstamped, "set"],
]);

/**
 * The commit of an atomic write.
 *
 * @throws {RefusedError} A part of it is malformed.
 * @throws {TypeError} A key is malformed or too long.
 */
export function commitOf(write: AtomicWrite): EncodedWrite {
  const encoded = {
    checks: write.checks.map(checkOf),
    mutations: write.mutations.map(mutationOf),
    enqueues: write.enqueues.map(messageOf),
  };
  checkWrite(encoded, limitsOf("none"));
  return encoded;
}

function checkOf({ key, versionstamp }: WireCheck): EncodedCheck {
  if (versionstamp.length === 0) return { key, versionstamp: undefined };
  if (versionstamp.length === VERSIONSTAMP_BYTES) {
    return { key, versionstamp: versionstamp.toHex() };
  }
  throw new RefusedError(400, "A versionstamp is malformed");
}

function mutationOf(mutation: WireMutation): EncodedMutation {
  const { key, type: wireType, expiresAt, isBounded } = mutation;
  const type = TYPES.get(wireType);
  if (type === undefined) throw new RefusedError(400, `No mutation has the type ${wireType}`);
  if (isBounded) throw new RefusedError(400, "The bounds of a sum are not supported");
  decodeKey(key);
  return {
    key,
    type,
    value: type === "delete" ? undefined : checkValue(mutation.value),
    expiresAt: type === "set" ? dateOf(expiresAt, NEVER) : NEVER,
    takesVersionstamp: wireType === MUTATION.setVersionstamped,
  };
}

function checkValue(value: EncodedValue): EncodedValue {
  const { encoding, data } = value;
  if (encoding === ENCODING.bytes) return value;
  if (encoding === ENCODING.u64 && data.length === U64_BYTES) return value;
  if (encoding === ENCODING.v8 && data[0] === V8_VERSION_TAG) return value;
  throw new RefusedError(400, `A value is malformed, of encoding ${encoding}`);
}

function messageOf(message: WireEnqueue): EncodedMessage {
  const { payload, dueAt, keysIfUndelivered, backoffSchedule } = message;
  checkValue({ encoding: ENCODING.v8, data: payload });
  for (const key of keysIfUndelivered) decodeKey(key);
  checkBackoffSchedule(backoffSchedule);
  return { payload, dueAt: dateOf(dueAt, 0), keysIfUndelivered, backoffSchedule };
}

/** A date of a message, of which 0 says that it has none. */
function dateOf(date: number, none: number): number {
  if (date === 0) return none;
  if (date > 0 && date <= DATE_MAX) return date;
  throw new RefusedError(400, `A date is out of range: ${date}`);
}
