/**
 * The messages of KV Connect in Protocol Buffers, as the schema `com.deno.kv.datapath` has them.
 *
 * Fields that a message lacks have the default of their type. Unknown fields are skipped, as the
 * encoding wants. The number of elements of each repeated field is limited, because an empty
 * element takes two bytes of a body and far more memory.
 */

// deno-lint-ignore no-import-prefix -- an import by URL has no import map
import { BinaryReader, BinaryWriter, WireType } from "npm:@bufbuild/protobuf@2.17.0/wire";
import type { EncodedValue } from "../value/value.ts";

/** A range to read. */
export interface ReadRange {
  /** The first key. */
  start: Uint8Array;
  /** The end, exclusive. */
  end: Uint8Array;
  /** The most entries. */
  limit: number;
  /** Whether the order is descending. */
  reverse: boolean;
}

/** An entry that was read. */
export interface WireEntry {
  /** The key. */
  readonly key: Uint8Array;
  /** The value. */
  readonly value: Uint8Array;
  /** Its encoding. */
  readonly encoding: number;
  /** The versionstamp, 10 bytes. */
  readonly versionstamp: Uint8Array;
}

/** A condition of a write. */
export interface WireCheck {
  /** The key. */
  key: Uint8Array;
  /** The versionstamp, 10 bytes; none = no entry. */
  versionstamp: Uint8Array;
}

/** A mutation. */
export interface WireMutation {
  /** The key. */
  key: Uint8Array;
  /** The value. */
  value: EncodedValue;
  /** One of `MUTATION`. */
  type: number;
  /** When the entry expires, in milliseconds since 1970; 0 = never. */
  expiresAt: number;
  /** Whether the result of a sum has bounds. */
  isBounded: boolean;
}

/** A message for the queue. */
export interface WireEnqueue {
  /** The message, serialized by V8. */
  payload: Uint8Array;
  /** When it is due, in milliseconds since 1970. */
  dueAt: number;
  /** The keys that are set to the message if no delivery succeeds. */
  keysIfUndelivered: Uint8Array[];
  /** The waits before further deliveries. */
  backoffSchedule: number[];
}

/** An atomic write. */
export interface AtomicWrite {
  /** Its conditions. */
  checks: WireCheck[];
  /** Its mutations, in order. */
  mutations: WireMutation[];
  /** Its messages. */
  enqueues: WireEnqueue[];
}

/** The types of mutations. */
export const MUTATION = {
  set: 1,
  delete: 2,
  sum: 3,
  max: 4,
  min: 5,
  setVersionstamped: 9,
} as const;

/** The status of a read, and of a watch. */
const READ_SUCCESS = 1;
/** The status of a write. */
const WRITE = { success: 1, checkFailed: 2 } as const;

const NO_BYTES: Uint8Array = new Uint8Array(0);
/** The most intervals of a backoff schedule and keys of a message; no client sends more. */
const PARTS_MAX = 100;

/** A body that is no message, or has too many elements. */
export class MessageError extends Error {
  override readonly name = "MessageError";
}

/** Reads the fields of a message. Returns false for a field that it does not know. */
type FieldReader = (field: number, reader: BinaryReader, wireType: WireType) => boolean;

/** Reads a message, field by field. */
function readMessage(bytes: Uint8Array, readField: FieldReader): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (!readField(field, reader, wireType)) reader.skip(wireType, field);
  }
}

/** Reads a body; any error is one of the body. */
function readBody<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof MessageError) throw cause;
    throw new MessageError("it is no message of Protocol Buffers", { cause });
  }
}

/** Adds an element to a repeated field. */
function add<T>(what: string, elements: T[], element: T, max: number): true {
  if (elements.length >= max) throw new MessageError(`it has too many ${what} (max ${max})`);
  elements.push(element);
  return true;
}

/** Reads bytes, refusing a field of another type. */
function bytesIn(reader: BinaryReader, wireType: WireType): Uint8Array {
  if (wireType === WireType.LengthDelimited) return reader.bytes();
  throw new MessageError("a field has another type");
}

/** Reads a varint, refusing a field of another type. */
function integerIn(reader: BinaryReader, wireType: WireType): number {
  if (wireType === WireType.Varint) return Number(reader.int64());
  throw new MessageError("a field has another type");
}

/** Decodes a message whose only field is repeated. */
function elementsOf<T>(
  bytes: Uint8Array,
  what: string,
  readElement: (bytes: Uint8Array) => T,
  max: number,
): T[] {
  const elements: T[] = [];
  readBody(() =>
    readMessage(bytes, (field, reader, wireType) => {
      return field === 1 && add(what, elements, readElement(bytesIn(reader, wireType)), max);
    })
  );
  return elements;
}

/**
 * Decodes `SnapshotRead`.
 *
 * @throws {MessageError} It is malformed, or has more ranges than `max`.
 */
export function decodeSnapshotRead(bytes: Uint8Array, max: number): ReadRange[] {
  return elementsOf(bytes, "ranges", readRange, max);
}

function readRange(bytes: Uint8Array): ReadRange {
  const range: ReadRange = { start: NO_BYTES, end: NO_BYTES, limit: 0, reverse: false };
  readMessage(bytes, (field, reader, wireType) => {
    if (field === 1) range.start = bytesIn(reader, wireType);
    else if (field === 2) range.end = bytesIn(reader, wireType);
    else if (field === 3) range.limit = integerIn(reader, wireType);
    else if (field === 4) range.reverse = integerIn(reader, wireType) !== 0;
    else return false;
    return true;
  });
  return range;
}

/**
 * Decodes `Watch`: the keys.
 *
 * @throws {MessageError} It is malformed, or has more keys than `max`.
 */
export function decodeWatch(bytes: Uint8Array, max: number): Uint8Array[] {
  return elementsOf(bytes, "keys", readWatchKey, max);
}

function readWatchKey(bytes: Uint8Array): Uint8Array {
  let key = NO_BYTES;
  readMessage(bytes, (field, reader, wireType) => {
    if (field !== 1) return false;
    key = bytesIn(reader, wireType);
    return true;
  });
  return key;
}

/**
 * Decodes `AtomicWrite`.
 *
 * @param max The most checks, mutations and messages, each.
 * @throws {MessageError} It is malformed, or has more of them.
 */
export function decodeAtomicWrite(bytes: Uint8Array, max: number): AtomicWrite {
  const write: AtomicWrite = { checks: [], mutations: [], enqueues: [] };
  readBody(() =>
    readMessage(bytes, (field, reader, wireType) => {
      if (field < 1 || field > 3) return false;
      const part = bytesIn(reader, wireType);
      if (field === 1) return add("checks", write.checks, readCheck(part), max);
      if (field === 2) return add("mutations", write.mutations, readMutation(part), max);
      return add("messages", write.enqueues, readEnqueue(part), max);
    })
  );
  return write;
}

function readCheck(bytes: Uint8Array): WireCheck {
  const check: WireCheck = { key: NO_BYTES, versionstamp: NO_BYTES };
  readMessage(bytes, (field, reader, wireType) => {
    if (field === 1) check.key = bytesIn(reader, wireType);
    else if (field === 2) check.versionstamp = bytesIn(reader, wireType);
    else return false;
    return true;
  });
  return check;
}

function readMutation(bytes: Uint8Array): WireMutation {
  const mutation: WireMutation = {
    key: NO_BYTES,
    value: { data: NO_BYTES, encoding: 0 },
    type: 0,
    expiresAt: 0,
    isBounded: false,
  };
  readMessage(bytes, (field, reader, wireType) => {
    if (field === 1) mutation.key = bytesIn(reader, wireType);
    else if (field === 2) mutation.value = readValue(bytesIn(reader, wireType));
    else if (field === 3) mutation.type = integerIn(reader, wireType);
    else if (field === 4) mutation.expiresAt = integerIn(reader, wireType);
    else if (field === 5 || field === 6) {
      mutation.isBounded ||= bytesIn(reader, wireType).length > 0;
    } else if (field === 7) mutation.isBounded ||= integerIn(reader, wireType) !== 0;
    else return false;
    return true;
  });
  return mutation;
}

function readValue(bytes: Uint8Array): EncodedValue {
  let data = NO_BYTES;
  let encoding = 0;
  readMessage(bytes, (field, reader, wireType) => {
    if (field === 1) data = bytesIn(reader, wireType);
    else if (field === 2) encoding = integerIn(reader, wireType);
    else return false;
    return true;
  });
  return { data, encoding };
}

function readEnqueue(bytes: Uint8Array): WireEnqueue {
  const message: WireEnqueue = {
    payload: NO_BYTES,
    dueAt: 0,
    keysIfUndelivered: [],
    backoffSchedule: [],
  };
  const { keysIfUndelivered: keys, backoffSchedule: waits } = message;
  readMessage(bytes, (field, reader, wireType) => {
    if (field === 1) message.payload = bytesIn(reader, wireType);
    else if (field === 2) message.dueAt = integerIn(reader, wireType);
    else if (field === 3) return add("keys", keys, bytesIn(reader, wireType), PARTS_MAX);
    else if (field === 4) readWaits(reader, wireType, waits);
    else return false;
    return true;
  });
  return message;
}

/** Reads numbers, of which a field has one, or several packed. */
function readWaits(reader: BinaryReader, wireType: WireType, waits: number[]): void {
  const packed = wireType === WireType.LengthDelimited ? new BinaryReader(reader.bytes()) : reader;
  do {
    if (packed.pos >= packed.len) return;
    add("intervals", waits, integerIn(packed, WireType.Varint), PARTS_MAX);
  } while (packed !== reader);
}

/** Encodes `SnapshotReadOutput`. */
export function encodeSnapshotReadOutput(
  ranges: readonly (readonly WireEntry[])[],
): Uint8Array<ArrayBuffer> {
  const writer = new BinaryWriter();
  for (const entries of ranges) {
    writer.tag(1, WireType.LengthDelimited).fork();
    for (const entry of entries) writeEntry(writer.tag(1, WireType.LengthDelimited), entry);
    writer.join();
  }
  writer.tag(4, WireType.Varint).bool(true); // strongly consistent
  return writer.tag(8, WireType.Varint).int32(READ_SUCCESS).finish();
}

function writeEntry(writer: BinaryWriter, entry: WireEntry): void {
  writer.fork();
  writer.tag(1, WireType.LengthDelimited).bytes(entry.key);
  writer.tag(2, WireType.LengthDelimited).bytes(entry.value);
  writer.tag(3, WireType.Varint).int32(entry.encoding);
  writer.tag(4, WireType.LengthDelimited).bytes(entry.versionstamp);
  writer.join();
}

/**
 * Encodes `AtomicWriteOutput`.
 *
 * @param versionstamp Of the commit; undefined if a check failed.
 */
export function encodeAtomicWriteOutput(
  versionstamp: Uint8Array | undefined,
): Uint8Array<ArrayBuffer> {
  const writer = new BinaryWriter();
  const status = versionstamp === undefined ? WRITE.checkFailed : WRITE.success;
  writer.tag(1, WireType.Varint).int32(status);
  if (versionstamp !== undefined) writer.tag(2, WireType.LengthDelimited).bytes(versionstamp);
  return writer.finish();
}

/**
 * Encodes `WatchOutput`. Every key counts as changed: Deno's client takes a key that did not change
 * for one without an entry.
 *
 * @param keys For each key its entry, undefined if there is none.
 */
export function encodeWatchOutput(
  keys: readonly (WireEntry | undefined)[],
): Uint8Array<ArrayBuffer> {
  const writer = new BinaryWriter().tag(1, WireType.Varint).int32(READ_SUCCESS);
  for (const entry of keys) {
    writer.tag(2, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.Varint).bool(true);
    if (entry !== undefined) writeEntry(writer.tag(2, WireType.LengthDelimited), entry);
    writer.join();
  }
  return writer.finish();
}
