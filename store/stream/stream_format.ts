/**
 * The format of a stream of objects, by which a replica follows a database without a store.
 *
 * ```text
 * [head][object]...
 *
 * head    8 bytes   magic: "QUIRS", then bytes that a text-mode copy changes
 *         u32       version of this format
 *         u32       0
 * object  u32       bytes of its name
 *         u32       bytes of its content
 *                   name, in ASCII; content
 * ```
 *
 * Integers are little-endian. The objects are those of an archive, in the order in which they are
 * put: the parts of a segment, then the segment. Their names have their sums.
 */

import { CorruptionError } from "../../pager/mod.ts";

/** The bytes of the head. */
export const STREAM_HEAD_BYTES = 16;
/** The bytes before the name of an object. */
export const OBJECT_HEAD_BYTES = 8;

const MAGIC = [0x51, 0x55, 0x49, 0x52, 0x53, 0x0d, 0x0a, 0x1a];
const FORMAT_VERSION = 1;
const NAME_BYTES_MAX = 128;
/** A sender ends an object long before. */
const OBJECT_BYTES_MAX = 64 * 1024 * 1024;
const PAGE_BYTES = 8192;

/** The head of a stream. */
export function encodeStreamHead(): Uint8Array {
  const bytes = new Uint8Array(STREAM_HEAD_BYTES);
  bytes.set(MAGIC);
  new DataView(bytes.buffer).setUint32(MAGIC.length, FORMAT_VERSION, true);
  return bytes;
}

/**
 * Checks the head of a stream.
 *
 * @throws {CorruptionError} It is another stream, or of another version.
 */
export function checkStreamHead(bytes: Uint8Array): void {
  const isMagic = MAGIC.every((byte, i) => bytes[i] === byte);
  if (!isMagic) throw damagedStream(0, "not a stream of a Quire database");
  const version = new DataView(bytes.buffer, bytes.byteOffset).getUint32(MAGIC.length, true);
  if (version === FORMAT_VERSION) return;
  throw damagedStream(
    MAGIC.length,
    `stream format ${version}, and this Quire reads format ${FORMAT_VERSION}`,
  );
}

/** An object with its head, as one piece. */
export function encodeObject(name: string, content: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(OBJECT_HEAD_BYTES + name.length + content.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, name.length, true);
  view.setUint32(4, content.length, true);
  new TextEncoder().encodeInto(name, bytes.subarray(OBJECT_HEAD_BYTES));
  bytes.set(content, OBJECT_HEAD_BYTES + name.length);
  return bytes;
}

/**
 * The lengths in the head of an object.
 *
 * @param offset Where it begins in the stream, for the error.
 * @throws {CorruptionError} One is impossible.
 */
export function decodeObjectHead(
  bytes: Uint8Array,
  offset: number,
): { nameBytes: number; contentBytes: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const [nameBytes, contentBytes] = [view.getUint32(0, true), view.getUint32(4, true)];
  if (nameBytes > 0 && nameBytes <= NAME_BYTES_MAX && contentBytes <= OBJECT_BYTES_MAX) {
    return { nameBytes, contentBytes };
  }
  throw damagedStream(offset, "the head of an object is impossible");
}

/** The error for a rule that a stream breaks, at a byte of it. */
export function damagedStream(offset: number, rule: string): CorruptionError {
  return new CorruptionError(Math.floor(offset / PAGE_BYTES), offset, rule, "the stream");
}
