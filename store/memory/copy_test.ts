// Copies of bytes and of keys: no change of their source affects them.

import { Buffer } from "node:buffer";
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { bytesOf } from "../../tests/support/databases/database.ts";
import { copyOf, copyOfKey } from "./copy.ts";

describe("copyOf() and copyOfKey()", () => {
  it("copy a Buffer, and the first bytes of an array", () => {
    for (const copy of [copyOf, copyOfKey]) {
      const from = Buffer.from([1, 2, 3]);
      const copies = [copy(from), copy(from, 2), copy(from, 0)];
      from.fill(9);
      assertEquals(copies.map((bytes) => [...bytes]), [[1, 2, 3], [1, 2], []]);
    }
  });

  it("keep keys of all lengths apart, from one piece of memory to the next", () => {
    const lengths = Array.from({ length: 300 }, (_, i) => (i * 37) % 100 === 0 ? 2048 : i % 60);
    const copies = lengths.map((length, salt) => copyOfKey(bytesOf(salt, length)));
    assertEquals(copies, lengths.map((length, salt) => bytesOf(salt, length)));
  });
});
