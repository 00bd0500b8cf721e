// The scrub of an open database: its memory does not grow with the file, and a journal that grows
// meanwhile is no finding.

import { assertEquals, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { change, openBoth } from "../../tests/support/databases/database.ts";
import { bytesMade } from "../../tests/support/memory.ts";
import { MemoryFile } from "../file/memory_file.ts";
import type { CorruptionError } from "../format/errors.ts";
import { CHUNK_BYTES } from "../format/format.ts";

describe("the scrub of an open database", () => {
  it("makes no arrays from one chunk to the next", () => {
    const { db, session } = openBoth(new MemoryFile());
    for (let i = 0; i < 16; i++) {
      change(db, "a", (tree) => tree.set(`key ${i}`, new Uint8Array(CHUNK_BYTES)));
    }
    const found: CorruptionError[] = [];
    const scrub = session.pager.scrub((error) => found.push(error));
    scrub.chunk(0);
    const made = bytesMade(() => {
      for (let chunk = 1; chunk < scrub.chunks; chunk++) scrub.chunk(chunk);
      for (let chunk = 0; chunk < scrub.chunks; chunk++) scrub.headers(chunk);
    });
    // A header page to compare with, for each chunk of the journal.
    assertLess(made, 512 * 1024);
    assertEquals([found, scrub.chunks > 16], [[], true]);
    db.close();
  });

  it("reads the list of the journal's chunks again once it meets others", () => {
    const { db, session } = openBoth(new MemoryFile());
    const fill = (salt: number) =>
      change(db, "a", (tree) => {
        for (let i = 0; i < 2000; i++) tree.set(`key ${i}`, new Uint8Array(2000).fill(i * salt));
      });
    fill(1);
    const found: CorruptionError[] = [];
    const scrub = session.pager.scrub((error) => found.push(error));
    fill(3);
    const areas = session.pager.inspection().journal()!.areas;
    assertLess(2, areas.flatMap((area) => area.chunks).length);
    for (let chunk = 0; chunk < scrub.chunks; chunk++) scrub.chunk(chunk);
    assertEquals(found, []);
    db.close();
  });
});
