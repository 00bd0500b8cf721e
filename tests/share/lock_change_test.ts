/**
 * The system's locks, as `docs/sharing.md` relies on them: a change of a lock is two changes.
 */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { inTempDir } from "../support/temp.ts";

describe("a lock of a whole file", () => {
  const options = { read: true, write: true, create: true };

  it("is gone after an upgrade that failed", () => {
    inTempDir((dir) => {
      using first = Deno.openSync(`${dir}/lock`, options);
      using second = Deno.openSync(`${dir}/lock`, options);
      assertEquals(first.tryLockSync(false), true);
      assertEquals(second.tryLockSync(false), true);
      assertEquals(first.tryLockSync(true), false);
      assertEquals(second.tryLockSync(true), true);
      assertEquals(first.tryLockSync(false), false);
    });
  });

  it("keeps others out, and lets them in when its descriptor is closed", () => {
    inTempDir((dir) => {
      using second = Deno.openSync(`${dir}/lock`, options);
      {
        using first = Deno.openSync(`${dir}/lock`, options);
        assertEquals(first.tryLockSync(true), true);
        assertEquals(second.tryLockSync(false), false);
      }
      assertEquals(second.tryLockSync(true), true);
    });
  });
});
