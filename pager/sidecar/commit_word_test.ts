// A commit word is read as it was written, and not at all if a byte of it differs.

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type CommitWord, decodeWord, encodeWord, WORD_BYTES } from "./commit_word.ts";

const ID = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
const WORD: CommitWord = {
  generation: 2 ** 40 + 3,
  offset: 8192,
  sequence: 2 ** 33 + 1,
  version: 2 ** 47,
  durable: 2 ** 33,
  number: 12,
  pageCount: 2 ** 32 - 1,
  sum: -5,
};

describe("a commit word", () => {
  const bytes = new Uint8Array(WORD_BYTES);
  encodeWord(WORD, ID, bytes);

  it("is read as it was written", () => assertEquals(decodeWord(bytes, ID), WORD));

  it("is not read if a byte differs, or for another database", () => {
    for (let i = 0; i < WORD_BYTES; i++) {
      const damaged = bytes.slice();
      damaged[i]! ^= 1;
      assertEquals(decodeWord(damaged, ID), undefined, `byte ${i}`);
    }
    assertEquals(decodeWord(bytes, ID.map((byte) => byte ^ 1)), undefined);
    assertEquals(decodeWord(new Uint8Array(WORD_BYTES), ID), undefined);
  });
});
