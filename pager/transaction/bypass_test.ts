// New pages that a transaction writes to the file at once: what they wait for, and that they are
// there.

import { assert, assertEquals, assertGreaterOrEqual, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { FaultyFile } from "../../tests/support/files/faulty_file.ts";
import {
  allocate,
  dataPages,
  expectContent,
  makeFile,
  openNodes,
  SMALL_CACHE,
  transact,
  write,
} from "../../tests/support/trees/pages.ts";
import { LimitError } from "../format/errors.ts";
import { PAGE_BYTES } from "../format/format.ts";

const [LOW, HIGH] = [100, 500];

describe("Pager.writeNewPages()", () => {
  it("waits for the medium only if it overwrites pages whose release is not there yet", () => {
    const file = new FaultyFile(makeFile(600));
    const pager = openNodes(file);
    transact(pager, () => pager.release(LOW, 1));
    pager.checkpoint();
    transact(pager, () => pager.release(HIGH, 1));
    const { durableVersion } = pager;
    assert(durableVersion < pager.meta.version, "the second release waits in memory");
    file.writes = [];
    pager.begin();
    allocate(pager, LOW, 7);
    pager.writeNewPages();
    assertEquals(file.writes, [{ position: LOW * PAGE_BYTES, length: PAGE_BYTES }]);
    assertEquals(pager.durableVersion, durableVersion);
    pager.commit();
    const released = pager.meta.version - 1;
    transact(pager, () => {
      allocate(pager, HIGH, 8);
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

  it("leaves a page in the file whose change the limit of the transaction refuses", () => {
    const pages = dataPages(2500);
    const limits = { ...SMALL_CACHE, maxTransactionBytes: 1024 * 1024 };
    const pager = openNodes(makeFile(pages.length), limits);
    const page = pages.at(-1)! + 1;
    pager.begin();
    allocate(pager, page, 7);
    pager.writeNewPages();
    // Each changed page takes an even number, so these fill the limit to the last page.
    assertThrows(() => pages.forEach((changed) => write(pager, changed, 8)), LimitError);
    pager.begin();
    assertThrows(() => write(pager, page, 9), LimitError);
    pager.rollback();
    pages.forEach((other) => pager.at(other));
    assertEquals(pager.inspection().whereIs(page), "file");
    pager.commit();
    expectContent(pager, page, 7);
    pager.close();
  });

  it("is undone by a rollback", () => {
    const pager = openNodes(makeFile(600));
    transact(pager, () => pager.release(LOW, 1));
    pager.checkpoint();
    pager.begin();
    allocate(pager, LOW, 7);
    pager.writeNewPages();
    pager.rollback();
    transact(pager, () => allocate(pager, LOW, 8));
    expectContent(pager, LOW, 8);
    pager.close();
  });
});
