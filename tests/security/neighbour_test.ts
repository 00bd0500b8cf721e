/**
 * Other users of the machine: a user with read permission can lock a file against its owner, and
 * nothing else.
 */

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { LockedError, open } from "../../mod.ts";
import { inTempDir } from "../support/temp.ts";

/** Holds the lock in its own process, which opens the file to read. */
const LOCKER = ["--exclusive", "--no-fork"];

const skip = hasLocker() ? false : "flock is not installed";

function hasLocker(): boolean {
  try {
    return new Deno.Command("flock", { args: ["--version"] }).outputSync().success;
  } catch {
    return false;
  }
}

describe("security: another user who can read the file", { skip }, () => {
  it("keeps its owner from opening it while holding its lock, and changes nothing", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/db.quire`;
      {
        using db = open(path);
        await db.tree("a").set("key", new Uint8Array([1]));
      }
      const before = Deno.readFileSync(path);
      const locker = new Deno.Command("flock", {
        args: [...LOCKER, path, "sh", "-c", "echo locked; exec cat"],
        stdin: "piped",
        stdout: "piped",
      }).spawn();
      const output = locker.stdout.getReader();
      assertEquals(new TextDecoder().decode((await output.read()).value), "locked\n");
      assertThrows(() => open(path), LockedError);
      assertThrows(() => open(path, { readOnly: true }), LockedError);
      output.releaseLock();
      await locker.stdin.close();
      await locker.output();
      assertEquals(Deno.readFileSync(path), before);
      using db = open(path);
      assertEquals(db.tree("a").get("key"), new Uint8Array([1]));
    }));
});
