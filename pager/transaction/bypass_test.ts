// New pages that a transaction writes to the file at once: what they wait for, and that they are
// there.

import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { FaultyFile } from "../../tests/support/faulty_file.ts";
import { expectContent, makeFile, occupy, openNodes, transact } from "../../tests/support/pages.ts";
import { write } from "../../tests/support/pages.ts";
import { PAGE_BYTES } from "../format/format.ts";

const [LOW, HIGH] = [100, 500];

describe("Pager.writeNewPages()", () => {
  it("waits for the medium only if it overwrites pages whose release is not there yet", () => {
    const file = new FaultyFile(makeFile(600));
    const pager = openNodes(file);
    transact(pager, () => pager.vacate(LOW, 1));
    pager.checkpoint();
    transact(pager, () => pager.vacate(HIGH, 1));
    const { durableVersion } = pager;
    assert(durableVersion < pager.meta.version, "the second release waits in memory");
    file.writes = [];
    pager.begin();
    occupy(pager, LOW, 7);
    pager.writeNewPages();
    assertEquals(file.writes, [{ position: LOW * PAGE_BYTES, length: PAGE_BYTES }]);
    assertEquals(pager.durableVersion, durableVersion);
    pager.commit();
    const released = pager.meta.version - 1;
    transact(pager, () => {
      occupy(pager, HIGH, 8);
      pager.writeNewPages();
      assertGreaterOrEqual(pager.durableVersion, released);
      // It changes again, and so is new again.
      write(pager, HIGH, 9);
    });
    pager.close();
    const again = openNodes(file);
    expectContent(again, LOW, 7);
    expectContent(again, HIGH, 9);
    again.close();
  });

  it("is undone by a rollback", () => {
    const pager = openNodes(makeFile(600));
    transact(pager, () => pager.vacate(LOW, 1));
    pager.checkpoint();
    pager.begin();
    occupy(pager, LOW, 7);
    pager.writeNewPages();
    pager.rollback();
    transact(pager, () => occupy(pager, LOW, 8));
    expectContent(pager, LOW, 8);
    pager.close();
  });
});
