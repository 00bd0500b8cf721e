/**
 * The record of an entry: its value, with the version that set it and its expiry.
 *
 * ```text
 * 0      the encoding of the value; 0x80 is added if it expires
 * 1..8   version, the most significant byte first
 * 9..16  expiry in milliseconds since 1970, if it expires
 * 17..20 number in its commit, if it expires
 * ...    value
 * ```
 *
 * Expiry, version and number are the key of the entry in the index by expiry.
 */

import type { ValueCodec } from "../../mod.ts";
import { decodeValue, type EncodedValue } from "../value/value.ts";

/** The expiry of an entry that does not expire. */
export const NEVER = Infinity;

/** What a record has beside the value. */
export interface RecordHeader {
  /** The encoding of the value. */
  readonly encoding: number;
  /** The version of the commit that set the entry. */
  readonly version: number;
  /** When it expires, in milliseconds since 1970; `NEVER` if it does not. */
  readonly expiresAt: number;
  /** Its number among the expiring entries of its commit. */
  readonly ordinal: number;
}

/** A record that was read. */
export interface KvRecord extends RecordHeader {
  /** The value. */
  readonly value: unknown;
}

/** A record to write. */
export interface NewRecord extends EncodedValue {
  /** The version of the commit. */
  readonly version: number;
  /** When the entry expires. */
  readonly expiresAt: number;
  /** Its number among the expiring entries of its commit. */
  readonly ordinal: number;
}

const EXPIRES = 0x80;
const VERSION_AT = 1;
const EXPIRY_AT = 9;
const ORDINAL_AT = 17;
const EXPIRING_BYTES = 21;
const LASTING_BYTES = 9;
const WORD = 2 ** 32;

/** Memory for one short record at a time. */
const scratch = new Uint8Array(4096);
const scratchView = new DataView(scratch.buffer);

/** The bytes of a record that hold its header. */
export const HEADER_BYTES_MAX = EXPIRING_BYTES;

/**
 * The codec of the values of the tree `kv`.
 *
 * ```ts
 * import { open } from "../../mod.ts";
 * import { kvKey, kvRecord, openKv } from "../mod.ts";
 *
 * using db = open(":memory:");
 * using kv = await openKv(db);
 * await kv.set(["a"], "text");
 * const record = db.tree("kv", { key: kvKey, value: kvRecord }).get(["a"]);
 * console.assert(record?.value === "text" && record.version === 1);
 * ```
 */
export const kvRecord: ValueCodec<KvRecord, NewRecord> = {
  name: "kv.record",
  ordered: false,
  keepsBytes: false,
  encode({ encoding, data, version, expiresAt, ordinal }: NewRecord): Uint8Array {
    const expires = expiresAt !== NEVER;
    const start = expires ? EXPIRING_BYTES : LASTING_BYTES;
    const length = start + data.length;
    const isShort = length <= scratch.length;
    const bytes = isShort ? scratch.subarray(0, length) : new Uint8Array(length);
    const view = isShort ? scratchView : new DataView(bytes.buffer);
    bytes[0] = expires ? encoding | EXPIRES : encoding;
    setInteger(view, VERSION_AT, version);
    if (expires) {
      setInteger(view, EXPIRY_AT, expiresAt);
      view.setUint32(ORDINAL_AT, ordinal);
    }
    // Memory that the program has given away has no bytes.
    if (data.length > 0) bytes.set(data, start);
    return bytes;
  },
  decode(bytes: Uint8Array): KvRecord {
    const { encoding, version, expiresAt, ordinal } = headerIn(bytes);
    const value = decodeValue(encoding, bytes, dataStart(expiresAt));
    return { encoding, version, expiresAt, ordinal, value };
  },
};

/**
 * The same bytes, with the value as it is stored: a server passes values on and need not decode
 * them.
 */
export const storedRecord: ValueCodec<NewRecord> = {
  name: kvRecord.name,
  ordered: false,
  encode: kvRecord.encode,
  decode(bytes: Uint8Array): NewRecord {
    const header = headerIn(bytes);
    return { ...header, data: bytes.subarray(dataStart(header.expiresAt)) };
  },
};

/**
 * The value of a record that lies between two offsets, without an object for the header: most of a
 * list is the making of objects.
 *
 * @param isPlain What `inheritsAsEver` returned since other code ran.
 * @throws {TypeError} The record is malformed.
 */
export function valueIn(
  bytes: Uint8Array,
  start: number,
  end: number,
  isPlain: boolean,
): unknown {
  const valueAt = checkedStart(bytes, start, end);
  return decodeValue(bytes[start]! & ~EXPIRES, bytes, valueAt, end, isPlain);
}

/** The version in a record that begins at an offset and is not malformed. */
export function versionIn(bytes: Uint8Array, start: number): number {
  return integerAt(bytes, start + VERSION_AT);
}

/** The higher (0) or the lower (1) 32 bits of the version, as an integer with a sign. */
export function halfVersionIn(bytes: Uint8Array, start: number, half: 0 | 1): number {
  const at = start + VERSION_AT + 4 * half;
  return bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!;
}

/** The expiry in a record that begins at an offset and is not malformed. */
export function expiryIn(bytes: Uint8Array, start: number): number {
  return bytes[start]! >= EXPIRES ? integerAt(bytes, start + EXPIRY_AT) : NEVER;
}

/** Where the value begins in a record with an expiry. */
function dataStart(expiresAt: number): number {
  return expiresAt === NEVER ? LASTING_BYTES : EXPIRING_BYTES;
}

/**
 * Decodes the header of a record.
 *
 * @param bytes The record, or its first `HEADER_BYTES_MAX` bytes.
 * @throws {TypeError} It is too short.
 */
export function headerIn(bytes: Uint8Array): RecordHeader {
  const expires = checkedStart(bytes, 0, bytes.length) === EXPIRING_BYTES;
  return {
    encoding: bytes[0]! & ~EXPIRES,
    version: versionIn(bytes, 0),
    expiresAt: expiryIn(bytes, 0),
    ordinal: expires ? wordAt(bytes, ORDINAL_AT) : 0,
  };
}

/** Where the value begins, behind a header that is whole. */
function checkedStart(bytes: Uint8Array, start: number, end: number): number {
  const expires = start < end && bytes[start]! >= EXPIRES;
  const valueAt = start + (expires ? EXPIRING_BYTES : LASTING_BYTES);
  if (valueAt <= end) return valueAt;
  throw new TypeError(`Cannot decode the record: ${end - start} bytes are too few`);
}

function setInteger(view: DataView, at: number, value: number): void {
  view.setUint32(at, Math.floor(value / WORD));
  view.setUint32(at + 4, value % WORD);
}

function integerAt(bytes: Uint8Array, at: number): number {
  return wordAt(bytes, at) * WORD + wordAt(bytes, at + 4);
}

/** The 32 bits at an offset. A view for them would cost more than the rest of a header. */
function wordAt(bytes: Uint8Array, at: number): number {
  const low = bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!;
  return bytes[at]! * 2 ** 24 + low;
}
