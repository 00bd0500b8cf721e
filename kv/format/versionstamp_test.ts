/** Versionstamps as text and as bytes, and back. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { versionOf, versionstampBytes, versionstampOf } from "./versionstamp.ts";

describe("a versionstamp", () => {
  it("is the same as text, as bytes and as a version", () => {
    for (const version of [0, 1, 255, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 5, 2 ** 52]) {
      const text = versionstampOf(version);
      assertEquals([versionstampBytes(version).toHex(), versionOf(text)], [text, version]);
    }
  });

  it("of another database may have no version", () => {
    // Behind the last ones, versions would no longer be exact.
    for (
      const text of [
        "00100000000000010000",
        "00200000000000000000",
        "00000000000000010001",
        "f".repeat(20),
      ]
    ) {
      assertEquals(versionOf(text), undefined, text);
    }
  });
});
