/**
 * The protocol of `docs/sharing.md`, interleaved at every I/O call: no promise is broken, and each
 * rule is needed. Turning a rule off breaks a promise, at a seed that `support/found_seeds.ts`
 * names.
 *
 * The run here is a sample; `QUIRE_SHARE=N` runs N interleavings, `QUIRE_SEED` chooses others.
 */

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { TURN } from "../support/turn.ts";
import { faultOf, hunt, parseRules, traceOf } from "./hunt.ts";
import type { Mode } from "./interleaving.ts";
import { FOUND_SEEDS, NOT_SHOWN } from "./support/found_seeds.ts";
import { RULE_NAMES } from "./support/rules.ts";

const RUNS = Number(Deno.env.get("QUIRE_SHARE") ?? 500);
const MODES: readonly Mode[] = ["sliced", "whole", "noted"];
const NO_RULES = parseRules("none");

describe("the protocol of sharing", () => {
  for (const mode of MODES) {
    it(`breaks no promise in any interleaving, ${mode}`, () => {
      const { fault, seed, counts } = hunt(RUNS, TURN, NO_RULES, mode);
      const trace = fault === undefined ? [] : traceOf(seed, NO_RULES, mode);
      assertEquals(fault, undefined, `QUIRE_SEED=${seed}: ${trace.join("\n")}`);
      const all = { interleavings: RUNS, mode, ...counts };
      console.log(`sharing, seed ${TURN}: ${JSON.stringify(all)}`);
    });
  }

  for (const mode of MODES) {
    for (const [rules, seed] of Object.entries(FOUND_SEEDS[mode])) {
      it(`needs ${rules.replace("+", " or ")}`, () => {
        const off = parseRules(rules);
        const how = `find another: deno run -A tests/share/hunt.ts 100000 ${rules} SEED ${mode}`;
        assert(faultOf(seed, off, { mode }) !== undefined, `seed ${seed} shows nothing; ${how}`);
        const without = off.size > 1 ? [...off] : ["none"];
        for (const names of without) {
          const fault = faultOf(seed, parseRules(names), { mode });
          assertEquals(fault, undefined, `without ${names}; ${how}`);
        }
      });
    }
  }

  it("shows each of its rules, or says why not", () => {
    const all = MODES.flatMap((mode) => Object.keys(FOUND_SEEDS[mode]));
    const shown = new Set(all.flatMap((rules) => [...parseRules(rules)]));
    const silent = RULE_NAMES.filter((rule) => !shown.has(rule));
    assertEquals(silent, RULE_NAMES.filter((rule) => NOT_SHOWN[rule] !== undefined));
  });
});
