/**
 * Hostile files: every row of the table in `support/hostile_rows.ts`, with wrong and with forged
 * sums, opened read-only and writable, through open, get, scan, set, delete, verify, salvage and
 * close.
 *
 * No wrong data without an error, except where a row says that it cannot be detected; no untyped
 * error; no step of more than a second; at most 64 MiB of memory beyond the cache; and no byte
 * changed by a read-only open.
 *
 * A run takes every third row, other runs the others. QUIRE_FULL=1 takes all.
 */

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import { HANG_MS } from "../support/programs/hang.ts";
import { linesOf } from "../support/programs/program.ts";
import { inTempDir } from "../support/temp.ts";
import { isInTurn } from "../support/turn.ts";
import type { Line } from "./support/hostile_child.ts";
import { ELSEWHERE, ROWS } from "./support/hostile_rows.ts";

/** Points in the list of attacks. */
const POINTS = 72;
const EVERY = Deno.env.get("QUIRE_FULL") === "1" ? 1 : 3;
const TAKEN = ROWS.filter((_, index) => isInTurn(index, EVERY));

const CHILD = fromFileUrl(new URL("support/hostile_child.ts", import.meta.url));
const TOP = fromFileUrl(new URL("../..", import.meta.url));

/** The results of the rows, by name and sums, and the row that the process did not survive. */
async function runChild(dir: string): Promise<{ lines: Line[]; died: string | undefined }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--quiet",
      "--no-check",
      "--v8-flags=--expose-gc",
      CHILD,
      dir,
      ...TAKEN.map(({ name }) => name),
    ],
    cwd: TOP,
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const kill = () => child.kill("SIGKILL");
  let timer = setTimeout(kill, HANG_MS);
  const lines: Line[] = [];
  let running: string | undefined;
  for await (const text of linesOf(child.stdout)) {
    clearTimeout(timer);
    timer = setTimeout(kill, HANG_MS);
    const line: Line = JSON.parse(text);
    running = line.begins === undefined ? undefined : nameOf(line.begins, line.sealed);
    if (running === undefined) lines.push(line);
  }
  clearTimeout(timer);
  const { success } = await child.status;
  return { lines, died: success ? undefined : running ?? "at its end" };
}

function nameOf(name: string, sealed: boolean): string {
  return `${name}, ${sealed ? "sums that fit" : "sums that do not fit"}`;
}

describe("a hostile file", () => {
  let results: ReturnType<typeof runChild> | undefined;
  const run = () => results ??= inTempDir(runChild);

  it("neither hangs nor ends the process", async () => {
    const { lines, died } = await run();
    assertEquals(died, undefined);
    assertEquals(lines.length, 2 * TAKEN.length);
    const count = (what: string) => lines.filter(({ outcome }) => outcome.startsWith(what)).length;
    const most = Math.max(...lines.map(({ memory }) => memory)) / 1024 / 1024;
    console.log(
      `hostile files: ${lines.length}, of which ${count("refused")} were refused, ` +
        `${count("right")} right, ${count("wrong")} with data that only verify can tell from ` +
        `true, or nothing; at most ${Math.round(most)} MiB`,
    );
  });

  for (const { name } of TAKEN) {
    for (const sealed of [false, true]) {
      it(`is handled: ${nameOf(name, sealed)}`, async () => {
        const { lines } = await run();
        const line = lines.find((line) => line.name === name && line.sealed === sealed);
        if (line === undefined) throw new Error("it was not reached");
        assertEquals(line.complaints, [], line.outcome);
      });
    }
  }
});

describe("the table of hostile files", () => {
  it("has each row once, and rows of each point of the list of attacks", () => {
    assertEquals(new Set(ROWS.map(({ name }) => name)).size, ROWS.length);
    const covered = new Set(ROWS.flatMap(({ points }) => points));
    const missing: number[] = [];
    for (let point = 1; point <= POINTS; point++) {
      if (!covered.has(point) && !(point in ELSEWHERE)) missing.push(point);
    }
    assertEquals(missing, []);
  });

  it("expects wrong data only where sums fit", () => {
    for (const { name, unsealed } of ROWS) {
      const isGuarded = typeof unsealed === "number" ||
        ["right", "refused"].includes(unsealed);
      assert(isGuarded, name);
    }
  });
});
