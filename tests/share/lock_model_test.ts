/**
 * Every order of the steps in which processes open and close a file, with kills after each: no
 * handle writes beside one that relies on the file, and no older state is written back. Turning any
 * one rule off is found.
 */

import { assert, assertEquals, assertGreater } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  isDone,
  LOCK_RULES,
  LockModel,
  type LockRule,
  type LockState,
  newLockState,
} from "./support/lock_model.ts";

const KINDS = ["sharing", "sharing", "read-only", "exclusive"] as const;

/** Takes every order of steps and kills. Ends at the first fault. */
function search(off?: LockRule): { states: number; fault: string | undefined } {
  const seen = new Set<string>();
  for (const isOpen of [true, false]) seen.add(JSON.stringify(newLockState(KINDS, isOpen)));
  for (const key of seen) {
    const { actors, fault }: LockState = JSON.parse(key);
    if (fault !== "") return { states: seen.size, fault };
    actors.forEach((actor, id) => {
      if (isDone(actor)) return;
      for (const isKill of [false, true]) {
        const next: LockState = JSON.parse(key);
        const model = new LockModel(next, off);
        if (isKill) model.kill(id);
        else if (!model.advance(id)) continue;
        seen.add(JSON.stringify(next));
      }
    });
  }
  return { states: seen.size, fault: undefined };
}

describe("the locks of sharing", () => {
  it("keep handles apart in any order of steps", () => {
    const { states, fault } = search();
    assertEquals(fault, undefined);
    assertGreater(states, 1000);
    console.log(`lock model: ${states} states`);
  });

  for (const rule of LOCK_RULES) {
    it(`need every rule: ${rule}`, () => {
      assert(search(rule).fault !== undefined, "nothing is wrong without the rule");
    });
  }
});
