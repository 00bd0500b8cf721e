/**
 * Runs all tests: `deno task test`. With arguments it is `deno test -A` with these arguments.
 *
 * Groups of files run in separate processes, as many at a time as there are processors, the longest
 * groups first. `deno test --parallel` would run files in one process: they would share the current
 * directory, environment and memory, and a program started by one would briefly hold the locks of
 * the others' files.
 *
 * The output of a group is printed when it ends. The last line summarises all of them in the format
 * of `deno test`.
 */

import { fromFileUrl } from "@std/path";
import { closingLine, type Outcome, outcomeIn, sumOutcomes } from "./support/closing_line.ts";

const TOP = fromFileUrl(new URL("../..", import.meta.url));
/** The folders whose files take longest come first; all others come last. */
const ROOMS = [
  "tests/crash/",
  "tests/planted/",
  "tests/security/",
  "tests/model/",
  "tests/hostile/",
  "tests/project/",
  "tests/cli/",
];
const GROUP_FILES_MAX = 4;
const LANES_MAX = 4;

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

/** The files of each room in small groups, the longest rooms first; others by layer. */
function groupsOf(tests: readonly string[]): string[][] {
  const isIn = (room: string) => tests.filter((path) => path.startsWith(room));
  const inRooms = ROOMS.flatMap((room) => smallGroups(isIn(room)));
  const others = tests.filter((path) => !ROOMS.some((room) => path.startsWith(room)));
  const byLayer = Map.groupBy(others, (path) => path.split("/")[0]);
  return [...inRooms, ...byLayer.values()];
}

function smallGroups(paths: readonly string[]): string[][] {
  const length = Math.ceil(paths.length / GROUP_FILES_MAX);
  const groups = Array.from({ length }, (): string[] => []);
  // Distributed, so that long neighbours are in different groups.
  paths.forEach((path, at) => groups[at % length]!.push(path));
  return groups;
}

/** Runs a group, prints its output, and returns its outcome. */
async function run(paths: readonly string[]): Promise<Outcome | undefined> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", ...paths],
    cwd: TOP,
    env: { NO_COLOR: "1" }, // because the closing line is parsed
    stdin: "null",
  }).output();
  Deno.stderr.writeSync(stderr);
  Deno.stdout.writeSync(stdout);
  const outcome = outcomeIn(new TextDecoder().decode(stdout));
  const saysFailed = outcome !== undefined && closingLine(outcome, 0).startsWith("FAILED");
  if (!success && !saysFailed) console.log(`a run that died: ${paths.join(" ")}`);
  return success || saysFailed ? outcome : undefined;
}

/** Runs all files. Returns whether none failed. */
async function runAll(): Promise<boolean> {
  const begin = performance.now();
  const groups = groupsOf(testsIn(""));
  const { length } = groups;
  const outcomes: (Outcome | undefined)[] = [];
  const runLane = async () => {
    for (let group = groups.shift(); group !== undefined; group = groups.shift()) {
      outcomes.push(await run(group));
    }
  };
  const lanes = Math.min(navigator.hardwareConcurrency, LANES_MAX);
  await Promise.all(Array.from({ length: lanes }, runLane));
  console.log(`\nall tests: ${length} groups of files, ${lanes} at a time`);
  const line = closingLine(sumOutcomes(outcomes), (performance.now() - begin) / 1000);
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
