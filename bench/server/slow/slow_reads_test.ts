/** The library that slows reads, where it can be compiled. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { inTempDir } from "../../../tests/support/temp.ts";
import { compileSlowReads, slowReadEnvironment } from "./slow_reads.ts";

const { signal } = new AbortController();

describe("compileSlowReads()", { skip: Deno.build.os !== "linux" }, () => {
  it("compiles the library, or leaves nothing", () =>
    inTempDir(async (dir) => {
      const slow = await compileSlowReads(dir, signal);
      const made = [...Deno.readDirSync(dir)].map(({ name }) => name);
      assertEquals(made, "library" in slow ? ["slow_reads.so"] : []);
    }));
});

describe("slowReadEnvironment()", () => {
  it("is in microseconds", () => {
    const expected = { LD_PRELOAD: "a.so", SLOW_READ_US: "1500", SLOW_READ_FILE: "/b" };
    assertEquals(slowReadEnvironment("a.so", "/b", 1.5), expected);
  });
});
