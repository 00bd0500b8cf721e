// The pages that have their bytes in the file: claims are written once, and a truncation removes
// them.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BudgetFile } from "../../tests/support/files/budget_file.ts";
import { Disk } from "../file/disk.ts";
import { IoError } from "../format/errors.ts";
import { CLAIM_PAGES, ClaimedPages } from "./claimed_pages.ts";

const PAGE_BLOCKS = 2;

function claims(budget: number, pageCount = 3) {
  const file = new BudgetFile(budget);
  const disk = new Disk(file);
  return { file, disk, claimed: new ClaimedPages(disk, pageCount) };
}

describe("ClaimedPages", () => {
  it("writes runs of any length, and knows them", () => {
    const { file, claimed } = claims(1000);
    const count = 2 * CLAIM_PAGES + 5;
    claimed.claim(10, count);
    assertEquals([file.used, file.size()], [count * PAGE_BLOCKS, (10 + count) * 8192]);
    assertEquals([9, 10, 9 + count, 10 + count].map((page) => claimed.has(page)), [
      false,
      true,
      true,
      false,
    ]);
  });

  it("writes the header page of a chunk that had none, once", () => {
    const { file, claimed } = claims(1000, 257);
    assertEquals([0, 1, 2, 2].map((chunk) => claimed.claimHeaderPage(chunk)), [
      false,
      false,
      true,
      false,
    ]);
    const found = new Uint8Array(2);
    file.readAt(found, 0, 2, 2 * 256 * 8192);
    assertEquals([...found, file.used], [1, 0, PAGE_BLOCKS]);
  });

  it("forgets what was cut off", () => {
    const { claimed } = claims(1000, 600);
    claimed.claim(600, 10);
    claimed.cutAt(605);
    assertEquals([claimed.has(604), claimed.has(605)], [true, false]);
    assertEquals(claimed.claimHeaderPage(2), false);
    claimed.cutAt(512);
    assert(claimed.claimHeaderPage(2));
    assert(!claimed.has(604));
  });

  it("knows none of what a full disk refused, and does not latch", () => {
    const { disk, claimed } = claims(3);
    assertThrows(() => claimed.claim(10, 2), IoError, "no space left");
    assertEquals([claimed.has(10), claimed.has(11), disk.failure], [false, false, undefined]);
    claimed.claim(10, 1);
    assert(claimed.has(10));
  });
});
