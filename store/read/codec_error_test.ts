/**
 * Errors of codecs name the tree, the key, and of many entries which one.
 */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type Codec, json, string, tuple } from "../codec/mod.ts";
import { open } from "../open.ts";

const own: Codec<string> = {
  encode: (value) => new TextEncoder().encode(value),
  decode: () => {
    throw new TypeError("Cannot decode: no");
  },
};

describe("errors of codecs", () => {
  it("name tree and key where one entry is written", () => {
    using db = open(":memory:");
    const tree = db.tree("words", { key: string, value: json });
    const calls: [call: () => unknown, place: string][] = [
      [() => db.writeSync((tx) => tx.tree(tree).set("b", 1n)), '(tree words, key "b")'],
      [() => db.writeSync((tx) => tx.tree(tree).setIfAbsent("b", 1n)), '(tree words, key "b")'],
      [() => db.writeSync((tx) => tx.tree(tree).update("b", () => 1n)), '(tree words, key "b")'],
      [() => tree.get("\ud800"), '(tree words, key "\\ud800")'],
      [
        () => db.writeSync((tx) => tx.tree(tree).delete(7 as unknown as string)),
        "(tree words, key 7)",
      ],
    ];
    for (const [call, place] of calls) {
      const error = assertThrows(call, TypeError, "Cannot encode: ");
      assertStringIncludes(error.message, place);
    }
    const long = "k".repeat(3000);
    const error = assertThrows(() => tree.get(long), RangeError, "exceed 2048 (tree words, key");
    assertEquals(error.message.length < 200, true);
  });

  it("name which of many entries it was", () => {
    using db = open(":memory:");
    const tree = db.tree("places", { key: tuple, value: json });
    const entries: [unknown[], unknown][] = [[["a"], 1], [["b", 2n], 1n]];
    for (const way of ["setMany", "load"] as const) {
      const call = () => db.writeSync((tx) => tx.tree(tree)[way](entries as never));
      const place = '(tree places, key ["b","2"], entry 1)';
      assertStringIncludes(assertThrows(call, TypeError, "Cannot encode: ").message, place);
    }
    assertEquals(tree.count(), 0);
  });

  it("name tree and key where an entry is read", () => {
    using db = open(":memory:");
    const tree = db.tree("own", { key: string, value: own });
    db.writeSync((tx) => tx.tree(tree).set("a", "b"));
    assertThrows(() => tree.get("a"), TypeError, 'Cannot decode: no (tree own, key "a")');
    assertThrows(() => [...tree.entries()], TypeError, "Cannot decode: no (tree own, key 0x61)");
    assertThrows(() => [...tree.values()], TypeError, "Cannot decode: no (tree own, key 0x61)");
  });

  it("are those of the codec where they are of a kind of its own", () => {
    class Odd extends TypeError {}
    using db = open(":memory:");
    const odd: Codec<string> = {
      ...own,
      encode: () => {
        throw new Odd("odd");
      },
    };
    const tree = db.tree("odd", { key: string, value: odd });
    const error = assertThrows(() => db.writeSync((tx) => tx.tree(tree).set("a", "b")), Odd);
    assertEquals(error.message, "odd");
  });
});
