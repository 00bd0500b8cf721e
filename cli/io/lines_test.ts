/**
 * Lines from blocks, wherever the blocks are cut.
 */

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type ByteSource, LineError, LineReader } from "./lines.ts";

/** A source that gives a few bytes at a time. */
function sourceOf(bytes: Uint8Array, blockBytes: number): ByteSource {
  let at = 0;
  return {
    readSync(into) {
      if (at >= bytes.length) return null;
      const block = bytes.subarray(at, at + blockBytes);
      into.set(block);
      at += block.length;
      return block.length;
    },
  };
}

function read(text: string | Uint8Array, blockBytes: number): string[] {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  return [...new LineReader(sourceOf(bytes, blockBytes)).lines()];
}

describe("LineReader", () => {
  it("gives the same lines from blocks of any size", () => {
    const text = "one\n\n\u20actwo\r\n\u{1f30d}three";
    for (let size = 1; size <= 30; size++) {
      assertEquals(read(text, size), ["one", "", "\u20actwo\r", "\u{1f30d}three"], `${size}`);
    }
  });

  it("ends rows with LF, CRLF and a CR alone, wherever blocks are cut", () => {
    const rows = ["a\r", "b\r\n", "\r", "\r\n", "c\n", "\u20ac\r", "d"];
    const bytes = new TextEncoder().encode(rows.join(""));
    for (let size = 1; size <= 20; size++) {
      const reader = new LineReader(sourceOf(bytes, size));
      assertEquals([...reader.rows()], rows, `${size}`);
      assertEquals(reader.line, rows.length);
    }
    const ended = new LineReader(sourceOf(bytes.subarray(0, 2), 9));
    assertEquals([...ended.rows()], ["a\r"]);
  });

  it("has no line after the last newline, and none in nothing", () => {
    assertEquals([read("a\n", 9), read("\n", 9), read("", 9)], [["a"], [""], []]);
  });

  it("leaves out a mark of byte order at the beginning alone", () => {
    assertEquals(read("\ufeffa\n\ufeffb", 2), ["a", "\ufeffb"]);
  });

  it("counts lines and bytes", () => {
    const reader = new LineReader(sourceOf(new TextEncoder().encode("a\nb\nc"), 2));
    const lines = reader.lines();
    lines.next();
    assertEquals([reader.line, reader.bytesRead], [1, 2]);
    assertEquals([...lines], ["b", "c"]);
    assertEquals([reader.line, reader.bytesRead], [3, 5]);
  });

  it("refuses what is not UTF-8, with its line", () => {
    const error = assertThrows(() => read(Uint8Array.of(0x61, 0x0a, 0xff, 0x0a), 9), LineError);
    assertEquals(error.line, 2);
  });
});
