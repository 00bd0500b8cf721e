// The histories of copies: which one a copy comes from, and which states it has had.

import { assertEquals, assertNotEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Superblock } from "../format/superblock.ts";
import { freshSuperblock } from "../journal/superblocks.ts";
import { branched, hasHad } from "./history.ts";

const SOURCE: Superblock = { ...freshSuperblock(), version: 10 };

describe("branched()", () => {
  it("gives each copy a history of its own, and notes which one it comes from", () => {
    const copy = branched(SOURCE);
    assertNotEquals(copy.history, 0);
    assertNotEquals(branched(SOURCE).history, copy.history);
    assertEquals([copy.origin, copy.originVersion], [0, 10]);
  });

  it("of a copy comes from its source, until the copy is written to", () => {
    const copy = branched(SOURCE);
    const second = branched(copy);
    assertEquals([second.origin, second.originVersion], [0, 10]);
    const changed = branched({ ...copy, version: 11 });
    assertEquals([changed.origin, changed.originVersion], [copy.history, 11]);
  });
});

describe("hasHad()", () => {
  it("are the states of its own history, and those of its source up to the copy", () => {
    const copy = { ...branched(SOURCE), version: 20 };
    assertEquals(hasHad(copy, { history: copy.history, version: 15 }), true);
    assertEquals(hasHad(copy, { history: 0, version: 10 }), true);
    assertEquals(hasHad(copy, { history: 0, version: 11 }), false);
    assertEquals(hasHad(copy, { history: copy.history ^ 1, version: 1 }), false);
    assertEquals(hasHad(SOURCE, { history: 0, version: 10 }), true);
    assertEquals(hasHad(SOURCE, { history: copy.history, version: 10 }), false);
  });
});
