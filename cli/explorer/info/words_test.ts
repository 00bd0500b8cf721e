/** What the explorer shows of keys and values of Deno KV, and the keys that it takes. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { kvKey, openKv } from "../../../kv/mod.ts";
import { type Database, open } from "../../../mod.ts";
import { keyOf, wordsOf } from "./words.ts";

/** Codecs without a name, for trees of any codec. */
const AS_BYTES = {
  encode: (value: Uint8Array): Uint8Array => value,
  decode: (bytes: Uint8Array): Uint8Array => bytes.slice(),
};

/** The entries of a tree as bytes, of which there is at least one. */
function bytesIn(db: Database, tree: string): [[Uint8Array, Uint8Array]] {
  using snapshot = db.snapshot();
  const entries = snapshot.tree(tree, { key: AS_BYTES, value: AS_BYTES });
  return entries.entries().toArray() as [[Uint8Array, Uint8Array]];
}

describe("the explorer", () => {
  it("shows the parts, the values and the messages of Deno KV", async () => {
    using db = open(":memory:");
    using kv = await openKv(db);
    await kv.set(["a", 1n, new Uint8Array([255])], { name: "Ada" });
    await kv.enqueue("hello");
    const [[key, value]] = bytesIn(db, "kv");
    const [[, message]] = bytesIn(db, "kv.queue");
    assertEquals(wordsOf(key, "kv.key"), '["a", 1n, 0xff]');
    assertEquals(wordsOf(value, "kv.record"), '{ name: "Ada" }');
    assertEquals(wordsOf(message, "kv.message"), '"hello"');
  });

  it("takes a key of Deno KV as JSON", () => {
    assertEquals(keyOf('["a", 1]', "codec", "kv.key"), kvKey.encode(["a", 1]));
  });
});
