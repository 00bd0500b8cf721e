// The places of the journal's records: the order in which a replay applies them, and their memory.

import { assertEquals, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { bytesMade } from "../../tests/support/memory.ts";
import { CHUNK_PAGES } from "../format/format.ts";
import { ChunkRecords } from "./chunk_records.ts";

describe("ChunkRecords", () => {
  it("brings the records of each chunk together, and keeps their order", () => {
    const records = new ChunkRecords();
    const groups: Uint8Array[] = [new Uint8Array(16), new Uint8Array(16), new Uint8Array(16)];
    const pages = [700, 5, 701, 5, 300, 700];
    pages.forEach((page, i) => {
      if (i % 2 === 0) records.addGroup(groups[i / 2]!);
      records.add(i % 2 * 8, page);
    });
    records.finish();
    assertEquals([records.count, records.chunks], [6, 3]);
    const places = pages.map((_, place) => {
      records.find(place);
      return [records.chunk(place), groups.indexOf(records.bytes), records.at];
    });
    assertEquals(places, [[0, 0, 8], [0, 1, 8], [1, 2, 0], [2, 0, 0], [2, 1, 0], [2, 2, 8]]);
    assertEquals([0, 2, 3].map((place) => records.end(place)), [2, 3, 6]);
  });

  it("takes memory in proportion to the records, if each is of another chunk", () => {
    const count = 100_000;
    const bytes = new Uint8Array(8 * count);
    const made = bytesMade(() => {
      const records = new ChunkRecords();
      records.addGroup(bytes);
      for (let i = 0; i < count; i++) records.add(8 * i, i * CHUNK_PAGES + 1);
      records.finish();
    });
    assertLess(made, 4 * bytes.length);
  });
});
