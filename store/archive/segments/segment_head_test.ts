// The heads of segments: what they have, and those of the version of the format before.

import { crc32 } from "node:zlib";
import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { CorruptionError } from "../../../pager/mod.ts";
import { COMMITS, MERGED, type Segment } from "./segment.ts";
import { decodeSegment, encodeSegment, hasMember } from "./segment_head.ts";

const COMMON = { from: 3, to: 9, first: 100, last: 200, after: 7 };
const DATABASE = {
  databaseId: Uint8Array.from({ length: 16 }, (_, i) => i + 1),
  history: 0xfedc_ba98,
};
const PARTS = [{ bytes: 70, sum: 0x8000_0001 }, { bytes: 80, sum: 2 }];
const CONTENT = new Uint8Array([1, 2, 3]);

/** The object of a segment as the first version of the format has it. */
function firstVersion(bytes: Uint8Array): { bytes: Uint8Array; sum: number } {
  const parts = new DataView(bytes.buffer).getUint32(68, true) * 8;
  const head = new Uint8Array([...bytes.subarray(0, 80), ...bytes.subarray(104, 104 + parts)]);
  new DataView(head.buffer).setUint32(8, 1, true);
  const sum = new Uint8Array(4);
  new DataView(sum.buffer).setUint32(0, crc32(head), true);
  const content = bytes.subarray(104 + parts + 4);
  return { bytes: new Uint8Array([...head, ...sum, ...content]), sum: crc32(head) };
}

describe("the head of a segment", () => {
  const segment = { ...COMMON, kind: COMMITS } as const;
  const { bytes, sum } = encodeSegment({
    segment,
    ...DATABASE,
    members: [],
    parts: PARTS,
    content: CONTENT,
  });

  it("has what was encoded, also of a merged segment", () => {
    const named = { ...segment, sum };
    const whole = { segment: named, ...DATABASE, members: [], parts: PARTS, content: CONTENT };
    assertEquals(decodeSegment(bytes, named), whole);
    const fields = { ...COMMON, kind: MERGED, merged: { link: 5, made: 2 ** 41 } } as const;
    const members = [{ to: 4, link: 0xffff_ffff }, { to: 2 ** 40, link: 6 }];
    const merged = encodeSegment({
      segment: fields,
      ...DATABASE,
      members,
      parts: [],
      content: CONTENT,
    });
    const head = decodeSegment(merged.bytes, { ...fields, sum: merged.sum });
    assertEquals([head.members, head.parts, head.content], [members, [], CONTENT]);
    assertEquals([hasMember(head, 4, 0xffff_ffff), hasMember(head, 4, 6)], [true, false]);
  });

  it("of the first version is read, and is of history 0", () => {
    const first = firstVersion(bytes);
    const named: Segment = { ...segment, sum: first.sum };
    const { history, members, parts, content, databaseId } = decodeSegment(first.bytes, named);
    assertEquals([history, members, parts], [0, [], PARTS]);
    assertEquals([content, databaseId], [CONTENT, DATABASE.databaseId]);
  });

  it("is refused under another name, of another version, and cut anywhere", () => {
    const named: Segment = { ...segment, sum };
    const refuse = (of: Uint8Array, name: Segment, says: string) =>
      void assertThrows(() => decodeSegment(of, name), CorruptionError, says);
    refuse(bytes, { ...named, sum: sum ^ 1 }, "the sum of the head does not match");
    refuse(bytes, { ...named, kind: "delta" }, "the head does not match the name");
    const merged = { link: 0, made: 1 };
    refuse(bytes, { ...named, merged }, "the head does not match the name");
    const later = bytes.slice();
    later[8] = 3;
    refuse(later, named, "segment format 3, and this Quire reads formats 1 to 2");
    for (let length = 0; length < bytes.length; length++) {
      refuse(bytes.subarray(0, length), named, "");
    }
    const first = firstVersion(bytes);
    refuse(first.bytes, { ...segment, sum: first.sum, merged }, "does not match the name");
  });
});
