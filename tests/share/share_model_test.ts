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
import { FOUND_SEEDS, FOUND_SEEDS_WHOLE, NOT_SHOWN } from "./support/found_seeds.ts";
import { RULE_NAMES } from "./support/rules.ts";

const RUNS = Number(Deno.env.get("QUIRE_SHARE") ?? 500);
const NO_RULES = parseRules("none");

describe("the protocol of sharing", () => {
  for (const isWhole of [false, true]) {
    const how = isWhole ? ", placing all pages at once" : "";
    it(`breaks no promise in any interleaving${how}`, () => {
      const { fault, seed, counts } = hunt(RUNS, TURN, NO_RULES, isWhole);
      const trace = fault === undefined ? [] : traceOf(seed, NO_RULES, isWhole);
      assertEquals(fault, undefined, `QUIRE_SEED=${seed}: ${trace.join("\n")}`);
      const all = { interleavings: RUNS, isWhole, ...counts };
      console.log(`sharing, seed ${TURN}: ${JSON.stringify(all)}`);
    });
  }

  for (const isWhole of [false, true]) {
    for (const [rules, seed] of Object.entries(isWhole ? FOUND_SEEDS_WHOLE : FOUND_SEEDS)) {
      it(`needs ${rules.replace("+", " or ")}`, () => {
        const off = parseRules(rules);
        const mode = isWhole ? " SEED whole" : "";
        const how = `find another seed: deno run -A tests/share/hunt.ts 100000 ${rules}${mode}`;
        assert(faultOf(seed, off, { isWhole }) !== undefined, `seed ${seed} shows nothing; ${how}`);
        const without = off.size > 1 ? [...off] : ["none"];
        for (const names of without) {
          const fault = faultOf(seed, parseRules(names), { isWhole });
          assertEquals(fault, undefined, `without ${names}; ${how}`);
        }
      });
    }
  }

  it("shows each of its rules, or says why not", () => {
    const all = [...Object.keys(FOUND_SEEDS), ...Object.keys(FOUND_SEEDS_WHOLE)];
    const shown = new Set(all.flatMap((rules) => [...parseRules(rules)]));
    const silent = RULE_NAMES.filter((rule) => !shown.has(rule));
    assertEquals(silent, RULE_NAMES.filter((rule) => NOT_SHOWN[rule] !== undefined));
  });
});
