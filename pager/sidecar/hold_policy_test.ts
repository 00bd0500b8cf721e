// What a holder of the write lock does for others that wait for it.

import { assert, assertEquals } from "@std/assert";
import { beforeEach, describe, it } from "@std/testing/bdd";
import { HoldPolicy } from "./hold_policy.ts";

/** Longer than the gap that a hold may have, in milliseconds. */
const LONG_MS = 3;

let now = 0;
let policy: HoldPolicy;

beforeEach(() => {
  policy = new HoldPolicy({ isContended: true, isInTurn: true }, () => now);
  policy.noteSync(0.1);
});

/** Lets a hold have a gap behind a commit. */
function gap(ms: number): void {
  policy.noteKept();
  now += ms;
  policy.noteGap();
}

/** The commits that do not keep the lock. */
function unkept(): number {
  let count = 0;
  while (!policy.noteCommit()) count++;
  return count;
}

describe("the policy of a hold", () => {
  it("keeps the lock between commits, and waits for the medium with it", () => {
    gap(0);
    assertEquals([policy.waits, unkept()], [true, 0]);
  });

  it("does not wait for a long sync while others wait", () => {
    for (let i = 0; i < 100; i++) policy.noteSync(9);
    assert(!policy.waits);
    assert(new HoldPolicy({ isContended: false, isInTurn: false }).waits);
  });

  it("keeps the lock for fewer commits, the more often it computes with it", () => {
    const found: number[] = [];
    for (let i = 0; i < 8; i++) {
      for (let short = 0; short < 5; short++) gap(0);
      gap(LONG_MS);
      assert(!policy.waits);
      found.push(unkept());
    }
    assertEquals(found, [1, 2, 4, 8, 16, 32, 64, 64]);
  });

  it("forgives a process that was only stopped for once", () => {
    for (let i = 0; i < 20; i++) {
      for (let short = 0; short < 40; short++) gap(0);
      gap(LONG_MS);
      assertEquals(unkept(), 1);
    }
  });
});
