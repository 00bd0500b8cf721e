/**
 * The object of a segment: a head, then the last bytes of its content.
 *
 * ```text
 *    0   8 bytes   magic: "QUIRA", then bytes that a text-mode copy changes
 *    8   u32       version of this format
 *   12   u32       kind: 0 = base, 1 = delta, 2 = commits
 *   16   16 bytes  database id
 *   32   u64       from           as in the name
 *   40   u64       to
 *   48   u64       first
 *   56   u64       last
 *   64   u32       after
 *   68   u32       number of parts
 *   72   u32       bytes of content in this object
 *   76   u32       CRC-32 of them
 *   80             for each part: u32 bytes, u32 CRC-32
 *  ...   u32       CRC-32 of the bytes before, which is the sum of the segment
 *  ...             content
 * ```
 *
 * Integers are little-endian. The content of a base or a delta is an increment (see
 * `increment_format.ts` of the pager), that of commits is frames (see `commit_frames.ts`). Each
 * part, and the rest in this object, has whole frames.
 */

import { CorruptionError } from "../../../pager/mod.ts";
import { crc32 } from "node:zlib";
import { KINDS, type Segment } from "./segment.ts";

const MAGIC = [0x51, 0x55, 0x49, 0x52, 0x41, 0x0d, 0x0a, 0x1a];
const FORMAT_VERSION = 1;
const PARTS_AT = 80;
const PART_BYTES = 8;
const SUM_BYTES = 4;
const ID_BYTES = 16;
const PAGE_BYTES = 8192;

/** The length and the sum of a part. */
export interface PartSum {
  /** Bytes. */
  readonly bytes: number;
  /** The CRC-32 of them. */
  readonly sum: number;
}

/** A segment, and the objects that it consists of. */
export interface SegmentHead {
  /** What the name says. */
  readonly segment: Segment;
  /** The id of the database. */
  readonly databaseId: Uint8Array;
  /** Its parts, in order. */
  readonly parts: readonly PartSum[];
  /** The content that follows its parts. */
  readonly content: Uint8Array;
}

/** Encodes the object of a segment, and returns it with its sum. */
export function encodeSegment(
  { segment, databaseId, parts, content }: Omit<SegmentHead, "segment"> & {
    segment: Omit<Segment, "sum">;
  },
): { bytes: Uint8Array; sum: number } {
  const sumAt = PARTS_AT + parts.length * PART_BYTES;
  const bytes = new Uint8Array(sumAt + SUM_BYTES + content.length);
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC);
  view.setUint32(8, FORMAT_VERSION, true);
  view.setUint32(12, KINDS.indexOf(segment.kind), true);
  bytes.set(databaseId, 16);
  view.setBigUint64(32, BigInt(segment.from), true);
  view.setBigUint64(40, BigInt(segment.to), true);
  view.setBigUint64(48, BigInt(segment.first), true);
  view.setBigUint64(56, BigInt(segment.last), true);
  view.setUint32(64, segment.after, true);
  view.setUint32(68, parts.length, true);
  view.setUint32(72, content.length, true);
  view.setUint32(76, crc32(content), true);
  parts.forEach((part, i) => {
    view.setUint32(PARTS_AT + i * PART_BYTES, part.bytes, true);
    view.setUint32(PARTS_AT + i * PART_BYTES + 4, part.sum, true);
  });
  const sum = crc32(bytes.subarray(0, sumAt));
  view.setUint32(sumAt, sum, true);
  bytes.set(content, sumAt + SUM_BYTES);
  return { bytes, sum };
}

/**
 * Decodes the object of a segment, and compares it with its name.
 *
 * @throws {CorruptionError} It breaks a rule.
 */
export function decodeSegment(bytes: Uint8Array, segment: Segment): SegmentHead {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const check = (holds: boolean, offset: number, rule: string) => {
    if (!holds) throw damagedObject(offset, rule);
  };
  const u32 = (offset: number) => view.getUint32(offset, true);
  const u64 = (offset: number) => Number(view.getBigUint64(offset, true));
  const isLong = bytes.length >= PARTS_AT + SUM_BYTES;
  const isMagic = isLong && MAGIC.every((byte, i) => bytes[i] === byte);
  check(isMagic, 0, "not a segment of a Quire archive");
  const known = `segment format ${u32(8)}, and this Quire reads format ${FORMAT_VERSION}`;
  check(u32(8) === FORMAT_VERSION, 8, known);
  const sumAt = PARTS_AT + u32(68) * PART_BYTES;
  check(sumAt + SUM_BYTES <= bytes.length, 68, "the segment ends inside its head");
  const sum = crc32(bytes.subarray(0, sumAt));
  check(sum === u32(sumAt) && sum === segment.sum, sumAt, "the sum of the head does not match");
  const isNamed = KINDS[u32(12)] === segment.kind && u64(32) === segment.from &&
    u64(40) === segment.to && u64(48) === segment.first && u64(56) === segment.last &&
    u32(64) === segment.after;
  check(isNamed, 12, "the head does not match the name");
  const content = bytes.subarray(sumAt + SUM_BYTES);
  const isWhole = content.length === u32(72) && crc32(content) === u32(76);
  check(isWhole, sumAt + SUM_BYTES, "the sum of the content does not match");
  const parts = Array.from({ length: u32(68) }, (_, i) => {
    const at = PARTS_AT + i * PART_BYTES;
    return { bytes: u32(at), sum: u32(at + 4) };
  });
  return { segment, databaseId: bytes.slice(16, 16 + ID_BYTES), parts, content };
}

/** The error for a rule that an object breaks, at a byte of it. */
export function damagedObject(offset: number, rule: string, name?: string): CorruptionError {
  return new CorruptionError(Math.floor(offset / PAGE_BYTES), offset, rule, name);
}
