/**
 * The demo: loads the cities of the world, or the user's own data, into a Quire file; shows the
 * records and the file; closes and reopens it; checks every record. If the database is its own, the
 * demo also archives and empties it, and restores it to an earlier time.
 *
 * Exits with 0 if every record was read back unchanged, with 1 if one was not or the demo failed,
 * and with 2 if its arguments are refused. Each error is reported in one line.
 */

import { CorruptionError, type Database, open, type Tree } from "../mod.ts";
import { readArguments, USAGE } from "./demo/arguments.ts";
import { chunkMap } from "./demo/chunk_map.ts";
import { readCities } from "./demo/cities.ts";
import { fileTable } from "./demo/file_table.ts";
import { readInput } from "./demo/input.ts";
import { withProgress } from "./demo/progress.ts";
import type { Records } from "./demo/records.ts";
import { EXIT_MISUSE, messageOf, Refusal } from "./demo/refusal.ts";
import { archiveAndRestore } from "./demo/steps/archive_part.ts";
import { backUpWhileLoading } from "./demo/steps/backup_part.ts";
import { checkEveryRecord } from "./demo/steps/checks.ts";
import { printTour } from "./demo/steps/tour.ts";
import { count, countOf, oneLine, pace } from "./demo/text.ts";

async function main(args: readonly string[]): Promise<number> {
  const { db, input, help } = readArguments(args);
  if (help) {
    console.log(USAGE);
    return 0;
  }
  const records = input === undefined ? await readCities() : readInput(input);
  if (db !== undefined) {
    const code = demonstrate(db, records);
    console.log(`\nThe database stays in ${oneLine(db)}`);
    return code;
  }
  const folder = Deno.makeTempDirSync({ prefix: "quire-demo-" });
  try {
    const path = `${folder}/demo.quire`;
    const code = demonstrate(path, records);
    if (code !== 0) return code;
    const differences = await backUpWhileLoading(folder, path, records);
    if (differences.length > 0) return report(differences);
    return report(await archiveAndRestore(folder, path, records));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** Runs the demo on one file; returns the exit code. */
function demonstrate(path: string, records: Records): number {
  fillAndShow(path, records);
  return reopenAndCheck(path, records);
}

function fillAndShow(path: string, records: Records): void {
  using db = openOwn(path);
  const tree = vacantTree(db, path, records.tree);
  load(db, tree, records);
  printTour(tree, records);
  console.log("\nWhat the file is made of, from its page headers alone");
  const census = db.census();
  print(fileTable(census, db.stats().fileBytes, records.dataBytes));
  console.log("\nWhere it lies in the file");
  const coloured = Deno.stdout.isTerminal() && !Deno.noColor;
  print(chunkMap(db.chunks(), census.chunks, { coloured }));
}

function openOwn(path: string): Database {
  try {
    return open(path);
  } catch (error) {
    const what = messageOf(error);
    if (!(error instanceof CorruptionError)) throw new Refusal(what);
    throw new Refusal(`Cannot use ${path}: ${what}; name another file, this one was left as it is`);
  }
}

/** The tree to load into. The demo never changes records that it did not load. */
function vacantTree(db: Database, path: string, name: string): Tree {
  if (!db.trees().includes(name)) return db.tree(name);
  throw new Refusal(
    `Cannot load into ${path}: it already has a tree "${name}"; name another file, or remove it`,
  );
}

function load(db: Database, tree: Tree, records: Records): void {
  const started = performance.now();
  db.writeSync((tx) => tx.tree(tree).load(withProgress(records.entries, "loading")));
  const loaded = performance.now();
  db.checkpoint();
  const written = (performance.now() - loaded) / 1000;
  const amount = records.entries.length;
  console.log(`Loaded ${countOf(amount, "record")} of ${oneLine(records.source)}`);
  console.log(`  in ${pace(amount, loaded - started)}; on disk ${written.toFixed(2)} s later`);
}

function reopenAndCheck(path: string, records: Records): number {
  using db = open(path, { readOnly: true });
  const amount = records.entries.length;
  const { differences, getMs, scanMs } = checkEveryRecord(db.tree(records.tree), records);
  console.log("\nClosed, reopened, checked");
  if (report(differences) !== 0) return 1;
  console.log(`  ${count(amount)} looked up by key: ${pace(amount, getMs)}`);
  console.log(`  ${count(amount)} scanned in order: ${pace(amount, scanMs)}`);
  console.log(`  every record is there as it was, and no other`);
  return 0;
}

/** Prints differences; returns the exit code. */
function report(differences: readonly string[]): number {
  for (const difference of differences) console.error(`Difference: ${difference}`);
  return differences.length > 0 ? 1 : 0;
}

function print(lines: readonly string[]): void {
  for (const line of lines) console.log(line === "" ? "" : `  ${line}`);
}

async function run(): Promise<void> {
  try {
    Deno.exitCode = await main(Deno.args);
  } catch (error) {
    console.error(oneLine(messageOf(error)));
    Deno.exitCode = error instanceof Refusal ? EXIT_MISUSE : 1;
  }
}

await run();
