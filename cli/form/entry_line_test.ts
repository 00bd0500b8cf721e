/**
 * Entries as lines, there and back, to the byte.
 */

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { structured } from "../../mod.ts";
import { LineError, LineReader } from "../io/lines.ts";
import { codecByName, type CodecPair, rawCodec } from "./codecs.ts";
import { linesOfEntry } from "./entry_line.ts";
import { type Entry, EntryReader } from "./records.ts";

const encoder = new TextEncoder();

function pairOf(key: string, value: string): CodecPair {
  return { key: codecByName(key), value: codecByName(value) };
}

/** The entries that lines have. */
function read(lines: readonly string[], codecs: CodecPair): Entry[] {
  const bytes = encoder.encode(lines.join("\n"));
  let at = 0;
  const source = {
    readSync(into: Uint8Array) {
      const part = bytes.subarray(at, at + into.length);
      into.set(part);
      at += part.length;
      return part.length === 0 ? null : part.length;
    },
  };
  const keys = { fields: undefined, isNumber: false };
  const reader = new EntryReader(new LineReader(source), {
    isCsv: false,
    delimiter: undefined,
    keys,
  });
  const entries: Entry[] = [];
  for (const section of reader.sections()) entries.push(...section.entries(codecs));
  return entries;
}

/** Fails unless the bytes come back; the lines. */
function assertExact(
  codecs: CodecPair,
  key: Uint8Array,
  value: Uint8Array,
  part?: number,
): string[] {
  const lines = [...linesOfEntry(codecs, key, value, part)];
  // A Buffer is bytes too.
  const found = read(lines, codecs).map((entry) => entry.map((bytes) => new Uint8Array(bytes)));
  assertEquals(found, [[key, new Uint8Array(value)]]);
  return lines;
}

/** Arrays in arrays. */
function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = [value];
  return value;
}

describe("linesOfEntry()", () => {
  const key = encoder.encode("k");

  it("gives a value that has exact JSON as it is", () => {
    const json = pairOf("string", "json");
    assertEquals(assertExact(json, key, encoder.encode('{"a":[1,"\\u0000"]}')), [
      '{"key":"k","value":{"a":[1,"\\u0000"]}}',
    ]);
    const odd = pairOf("bytes", "structured");
    assertEquals(assertExact(odd, key, structured.encode(new Set([1]))), [
      '{"key":"k","value":{"$set":[1]}}',
    ]);
  });

  it("preserves the bytes of structured values, however V8 wrote them", () => {
    const codecs = pairOf("string", "structured");
    const shared = { a: 1 };
    const values = [0.5 + 0.5, Array(3).fill(0), [shared, shared], "\u20ac".repeat(3), /a/g];
    for (const value of values) assertExact(codecs, key, structured.encode(value));
    // A string of two bytes a unit that one byte would do for.
    const wide = Uint8Array.of(0xff, 0x0f, 0x63, 2, 0x61, 0);
    assertEquals(structured.decode(wide), "a");
    assertEquals(assertExact(codecs, key, wide), ['{"key":"k","rawValue":"/w9jAmEA"}']);
  });

  it("preserves structured arrays that are 3,000 deep, and JSON that is deeper", () => {
    assertExact(pairOf("string", "structured"), key, structured.encode(nested(3000)));
    const depth = 500_000;
    const text = `${"[".repeat(depth)}${"]".repeat(depth)}`;
    assertExact(pairOf("string", "json"), key, encoder.encode(text));
  });

  it("preserves bytes that are not a value of the codec", () => {
    const bytes = Uint8Array.of(0xff, 0, 0x31);
    for (const value of ["json", "structured", "string", "u64"]) {
      const [line] = assertExact(pairOf("string", value), key, bytes);
      assertEquals(line, '{"key":"k","rawValue":"/wAx"}', value);
    }
    assertExact(pairOf("tuple", "json"), bytes, encoder.encode("1e400"));
    assertExact({ key: rawCodec("own"), value: rawCodec("x") }, bytes, bytes);
  });

  it("takes a long value apart, and refuses a part that is missing", () => {
    const codecs = pairOf("string", "bytes");
    const value = encoder.encode("0123456789");
    const lines = assertExact(codecs, key, value, 4);
    assertEquals(lines, [
      '{"key":"k","rawValue":"MDEyMw==","more":true}',
      '{"rawValue":"NDU2Nw==","more":true}',
      '{"rawValue":"ODk="}',
    ]);
    for (const broken of [lines.slice(0, 2), [lines[0] ?? "", '{"key":"l","value":""}']]) {
      assertThrows(() => read(broken, codecs), LineError, "it was cut");
    }
    assertThrows(() => read(lines.slice(1), codecs), LineError, 'no "key" and "value"');
  });
});
