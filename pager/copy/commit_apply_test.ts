// Archived commits that do not belong together, or to the copy, are refused before a page is
// written.

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { LogBuffer } from "../batch/log_record.ts";
import { Disk } from "../file/disk.ts";
import { MemoryFile } from "../file/memory_file.ts";
import { pageSum } from "../format/checksum.ts";
import { CorruptionError } from "../format/errors.ts";
import { KIND_LEAF } from "../format/format.ts";
import { Frame, POOL } from "../format/frame.ts";
import { formatHeader, seal, setVersion } from "../format/header.ts";
import { Meta } from "../format/meta.ts";
import { CommitApply } from "./commit_apply.ts";
import { PACKET_HEAD_BYTES } from "./commit_packets.ts";

const SEED = 7;
const PAGE = 5;

/** A frame of a commit that writes one page, and holds commits before it. */
function joinedFrame(version: number, joined: number): Uint8Array {
  const bytes = frameOf(version);
  new DataView(bytes.buffer).setUint32(36, joined, true);
  return bytes;
}

/** A frame of a commit that writes one page. */
function frameOf(version: number, continues = false, page = PAGE, seed = SEED): Uint8Array {
  const frame = new Frame(-1, POOL, 2);
  frame.u8.fill(version, 8192, 8300);
  formatHeader(frame, 1, KIND_LEAF, 0, 1);
  setVersion(frame, 1, version);
  seal(frame, 1, page, pageSum(frame, 1), seed);
  const records = new LogBuffer();
  records.addWhole(page, frame, 1);
  const bytes = new Uint8Array(PACKET_HEAD_BYTES + records.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, records.length, true);
  view.setUint32(4, continues ? 1 : 0, true);
  view.setBigUint64(8, BigInt(version), true);
  view.setBigUint64(16, BigInt(version * 10), true);
  view.setUint32(24, 9, true);
  bytes.set(records.bytes.subarray(0, records.length), PACKET_HEAD_BYTES);
  return bytes;
}

function begin(last = Infinity): { work: CommitApply; disk: Disk } {
  const disk = new Disk(new MemoryFile());
  const meta = new Meta();
  meta.version = 3;
  meta.pageCount = 9;
  const work = new CommitApply(disk, SEED, { meta, time: 30 }, (version) => version > last);
  return { work, disk };
}

function join(...frames: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(frames.flatMap((frame) => [...frame]));
}

function refuses(frames: Uint8Array, rule: string): void {
  const { work, disk } = begin();
  assertThrows(
    () => {
      work.apply(frames, 0);
      work.end(frames.length);
    },
    CorruptionError,
    rule,
  );
  if (!rule.includes("ends inside")) assertEquals(disk.figures.bytesWritten, 0);
}

describe("CommitApply", () => {
  it("applies consecutive commits, in parts, up to the end", () => {
    const { work, disk } = begin(5);
    work.apply(join(frameOf(4, true), frameOf(4, false, 6)), 0);
    work.apply(join(frameOf(5), frameOf(6)), 0);
    work.end(0);
    assertEquals([work.meta.version, work.time, work.isPastEnd], [5, 50, true]);
    const page = new Uint8Array(8192);
    disk.read(page, 0, 8192, PAGE * 8192);
    assertEquals(page[0], 5);
  });

  it("refuses versions that do not follow, and a commit that does not end", () => {
    refuses(frameOf(5), "a commit of version 5 is in place of 4");
    refuses(join(frameOf(4), frameOf(4)), "a commit of version 4 is in place of 5");
    refuses(join(frameOf(4), frameOf(6)), "a commit of version 6 is in place of 5");
    refuses(join(frameOf(4, true), frameOf(5)), "a commit of version 5 is in place of 4");
    refuses(frameOf(4, true), "the segment ends inside a commit");
  });

  it("applies a commit that holds those before it, or says where it is past the end", () => {
    const { work } = begin();
    work.apply(join(frameOf(4), joinedFrame(7, 2), frameOf(8)), 0);
    assertEquals([work.meta.version, work.time], [8, 80]);
    const { work: ended } = begin(5);
    ended.apply(join(frameOf(4), joinedFrame(7, 2), frameOf(8)), 0);
    assertEquals([ended.meta.version, ended.isPastEnd, ended.nextVersion], [4, true, 7]);
    refuses(joinedFrame(7, 2), "a commit of version 7 is in place of 6");
    refuses(joinedFrame(4, 1), "a commit of version 4 is in place of 5");
    refuses(joinedFrame(3, 2 ** 32 - 1), "a commit of version 3 is in place of 4294967299");
  });

  it("refuses malformed packets and records, and pages of another database", () => {
    const frame = frameOf(4);
    refuses(frame.subarray(0, 30), "a packet of a commit is malformed");
    refuses(frame.subarray(0, -1), "a packet of a commit is malformed");
    const malformed = (at: number, value: number) => {
      const bytes = frame.slice();
      bytes[at] = value;
      return bytes;
    };
    refuses(malformed(4, 2), "a packet of a commit is malformed");
    refuses(malformed(PACKET_HEAD_BYTES + 4, 4), "a record of a commit is malformed");
    refuses(malformed(PACKET_HEAD_BYTES, 1), "a record of a commit is malformed");
    refuses(malformed(PACKET_HEAD_BYTES, 9), "a record of a commit is malformed");
    refuses(malformed(frame.length - 1, 0), "its bytes do not match the sum");
    refuses(frameOf(4, false, PAGE, SEED + 1), "its header does not match the sum");
  });
});
