/** The library that slows syncs, where it can be compiled. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { inTempDir } from "../../../tests/support/temp.ts";
import { compileSlowSyncs, slowEnvironment } from "./slow_syncs.ts";

const { signal } = new AbortController();

describe("compileSlowSyncs()", { skip: Deno.build.os !== "linux" }, () => {
  it("says that there is no compiler", () =>
    inTempDir(async (dir) => {
      const slow = await compileSlowSyncs(dir, signal, "no-such-compiler");
      assertEquals(slow, { absent: "there is no compiler, no-such-compiler" });
    }));

  it("says that the compiler failed", () =>
    inTempDir(async (dir) => {
      const slow = await compileSlowSyncs(dir, signal, "false");
      assertEquals(slow, { absent: "false failed: " });
    }));

  it("compiles the library, or leaves nothing", () =>
    inTempDir(async (dir) => {
      const slow = await compileSlowSyncs(dir, signal);
      const made = [...Deno.readDirSync(dir)].map(({ name }) => name);
      assertEquals(made, "library" in slow ? ["slow_syncs.so"] : []);
    }));
});

describe("slowEnvironment()", () => {
  it("is in microseconds", () => {
    assertEquals(slowEnvironment("a.so", 1.5), { LD_PRELOAD: "a.so", SLOW_US: "1500" });
  });
});
