/**
 * The history of the shell: its path, its permissions, and the lines that it omits.
 */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { inTempDir } from "../../tests/support/temp.ts";
import { History } from "./history.ts";

/** Runs a function with other environment variables. */
function withVariables(variables: Record<string, string>, body: () => void): void {
  const before = Object.keys(variables).map((name) => [name, Deno.env.get(name)] as const);
  for (const [name, value] of Object.entries(variables)) Deno.env.set(name, value);
  try {
    body();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) Deno.env.delete(name);
      else Deno.env.set(name, value);
    }
  }
}

function modeOf(path: string): string {
  return (Deno.statSync(path).mode! & 0o777).toString(8);
}

describe("History", () => {
  it("is the user's alone, also where it was not", () =>
    inTempDir((dir) => {
      withVariables({ XDG_STATE_HOME: `${dir}/state`, HOME: dir }, () => {
        new History().add("count a");
        const folder = `${dir}/state/quire`;
        assertEquals([modeOf(folder), modeOf(`${folder}/history`)], ["700", "600"]);
        Deno.chmodSync(folder, 0o755);
        Deno.chmodSync(`${folder}/history`, 0o644);
        new History().add("count b");
        assertEquals([modeOf(folder), modeOf(`${folder}/history`)], ["700", "600"]);
        assertEquals(new History().newestFirst(), ["count b", "count a"]);
      });
    }));

  it("is not where a relative path says", () =>
    inTempDir((dir) => {
      withVariables({ XDG_STATE_HOME: "quire-relative-state", HOME: dir }, () => {
        new History().add("count a");
        assertEquals(Deno.readTextFileSync(`${dir}/.local/state/quire/history`), "count a\n");
      });
      withVariables({ XDG_STATE_HOME: "", HOME: "quire-relative-home" }, () => {
        new History().add("count a");
      });
      const names = [...Deno.readDirSync(".")].map(({ name }) => name);
      assertEquals(names.filter((name) => name.startsWith("quire-relative")), []);
    }));

  it("has no lines that begin with a blank, and reads none with control characters", () =>
    inTempDir((dir) => {
      withVariables({ XDG_STATE_HOME: dir, HOME: dir }, () => {
        const history = new History();
        for (const line of [" count a", "\tcount b", "", "count c", "count c"]) history.add(line);
        const path = `${dir}/quire/history`;
        assertEquals(Deno.readTextFileSync(path), "count c\n");
        Deno.writeTextFileSync(path, "count \x1b[2J\ncount \u009b2J\ncount d\n");
        assertEquals(new History().newestFirst(), ["count d"]);
      });
    }));
});
