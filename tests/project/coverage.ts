/**
 * Measures how much of the engine the tests reach, by branch, function and line: `deno task
 * coverage`.
 *
 * Runs the unit tests and those whole-engine tests that take seconds, without the power cuts, kills
 * and random models, which run the same code many times. `--files` prints each file, `--missed` the
 * line of each branch that was never taken.
 */

import { parseArgs } from "node:util";
import { fromFileUrl } from "@std/path";
import { type Covered, parseLcov, shareOf, sumBy } from "./support/lcov.ts";

const TOP = fromFileUrl(new URL("../..", import.meta.url));
const LAYERS = ["pager", "alloc", "btree", "store", "kv"];
/** Whole-engine tests of code without unit tests of its own. */
const TESTS = [
  "hostile/bad_file",
  "crash/journal_damage",
  "model/lock",
  "hostile/salvage",
  "hostile/verify",
]
  .map((name) => `tests/${name}_test.ts`);
const TEST = ["test", "-A", "--no-check", "--parallel"];

const { values: options } = parseArgs({
  options: { files: { type: "boolean" }, missed: { type: "boolean" } },
});

const dir = Deno.makeTempDirSync({ prefix: "quire-coverage-" });
try {
  const data = `${dir}/data`;
  const tests = await deno(...TEST, `--coverage=${data}`, ...LAYERS, ...TESTS);
  console.log(tests.split("\n").findLast((line) => line.includes("passed")) ?? tests);
  const include = `--include=^file://${TOP}(${LAYERS.join("|")})/`;
  const lcov = await deno("coverage", "--lcov", include, "--exclude=_test\\.ts$", data);
  print(parseLcov(lcov, TOP).filter(({ file }) => !file.endsWith("_test.ts")));
} finally {
  Deno.removeSync(dir, { recursive: true });
}

/** Runs Deno, and returns its output. If it fails, this process fails at its end, too. */
async function deno(...args: string[]): Promise<string> {
  const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: TOP,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const output = new TextDecoder().decode(stdout);
  if (success) return output;
  console.error(output + new TextDecoder().decode(stderr));
  Deno.exitCode = 1;
  return output;
}

function print(files: readonly Covered[]): void {
  const folders = sumBy(files, ({ file }) => file.replace(/\/[^/]*$/, "/"));
  const all = sumBy(files, () => "all");
  console.log(row("", "branches", "functions", "lines"));
  for (const covered of [...folders, ...all]) printOne(covered);
  if (options.files) files.toSorted((a, b) => a.file < b.file ? -1 : 1).forEach(printOne);
  if (!options.missed) return;
  for (const { file, missed } of files) {
    if (missed.length > 0) console.log(`${file}: ${missed.join(" ")}`);
  }
}

function printOne({ file, branches, functions, lines }: Covered): void {
  console.log(row(file, ...[branches, functions, lines].map(shareOf)));
}

function row(name: string, ...cells: string[]): string {
  return name.padEnd(28) + cells.map((cell) => cell.padStart(22)).join("");
}
