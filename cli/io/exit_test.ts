/**
 * How the program ends after what the system refuses: the line says the action and where.
 */

import { assertEquals, assertMatch, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { IoError } from "../../mod.ts";
import { failureOf, messageOf, withAction, withPath } from "./exit.ts";

describe("withAction()", () => {
  it("names the action and where, in the words of the program", () => {
    const error = Object.assign(new Error("No space left on device (os error 28): open 'x'"), {
      code: "ENOSPC",
    });
    assertEquals(failureOf(withAction("write to x", error)), {
      exitCode: 3,
      line: "Cannot write to x: no space left on device; make room on the disk, and try again",
    });
    const ofNode = Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
    assertEquals(
      failureOf(withAction("write to x", ofNode)).line,
      "Cannot write to x: no space left on device; make room on the disk, and try again",
    );
  });

  it("leaves what is not the system's, and permissions of Deno's", () => {
    for (const error of [new TypeError("x"), new Deno.errors.NotCapable("Requires read access")]) {
      assertStrictEquals(withAction("read x", error), error);
    }
  });
});

describe("withPath()", () => {
  it("names the file where the engine does not", () => {
    const error = new IoError("Cannot sync: No space left on device (os error 28)");
    assertEquals(
      failureOf(withPath("db.quire", error)).line,
      "Cannot use db.quire: cannot sync: No space left on device (os error 28); " +
        "make room on the disk, and try again",
    );
    const named = new IoError("Cannot open db.quire: no such file");
    assertStrictEquals(withPath("db.quire", named), named);
    const ofAnother = new IoError("Cannot create copy.quire: it already exists");
    assertStrictEquals(withPath("db.quire", ofAnother), ofAnother);
    for (
      const object of ["write 8192 bytes at byte 0", "read page 7", "get the size of the file"]
    ) {
      const wrapped = withPath("db.quire", new IoError(`Cannot ${object}: Input/output error`));
      assertMatch(messageOf(wrapped), /^Cannot use db.quire: cannot /);
    }
    const other = new Error("x");
    assertStrictEquals(withPath("db.quire", other), other);
  });
});
