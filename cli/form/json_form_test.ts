/**
 * Values as JSON and as text, there and back, for every codec.
 */

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { Refusal } from "../io/exit.ts";
import {
  bytesForm,
  type Form,
  jsonForm,
  stringForm,
  structuredForm,
  tupleForm,
  u64Form,
} from "./json_form.ts";
import type { StructuredValue } from "./structured_form.ts";

/** The value that bytes were kept of. */
function decoded(value: unknown): unknown {
  return (value as StructuredValue).decode();
}

/** Through JSON as a file has it, and through text. */
function assertRoundTrips(form: Form, value: unknown): void {
  assertEquals(form.fromJson(JSON.parse(JSON.stringify(form.toJson(value)))), value);
  assertEquals(form.fromText(form.toText(value)), value);
}

const text = fc.string({ unit: "grapheme" });
const bytes = fc.uint8Array({ maxLength: 8 });
const number = fc.double();

describe("forms: there and back", () => {
  it("bytes, those that look like their own JSON too", () => {
    fc.assert(fc.property(bytes, (value) => assertRoundTrips(bytesForm, value)));
    for (const shown of ['{"$bytes": 1}', '{"$bytes"', '{"$bytes":"AA=="}', "\ufeff", ""]) {
      assertRoundTrips(bytesForm, new TextEncoder().encode(shown));
    }
  });

  it("text", () => {
    fc.assert(fc.property(text, (value) => assertRoundTrips(stringForm, value)));
  });

  it("whole numbers", () => {
    for (const value of [0n, 1n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 64n - 1n]) {
      const back = u64Form.fromJson(JSON.parse(JSON.stringify(u64Form.toJson(value))));
      assertEquals(BigInt(back as number | bigint), value);
      assertEquals(u64Form.fromText(u64Form.toText(value)), value);
    }
  });

  it("tuples", () => {
    const part = fc.oneof(bytes, text, number, fc.bigInt(), fc.boolean());
    fc.assert(fc.property(fc.array(part), (value) => assertRoundTrips(tupleForm, value)));
  });

  it("JSON, of which nothing is taken for another thing", () => {
    fc.assert(fc.property(fc.json(), (value) => assertRoundTrips(jsonForm, JSON.parse(value))));
    assertRoundTrips(jsonForm, { $bytes: "AA==" });
  });

  it("structured values, those that look like forms too", () => {
    const leaf = fc.oneof(text, number, fc.bigInt(), fc.boolean(), bytes, fc.date());
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { depthSize: "small" },
        leaf,
        fc.constantFrom(null, undefined),
        fc.array(tie("tree"), { maxLength: 3 }),
        fc.dictionary(fc.oneof(text, fc.constantFrom("$bytes", "$map", "$x")), tie("tree"), {
          maxKeys: 2,
          noNullPrototype: true,
        }),
        fc.array(fc.tuple(leaf, tie("tree")), { maxLength: 2 }).map((pairs) => new Map(pairs)),
        fc.array(leaf, { maxLength: 2 }).map((items) => new Set(items)),
      ),
    }));
    fc.assert(fc.property(tree, (value) => assertRoundTrips(structuredForm, value)));
  });

  it("structured values that have no form, as the bytes of the codec", () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    const shared = { a: 1 };
    const holes = [1, 2, 3];
    delete holes[1];
    for (const value of [cycle, [shared, shared], holes, new Float64Array([1]), /a/g]) {
      const json = structuredForm.toJson(value) as Record<string, unknown>;
      assertEquals(Object.keys(json), ["$structured"]);
      assertEquals(decoded(structuredForm.fromJson(json)), value);
    }
    const json = structuredForm.toJson([shared, shared]);
    const again = decoded(structuredForm.fromJson(json)) as unknown[];
    assertEquals(again[0] === again[1], true);
  });

  it("structured values that are deep, and refuses JSON that is too deep to be one", () => {
    let value: unknown = 1;
    for (let i = 0; i < 1000; i++) value = [value];
    const json = structuredForm.toJson(value) as Record<string, unknown>;
    assertEquals(Object.keys(json), ["$structured"]);
    assertEquals(structuredForm.toJson(structuredForm.fromJson(json)), json);
    const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
    assertThrows(() => structuredForm.fromText(deep), Refusal, "nested too deeply for JSON");
  });
});

describe("forms: refusals", () => {
  const rows: [form: Form, json: unknown][] = [
    [bytesForm, 1],
    [bytesForm, { $bytes: "no base64" }],
    [bytesForm, { $bytes: "AA==", more: 1 }],
    [bytesForm, "\ud800"],
    [stringForm, null],
    [u64Form, "1"],
    [u64Form, { $bigint: "-1" }],
    [tupleForm, { 0: 1 }],
    [tupleForm, [null]],
    [tupleForm, [[1]]],
    [tupleForm, [{ $bigint: "1.5" }]],
    [tupleForm, [{ $number: "1" }]],
    [structuredForm, { $undefined: false }],
    [structuredForm, { $date: "yesterday" }],
    [structuredForm, { $map: [[1]] }],
    [structuredForm, { $set: 1 }],
    [structuredForm, { $bigint: 1 }],
    [structuredForm, [{ $else: 1 }]],
    [structuredForm, { $structured: "?" }],
  ];
  for (const [form, json] of rows) {
    it(`of ${JSON.stringify(json)}`, () => {
      assertThrows(() => form.fromJson(json), Refusal, "Cannot use");
    });
  }
});
