/**
 * The object of a segment: a head, then the last bytes of its content.
 *
 * ```text
 *    0   8 bytes   magic: "QUIRA", then bytes that a text-mode copy changes
 *    8   u32       version of this format
 *   12   u32       kind: 0 = base, 1 = delta, 2 = commits, 3 = merged
 *   16   16 bytes  database id
 *   32   u64       from           as in the name
 *   40   u64       to
 *   48   u64       first
 *   56   u64       last
 *   64   u32       after
 *   68   u32       number of parts
 *   72   u32       bytes of content in this object
 *   76   u32       CRC-32 of them
 *   80   u32       history of the database
 *   84   u32       link           of a merged segment, as in the name; else 0
 *   88   u64       made
 *   96   u32       number of the members before the last one; 0 if it is not merged
 *  100   u32       0
 *  104             for each part: u32 bytes, u32 CRC-32
 *  ...             for each member but the last: u64 version that it leads to, u32 link
 *  ...   u32       CRC-32 of the bytes before, which is the sum of the segment
 *  ...             content
 * ```
 *
 * Integers are little-endian. The content of a base or a delta is an increment (see
 * `increment_format.ts` of the pager), that of commits is packets (see `commit_packets.ts`). Each
 * part, and the rest in this object, has whole packets. A merged segment has no parts, and the
 * packets of its members in order; a reader that has applied some of these continues after them.
 *
 * A head of version 1 ends at 80 in place of 104, and is of history 0.
 */

import { crc32 } from "node:zlib";
import { CorruptionError } from "../../../pager/mod.ts";
import { KINDS, type Segment } from "./segment.ts";

const MAGIC = [0x51, 0x55, 0x49, 0x52, 0x41, 0x0d, 0x0a, 0x1a];
const FORMAT_VERSION = 2;
/** The bytes before the parts, by version of the format. */
const FIXED_BYTES: Readonly<Record<number, number>> = { 1: 80, 2: 104 };
const PARTS_AT = 104;
const PART_BYTES = 8;
const MEMBER_BYTES = 12;
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

/** The end of a member of a merged segment. */
export interface MemberEnd {
  /** The version that it leads to. */
  readonly to: number;
  /** Its link. */
  readonly link: number;
}

/** A segment, and the objects that it consists of. */
export interface SegmentHead {
  /** What the name says. */
  readonly segment: Segment;
  /** The id of the database. */
  readonly databaseId: Uint8Array;
  /** The history of the database; see `Superblock`. */
  readonly history: number;
  /** The ends of its members but the last, if it is merged. */
  readonly members: readonly MemberEnd[];
  /** Its parts, in order. */
  readonly parts: readonly PartSum[];
  /** The content that follows its parts. */
  readonly content: Uint8Array;
}

/** Encodes the object of a segment, and returns it with its sum. */
export function encodeSegment(
  { segment, databaseId, history, members, parts, content }: Omit<SegmentHead, "segment"> & {
    segment: Omit<Segment, "sum">;
  },
): { bytes: Uint8Array; sum: number } {
  const membersAt = PARTS_AT + parts.length * PART_BYTES;
  const sumAt = membersAt + members.length * MEMBER_BYTES;
  const bytes = new Uint8Array(sumAt + SUM_BYTES + content.length);
  const view = new DataView(bytes.buffer);
  const put = (at: number, value: number) => view.setUint32(at, value, true);
  const put64 = (at: number, value: number) => view.setBigUint64(at, BigInt(value), true);
  bytes.set(MAGIC);
  put(8, FORMAT_VERSION);
  put(12, KINDS.indexOf(segment.kind));
  bytes.set(databaseId, 16);
  put64(32, segment.from);
  put64(40, segment.to);
  put64(48, segment.first);
  put64(56, segment.last);
  put(64, segment.after);
  put(68, parts.length);
  put(72, content.length);
  put(76, crc32(content));
  put(80, history);
  put(84, segment.merged?.link ?? 0);
  put64(88, segment.merged?.made ?? 0);
  put(96, members.length);
  parts.forEach((part, i) => {
    put(PARTS_AT + i * PART_BYTES, part.bytes);
    put(PARTS_AT + i * PART_BYTES + 4, part.sum);
  });
  members.forEach(({ to, link }, i) => {
    put64(membersAt + i * MEMBER_BYTES, to);
    put(membersAt + i * MEMBER_BYTES + 8, link);
  });
  const sum = crc32(bytes.subarray(0, sumAt));
  put(sumAt, sum);
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
  const isLong = bytes.length >= FIXED_BYTES[1]! + SUM_BYTES;
  const isMagic = isLong && MAGIC.every((byte, i) => bytes[i] === byte);
  check(isMagic, 0, "not a segment of a Quire archive");
  const partsAt = FIXED_BYTES[u32(8)] ?? 0;
  const known = `segment format ${u32(8)}, and this Quire reads formats 1 to ${FORMAT_VERSION}`;
  check(partsAt > 0, 8, known);
  check(partsAt + SUM_BYTES <= bytes.length, 8, "the segment ends inside its head");
  const isFirst = u32(8) === 1;
  const memberCount = isFirst ? 0 : u32(96);
  const membersAt = partsAt + u32(68) * PART_BYTES;
  const sumAt = membersAt + memberCount * MEMBER_BYTES;
  check(sumAt + SUM_BYTES <= bytes.length, 68, "the segment ends inside its head");
  const sum = crc32(bytes.subarray(0, sumAt));
  check(sum === u32(sumAt) && sum === segment.sum, sumAt, "the sum of the head does not match");
  const { merged } = segment;
  const isMerge = isFirst
    ? merged === undefined
    : u32(84) === (merged?.link ?? 0) && u64(88) === (merged?.made ?? 0) && u32(100) === 0;
  const isNamed = KINDS[u32(12)] === segment.kind && u64(32) === segment.from &&
    u64(40) === segment.to && u64(48) === segment.first && u64(56) === segment.last &&
    u32(64) === segment.after && isMerge;
  check(isNamed, 12, "the head does not match the name");
  const content = bytes.subarray(sumAt + SUM_BYTES);
  const isWhole = content.length === u32(72) && crc32(content) === u32(76);
  check(isWhole, sumAt + SUM_BYTES, "the sum of the content does not match");
  const parts = Array.from({ length: u32(68) }, (_, i) => {
    const at = partsAt + i * PART_BYTES;
    return { bytes: u32(at), sum: u32(at + 4) };
  });
  const members = Array.from({ length: memberCount }, (_, i) => {
    const at = membersAt + i * MEMBER_BYTES;
    return { to: u64(at), link: u32(at + 8) };
  });
  const databaseId = bytes.slice(16, 16 + ID_BYTES);
  const history = isFirst ? 0 : u32(80);
  return { segment, databaseId, history, members, parts, content };
}

/** Whether a member of a segment, but the last one, leads to a position. */
export function hasMember({ members }: SegmentHead, version: number, link: number): boolean {
  return members.some((member) => member.to === version && member.link === link);
}

/** The error for a rule that an object breaks, at a byte of it. */
export function damagedObject(offset: number, rule: string, name?: string): CorruptionError {
  return new CorruptionError(Math.floor(offset / PAGE_BYTES), offset, rule, name);
}
