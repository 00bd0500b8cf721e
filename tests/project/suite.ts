/**
 * Runs all tests: `deno task test`. With arguments it is `deno test -A` with these arguments.
 *
 * Groups of files run in separate processes, one more at a time than there are processors, because
 * some wait for the disk or a timer; the longest groups first, so that the processors are busy to
 * the end. `deno test --parallel` would run files in one process: they would share the current
 * directory, environment and memory, and a program started by one would briefly hold the locks of
 * the others' files.
 *
 * Most files of a group are imported by one file, so that they load the sources once, and not for a
 * second each.
 *
 * Types are not checked: `deno task check` checks those of the whole project.
 *
 * The output of a group is printed when it ends, below its files and what they cost, and the errors
 * of all groups again at the end. The last line summarises all of them in the format of
 * `deno test`.
 *
 * QUIRE_TURN=N repeats the random choices of the run that printed this turn.
 */

import { fromFileUrl, toFileUrl } from "@std/path";
import { TURN } from "../support/turn.ts";
import {
  closingLine,
  errorsIn,
  type Outcome,
  outcomeIn,
  sumOutcomes,
} from "./support/closing_line.ts";
import { runTimed, type TimedRun } from "./support/timed_run.ts";

const TOP = fromFileUrl(new URL("../..", import.meta.url));
/**
 * The files that take longest, the longest first. Each is a group of its own. Where nothing is
 * cached yet, that of S3 waits minutes for the packages of its server, and uses no processor.
 */
const LONGEST = [
  "s3/s3_store_test.ts",
  "tests/planted/planted_test.ts",
  "tests/crash/crash_test.ts",
  "tests/crash/crash_protect_test.ts",
];
/** The folders whose files take longest come first; all others come last. */
const ROOMS = [
  "tests/crash/",
  "tests/security/",
  "tests/model/",
  "tests/hostile/",
  "tests/project/",
  "tests/share/",
  "tests/kv/",
  "tests/level/",
  "tests/sql/",
  "tests/cli/",
];
/** Files whose rules are about everything that a test leaves. */
const APART = /sanitizer_test\.ts$/;
/**
 * Memory that is freed stays with the process, and comes in large pages: most tests open many
 * databases, one after the other, and each start of Deno touches ten thousand pages.
 */
const MEMORY = {
  MALLOC_TRIM_THRESHOLD_: "1073741824",
  MALLOC_MMAP_THRESHOLD_: "33554432",
  GLIBC_TUNABLES: "glibc.malloc.hugetlb=1",
};
const GROUP_FILES_MAX = 8;
/** Unit tests are shorter. */
const UNIT_FILES_MAX = 24;
const LANES_MAX = 5;

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

/** The longest files, then those of each room in small groups, then the others by layer. */
function groupsOf(tests: readonly string[]): string[][] {
  const shorter = tests.filter((path) => !LONGEST.includes(path));
  const isIn = (room: string) => shorter.filter((path) => path.startsWith(room));
  const inRooms = ROOMS.flatMap((room) => smallGroups(isIn(room), GROUP_FILES_MAX));
  const others = shorter.filter((path) => !ROOMS.some((room) => path.startsWith(room)));
  const byLayer = Map.groupBy(others, (path) => path.split("/")[0]);
  const units = [...byLayer.values()].flatMap((paths) => smallGroups(paths, UNIT_FILES_MAX));
  return [...LONGEST.map((path) => [path]), ...inRooms, ...units];
}

function smallGroups(paths: readonly string[], filesMax: number): string[][] {
  const length = Math.ceil(paths.length / filesMax);
  const groups = Array.from({ length }, (): string[] => []);
  // Distributed, so that long neighbours are in different groups.
  paths.forEach((path, at) => groups[at % length]!.push(path));
  return groups;
}

/** Runs Deno, and prints a heading, what it cost, and its output. */
async function deno(args: readonly string[], heading: string): Promise<TimedRun> {
  const run = await runTimed(Deno.execPath(), args, {
    cwd: TOP,
    // No colours, because the closing line is parsed.
    env: { ...MEMORY, NO_COLOR: "1", QUIRE_TURN: String(TURN) },
  });
  const [seconds, user, system] = [run.seconds, run.user, run.system].map((x) => x.toFixed(1));
  console.log(`${heading}\n== ${seconds} s; processor: user ${user} s, system ${system} s`);
  const encoder = new TextEncoder();
  Deno.stderr.writeSync(encoder.encode(run.err));
  Deno.stdout.writeSync(encoder.encode(run.out));
  return run;
}

/** The outcome of a group, or undefined if it ended without one, and the errors that it printed. */
interface GroupRun {
  readonly outcome: Outcome | undefined;
  readonly errors: string;
  /** Seconds of processor time, in the programs and the system. */
  readonly cost: number;
}

/** Runs a group of tests. */
async function runGroup(paths: readonly string[], dir: string): Promise<GroupRun> {
  const together = paths.filter((path) => !APART.test(path));
  const apart = paths.filter((path) => !together.includes(path));
  const files = together.length > 1 ? [asOneFile(together, dir), ...apart] : paths;
  const words = ["test", "-A", "--no-check", "--config", "deno.json", ...files];
  const { success, out, user, system } = await deno(words, `\n== ${paths.join(" ")}`);
  const cost = user + system;
  const outcome = outcomeIn(out);
  const saysFailed = outcome !== undefined && closingLine(outcome, 0).startsWith("FAILED");
  if (success || saysFailed) return { outcome, errors: errorsIn(out), cost };
  return { outcome: undefined, errors: `a run that died: ${paths.join(" ")}`, cost };
}

/** Writes a file that imports several. */
function asOneFile(paths: readonly string[], dir: string): string {
  const file = Deno.makeTempFileSync({ dir, suffix: "_test.ts" });
  const imports = paths.map((path) => `import "${toFileUrl(TOP + path)}";\n`);
  Deno.writeTextFileSync(file, imports.join(""));
  return file;
}

/** Runs all files. Returns whether none failed. */
async function runAll(): Promise<boolean> {
  const begin = performance.now();
  const groups = groupsOf(testsIn(""));
  const dir = Deno.makeTempDirSync({ prefix: "quire-tests-" });
  const runs = groups.map((group) => () => runGroup(group, dir));
  const { length } = runs;
  const ended: GroupRun[] = [];
  const runLane = async () => {
    for (let run = runs.shift(); run !== undefined; run = runs.shift()) {
      ended.push(await run());
    }
  };
  const lanes = Math.min(navigator.hardwareConcurrency + 1, LANES_MAX);
  await Promise.all(Array.from({ length: lanes }, runLane));
  Deno.removeSync(dir, { recursive: true });
  for (const { errors } of ended) if (errors !== "") console.log(`\nfailed: ${errors}`);
  const cost = Math.round(ended.reduce((sum, { cost }) => sum + cost, 0));
  const how = `${lanes} at a time, ${cost} s of processor time`;
  console.log(`\nall tests: ${length} runs, ${how}, QUIRE_TURN=${TURN}`);
  const outcome = sumOutcomes(ended.map(({ outcome }) => outcome));
  const line = closingLine(outcome, (performance.now() - begin) / 1000);
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
