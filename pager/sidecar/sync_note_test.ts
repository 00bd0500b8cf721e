// A note is read as it was written, and not at all if a byte of it differs.

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { decodeNote, encodeNote, NOTE_BYTES } from "./sync_note.ts";

const ID = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
const SEQUENCE = 2 ** 40 + 3;

describe("a note of how far a sync has reached", () => {
  const bytes = new Uint8Array(NOTE_BYTES);
  encodeNote(SEQUENCE, ID, bytes);

  it("is read as it was written, if it is further than what is known", () => {
    for (const known of [0, SEQUENCE - 1]) assertEquals(decodeNote(bytes, ID, known), SEQUENCE);
    assertEquals(decodeNote(bytes, ID, SEQUENCE + 1), SEQUENCE + 1);
  });

  it("is not read if a byte differs, or for another database", () => {
    for (let i = 0; i < NOTE_BYTES; i++) {
      const damaged = bytes.slice();
      damaged[i]! ^= 1;
      assertEquals(decodeNote(damaged, ID, 0), 0, `byte ${i}`);
    }
    assertEquals(decodeNote(bytes, ID.map((byte) => byte ^ 1), 5), 5);
    assertEquals(decodeNote(new Uint8Array(NOTE_BYTES), ID, 5), 5);
  });
});
