/**
 * Runs all tests: `deno task test`. With arguments it is `deno test -A` with these.
 *
 * `deno test --parallel` runs several files in one process. A file that changes or measures that
 * process, by its current directory, environment, descriptors or memory, disturbs the others and is
 * disturbed by them: such files run one after another, once the rest is done. They are found by
 * what they call.
 *
 * The last line closes both runs in the words of `deno test`.
 */

import { fromFileUrl } from "@std/path";
import { closingLine, type Outcome, outcomeIn, sumOutcomes } from "./support/closing_line.ts";

const TOP = fromFileUrl(new URL("../..", import.meta.url));
const SHARES_PROCESS =
  /Deno\.(chdir|umask|memoryUsage|env\.(set|delete))\(|\/proc\/self\/|Deno\.exitCode/;

/** The test files below a folder, from the top of the project. */
function testsIn(folder: string): string[] {
  const paths: string[] = [];
  for (const { name, isDirectory } of Deno.readDirSync(TOP + folder)) {
    const path = `${folder}${name}`;
    if (name.startsWith(".") || name === "node_modules") continue;
    if (isDirectory) paths.push(...testsIn(`${path}/`));
    else if (name.endsWith("_test.ts")) paths.push(path);
  }
  return paths.sort();
}

/** Runs some files, shows what they print, and returns how they ended. */
async function run(args: readonly string[]): Promise<Outcome | undefined> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", ...args],
    cwd: TOP,
    stdin: "null",
    stdout: "piped",
  }).spawn();
  let output = "";
  const decoder = new TextDecoder();
  for await (const bytes of child.stdout) {
    Deno.stdout.writeSync(bytes);
    // The closing line is short, and only lines that are shorter follow it.
    output = (output + decoder.decode(bytes, { stream: true })).slice(-10_000);
  }
  const { success } = await child.status;
  const outcome = outcomeIn(output);
  const saysFailed = outcome !== undefined && closingLine(outcome, 0).startsWith("FAILED");
  return success || saysFailed ? outcome : undefined;
}

/** Runs all files, and says whether none failed. */
async function runAll(): Promise<boolean> {
  const begin = performance.now();
  const tests = testsIn("");
  const isAlone = (path: string) => SHARES_PROCESS.test(Deno.readTextFileSync(TOP + path));
  const alone = tests.filter(isAlone);
  const beside = tests.filter((path) => !alone.includes(path));
  const outcomes = [await run(["--parallel", ...beside]), await run(alone)];
  const sum = sumOutcomes(outcomes);
  console.log(`\nall tests: ${beside.length} files in parallel, ${alone.length} alone`);
  const line = closingLine(sum, (performance.now() - begin) / 1000);
  console.log(line);
  return line.startsWith("ok");
}

if (Deno.args.length === 0) {
  if (!await runAll()) Deno.exitCode = 1;
} else {
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", ...Deno.args],
  }).spawn().status;
  Deno.exitCode = code;
}
