/** The options of the server bench: defaults, lists, and what is refused. */

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { UsageError } from "../measure/options.ts";
import { SERVER_ENGINES } from "./no_engine.ts";
import { PARTS, planOf, USAGE } from "./plan.ts";

describe("planOf()", () => {
  it("runs everything by default", () => {
    const plan = planOf([])!;
    assertEquals([plan.parts, plan.engines], [PARTS, SERVER_ENGINES]);
    assertEquals(plan.connections, [1, 16, 64, 256]);
    assertEquals(plan.writePercents, [100, 50, 5]);
    assertEquals(plan.syncMs, [0, 1, 5]);
    assertEquals([plan.rounds, plan.seconds, plan.requests], [3, 2, 100_000]);
    assertEquals([plan.entries, plan.largeEntries], [20_000, 1_000_000]);
    assertEquals([plan.clients, plan.sets], [64, 10_000]);
    assertEquals([plan.json, plan.chart], [undefined, undefined]);
  });

  it("takes lists in the bench's own order, each value once", () => {
    const plan = planOf(
      ["--engines=Deno KV,Quire", "--only", "small,server", "--connections", "16,1,16"],
    )!;
    assertEquals(plan.engines, ["Quire", "Deno KV"]);
    assertEquals(plan.parts, ["server", "small"]);
    assertEquals(plan.connections, [16, 1]);
  });

  it("keeps a given number with --quick", () => {
    const { rounds, seconds } = planOf(["--quick", "--rounds", "2"])!;
    assertEquals([rounds, seconds], [2, 0.3]);
  });

  it("has no plan for --help, whose text has every option", () => {
    assertEquals(planOf(["--help", "--rounds", "many"]), undefined);
    const source = Deno.readTextFileSync(new URL("./plan.ts", import.meta.url));
    const [, table] = /const OPTIONS = \{([^]*?)\n\} as const/.exec(source)!;
    const names = [...table!.matchAll(/^ {2}"?([\w-]+)"?:/gm)].map(([, name]) => name!);
    assertEquals(names.filter((name) => !USAGE.includes(`  --${name} `)), []);
  });

  for (
    const [args, message] of [
      [["--speed"], "Cannot read the options: Unknown option '--speed'"],
      [["server"], "Cannot read the options: Unexpected argument 'server'"],
      [["--engines", "sqlite"], `Cannot use --engines: "sqlite" is none of Quire, lmdb-js`],
      [["--only", ""], `Cannot use --only: "" is none of server, clients`],
      [["--rounds", "0"], `Cannot use --rounds: "0" is not a whole number from 1 to 25`],
      [["--rounds", "1.5"], `Cannot use --rounds: "1.5" is not a whole number from 1 to 25`],
      [["--seconds", "1e3"], `Cannot use --seconds: "1e3" is not a number from 0.05 to 60`],
      [["--connections", "1,"], `Cannot use --connections: "" is not a whole number from 1`],
      [["--connections", "1,x"], `Cannot use --connections: "x" is not a whole number`],
      [["--writes", "101"], `Cannot use --writes: "101" is not a whole number from 0 to 100`],
      [["--sync-ms=-1"], `Cannot use --sync-ms: "-1" is not a number from 0 to 100`],
    ] as const
  ) {
    it(`refuses ${args.join(" ")}`, () => {
      assertThrows(() => planOf(args), UsageError, message);
    });
  }
});
