/**
 * Power cuts: whatever a power cut leaves of a file opens in a committed state, and no acknowledged
 * commit is lost.
 *
 * QUIRE_CRASH=N makes N times as many images of each cut, and runs N times as many random
 * workloads.
 */

import { assertEquals, assertGreater, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Garbage } from "../support/files/crash_images.ts";
import { replay } from "./crash_replay.ts";
import { crash, CrashFailure, sumOf } from "./support/crash_driver.ts";
import { crashSuite } from "./support/crash_suite.ts";
import { type Flaw, logEngine } from "./support/log_engine.ts";
import { WORKLOADS } from "./support/workloads.ts";

crashSuite("whole");

describe("crash()", () => {
  const names = ["levels", "groups", "rollback", "drop", "reopen", "random"];
  const crashAll = (flaw?: Flaw, garbage: Garbage = "none") => {
    return names.map((name) => {
      const { make, limit } = WORKLOADS[name]!;
      return crash(logEngine(flaw), make(1, {}), { name, seed: 1, limit, garbage });
    });
  };

  it("finds nothing in an engine that survives power cuts", () => {
    for (const garbage of ["none", "any"] as const) {
      const sum = sumOf(crashAll(undefined, garbage));
      assertGreater(sum.distinct, 500);
      assertGreater(sum.nested, 20);
      assertGreater(sum.kills, 2);
    }
  });

  for (const flaw of ["sync", "checksum", "chain", "resync", "delete"] as const) {
    it(`finds an engine without ${flaw}`, () => {
      assertThrows(() => crashAll(flaw), Error, `log without ${flaw}`);
    });
  }

  it("prints the arguments that repeat a failure", () => {
    const failure = failureOf(() => crashAll("chain"));
    const [, command] = /crash_replay\.ts (.*) --out/.exec(failure.message)!;
    const args = ["--engine", "log-chain", ...command!.split(" ")];
    const again = failureOf(() => replay(args));
    assertEquals(again.message, failure.message);
    assertEquals(again.content.hash(), failure.content.hash());
  });
});

function failureOf(body: () => unknown): CrashFailure {
  try {
    body();
  } catch (error) {
    if (error instanceof CrashFailure) return error;
    throw error;
  }
  throw new Error("nothing failed");
}
