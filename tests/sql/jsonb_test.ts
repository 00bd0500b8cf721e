/**
 * JSONB beside `node:sqlite`: the bytes that are made, what is read from those that SQLite made,
 * and bytes that are none.
 */

import { DatabaseSync } from "node:sqlite";
import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { open } from "../../mod.ts";
import { sql, SqlError } from "../../sql/mod.ts";
import { Random } from "../support/random.ts";

const TEXTS = ['"a"', '""', '"\u{e9}"', '"q\\"t"', '"n\\n"', '"\\u00e9"', `"${"z".repeat(300)}"`];
const NUMBERS = ["0", "-7", "1.5", "-2e3", "12345678901234567890"];
const PATHS = ["$", "$.a", "$.b", "$[0]", "$[#-1]", "$[#]", "$.a.b", "$.a[0]", "$.new", "$[0].a"];

/** A document of JSON at random. */
function documentOf(random: Random, depth = 0): string {
  const inside = (count: number) =>
    Array.from({ length: random.below(count) }, () => documentOf(random, depth + 1));
  switch (random.below(depth > 3 ? 3 : 6)) {
    case 0:
      return random.pick(["null", "true", "false"]);
    case 1:
      return random.pick(NUMBERS);
    case 2:
      return random.pick(TEXTS);
    case 3:
      return `[${inside(20).join()}]`;
    case 4:
      return `[ ${inside(4).join(" , ")} ]`;
  }
  const members = inside(4).map((value) => `${random.pick(['"a"', '"b"', '"n\\n"'])}:${value}`);
  return `{${members.join()}}`;
}

/** An expression of JSON and JSONB over a document, which is the parameter. */
function expressionOf(random: Random): string {
  const b = random.pick(["json", "jsonb"]);
  const path = random.pick(PATHS);
  const value = random.pick(["1", "2.5", "'t'", "NULL", "json('[1]')", "jsonb('{}')", "x'1331'"]);
  const shown = `${b}_${random.pick(["set", "insert", "replace"])}(d, '${path}', ${value})`;
  return random.pick([
    "hex(jsonb(d))",
    "json(jsonb(d))",
    `json(${shown})`,
    `json(${b}_remove(d, '${path}'))`,
    `hex(jsonb_remove(d, '${path}'))`,
    `json(${b}_patch(d, '{"a":null,"z":[1]}'))`,
    `json(${b}_array(d, ${value})) || hex(jsonb_array(${value}, 'x'))`,
    `hex(jsonb_object('k', ${value}))`,
    `hex(jsonb_extract(d, '${path}')) || typeof(jsonb_extract(d, '${path}'))`,
    `hex(jsonb_extract(d, '${path}', '$.a'))`,
    `json_type(d, '${path}') || json_array_length(d)`,
    `d -> '${path}'`,
    `d ->> '${path}'`,
    `json_valid(d) || json_valid(d, 4) || json_valid(d, 8) || json_error_position(d)`,
    `json_quote(d)`,
    `(SELECT hex(${b}_group_array(${value})) FROM json_each(d))`,
    `(SELECT group_concat(id || type || fullkey || hex(value)) FROM ${b}_tree(d))`,
  ]);
}

describe("JSONB", () => {
  it("is made and read as node:sqlite makes and reads it", () => {
    using db = open(":memory:");
    const here = sql(db);
    const there = new DatabaseSync(":memory:");
    const random = new Random(23);
    for (let i = 0; i < 250; i++) {
      const text = documentOf(random);
      const made = there.prepare("SELECT jsonb(?) AS made").get(text)!["made"] as Uint8Array;
      const statement = `SELECT ${expressionOf(random)} AS found FROM (SELECT ? AS d)`;
      for (const given of [text, made]) {
        const outcome = (run: () => unknown) => {
          try {
            return run();
          } catch {
            return "an error";
          }
        };
        const wanted = outcome(() => there.prepare(statement).get(given)!["found"]);
        const found = outcome(() => (here.get(statement, given) as { found: unknown }).found);
        assertEquals(found, wanted, `${statement} for ${text}`);
      }
    }
    there.close();
  });

  it("is not what is damaged", () => {
    using db = open(":memory:");
    const query = sql(db);
    const damaged = [[0xcb], [0x13], [0x13, 0x78], [0x1c, 0x00], [0x2b, 0x13], [0x1d], [0xfb, 1]];
    for (const bytes of damaged) {
      const blob = Uint8Array.from(bytes);
      assertThrows(() => query.get("SELECT json(?)", blob), SqlError, "malformed JSON");
      assertThrows(() => query.get("SELECT json_array(?)", blob), SqlError, "BLOB values");
      assertEquals(Object.values(query.get("SELECT json_valid(?, 8) AS v", blob)!), [0]);
    }
    // Other blobs are the bytes of text.
    assertEquals(Object.values(query.get("SELECT json(x'5b315d')")!), ["[1]"]);
  });
});
