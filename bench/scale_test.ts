/**
 * The scale bench as a program: the smallest run, and what it leaves behind.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import { inTempDir } from "../tests/support/temp.ts";
import type { ScaleResults } from "./scale/results.ts";

const PROGRAM = fromFileUrl(new URL("./scale.ts", import.meta.url));
const CONFIG = fromFileUrl(new URL("./deno.json", import.meta.url));
const LEAST = ["--engines", "Quire", "--entries", "3000", "--rounds", "0", "--pause", "1"];

async function run(dir: string, args: readonly string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "-q", "--no-check", "--config", CONFIG, PROGRAM, ...args],
    env: { TMPDIR: dir, NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

describe("bench:scale", () => {
  it("prints tables, writes series and a chart, and leaves no database behind", () =>
    inTempDir(async (dir) => {
      const [json, chart] = [`${dir}/scale.json`, `${dir}/scale.svg`];
      const only = ["--only", "grow,sets,day"];
      const { code, out, err } = await run(dir, [
        ...LEAST,
        ...only,
        "--json",
        json,
        "--chart",
        chart,
      ]);
      assertEquals([code, err], [0, ""]);
      assertStringIncludes(out, "open after a kill");
      const { results }: ScaleResults = JSON.parse(Deno.readTextFileSync(json));
      const { points, opening } = results["grow"]!["Quire"]!;
      assertEquals([points[0]!.closed, points.at(-1)!.done], [false, 1]);
      assert(opening!.closedBytes > 3000 * 76 && opening!.openMs > 0);
      assertEquals(results["day"]!["Quire"]!.points.at(-1)!.closed, true);
      const drawn = Deno.readTextFileSync(chart);
      assertEquals([drawn.match(/<polyline /g)?.length, drawn.includes("NaN")], [12, false]);
      const left = [...Deno.readDirSync(dir)].map(({ name }) => name).sort();
      assertEquals(left, ["scale.json", "scale.svg"]);
    }));

  it("refuses trials that do not exist", () =>
    inTempDir(async (dir) => {
      const { code, err } = await run(dir, ["--only", "none"]);
      assertEquals([code, err], [
        2,
        'Cannot use --only: "none" is none of grow, sets, large, middle, medium, series, ' +
        "removed, index, dropped, buffered, day\n--help lists the options.\n",
      ]);
    }));
});
