/**
 * The counts that the soak reads from the output of its parts, and the list of its parts.
 */

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { add, commandOf, figuresIn, figuresOf, type Part, PARTS } from "./soak_parts.ts";

const partOf = (name: string): Part => PARTS.find((part) => part.name === name)!;

describe("figuresIn()", () => {
  it("reads those of an object, and those beside it", () => {
    const line = 'power cuts, whole: {"cuts":129,"images":562}, 14 s';
    assertEquals(figuresIn(line), { lines: 1, cuts: 129, images: 562, s: 14 });
  });

  it("names each number by the words after it, or by the label", () => {
    assertEquals(figuresIn("kill -9: 200 processes, 193 had opened, 8001 commits"), {
      lines: 1,
      processes: 200,
      "had opened": 193,
      commits: 8001,
    });
    assertEquals(figuresIn("flips in pages: 1170, of which 33 were refused"), {
      lines: 1,
      "flips in pages": 1170,
      "were refused": 33,
    });
  });

  it("reads none from the label, and no seed", () => {
    assertEquals(figuresIn("random files: 12, from seed 345"), { lines: 1, "random files": 12 });
    assertEquals(figuresIn("seed 7 on disk: 100 operations"), { lines: 1, operations: 100 });
  });
});

describe("figuresOf()", () => {
  it("sums the lines of the part, and leaves out all others", () => {
    const output = 'seed 7 on disk: 100 operations, 9 pages, {"set":1}\n' +
      "seed 8: 5 operations\nseed 8 in memory: 200 operations, 9 pages\n";
    assertEquals(figuresOf(partOf("model"), output), { operations: 300 });
  });

  it("counts lines where each is one thing that was caught", () => {
    const output = "  are caught: wal (a rule) ... ok (3ms)\n" +
      "  are caught: sync (a rule) ... FAILED (3ms)\n  are not found where ... ok (2s)\n";
    assertEquals(figuresOf(partOf("planted bugs"), output)["lines"], 2);
  });
});

describe("add()", () => {
  it("adds to existing counts, and starts new ones", () => {
    const sum = { a: 1 };
    add(sum, { a: 2, b: 3 });
    assertEquals(sum, { a: 3, b: 3 } as typeof sum);
  });
});

describe("the parts of the soak", () => {
  it("have distinct names, and a time", () => {
    assertEquals(new Set(PARTS.map(({ name }) => name)).size, PARTS.length);
    for (const { name, minutes } of PARTS) assert(minutes > 0, name);
  });

  it("can be repeated by the printed command", () => {
    const command = "QUIRE_KILLS=1000 QUIRE_SEED=7 deno test -A tests/crash/kill_test.ts";
    assertEquals(commandOf(partOf("kill -9"), 7), command);
    const unseeded = "QUIRE_FUZZ_SECONDS=240 deno test -A tests/hostile/hostile_fuzz_test.ts";
    assertEquals(commandOf(partOf("hostile files, fuzzed"), 7), unseeded);
  });
});
