/**
 * The figures in the README: random get, random insert, ordered load and scan.
 *
 * `deno task bench [--entries N] [--rounds N]`. Keys of 16 random bytes, values of 100 bytes. Each
 * round makes its databases anew, in files of a temporary folder, and runs every workload once; the
 * table has the median of the rounds and, beside it, the fastest and the slowest.
 */

import { parseArgs } from "node:util";
import { open, type ReadTree, type TransactionTree } from "../mod.ts";
import { Keys } from "./keys.ts";

const VALUE_BYTES = 100;
const CACHE_BYTES = 512 * 1024 * 1024;

/** What is measured: each returns how many entries it worked on. */
interface Workload<T extends ReadTree = ReadTree> {
  readonly name: string;
  run(tree: T, keys: Keys): number;
}

const insertRandom: Workload<TransactionTree> = {
  name: "random insert, one durable transaction",
  run(tree, keys) {
    const value = new Uint8Array(VALUE_BYTES).fill(7);
    for (let i = 0; i < keys.count; i++) tree.set(keys.at(i), value);
    return keys.count;
  },
};

const loadOrdered: Workload<TransactionTree> = {
  name: "ordered load, durable",
  run(tree, keys) {
    return tree.load(keys.pairs(new Uint8Array(VALUE_BYTES).fill(7)));
  },
};

const getRandom: Workload = {
  name: "random get",
  run(tree, keys) {
    for (let i = 0; i < keys.count; i++) {
      if (tree.get(keys.at(keys.shuffled(i)))?.length !== VALUE_BYTES) throw new Error("not found");
    }
    return keys.count;
  },
};

const scanInserted: Workload = { name: "scan after random insert", run: scan };
const scanLoaded: Workload = { name: "scan after ordered load", run: scan };

function scan(tree: ReadTree): number {
  let count = 0;
  let bytes = 0;
  for (const [key, value] of tree.entries()) {
    bytes += key.length + value.length;
    count++;
  }
  if (bytes !== count * (VALUE_BYTES + Keys.bytes)) throw new Error("entries are missing");
  return count;
}

const { values: options } = parseArgs({
  options: {
    entries: { type: "string", default: "1000000" },
    rounds: { type: "string", default: "5" },
  },
});
const keys = new Keys(Number(options.entries));
keys.sort();
const results = new Map<string, number[]>();

for (let round = 0; round < Number(options.rounds); round++) {
  runRound(keys);
  console.error(`round ${round + 1} of ${options.rounds}`);
}
printTable();

function runRound(keys: Keys): void {
  const folder = Deno.makeTempDirSync({ prefix: "quire-bench-" });
  try {
    runOn(`${folder}/inserted.quire`, insertRandom, [getRandom, scanInserted], keys);
    runOn(`${folder}/loaded.quire`, loadOrdered, [scanLoaded], keys);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function runOn(
  path: string,
  fill: Workload<TransactionTree>,
  others: readonly Workload[],
  keys: Keys,
): void {
  using db = open(path, { cacheBytes: CACHE_BYTES });
  const tree = db.tree("entries");
  time(fill.name, () => db.writeSync((tx) => fill.run(tx.tree(tree), keys)));
  for (const workload of others) time(workload.name, () => workload.run(tree, keys));
}

/** Times work that tells how many entries it was on; a transaction is timed to its durable end. */
function time(name: string, work: () => number): void {
  const start = performance.now();
  const count = work();
  const nanoseconds = (performance.now() - start) * 1e6 / count;
  results.set(name, [...results.get(name) ?? [], nanoseconds]);
}

function printTable(): void {
  console.log(
    `${keys.count} entries, keys of ${Keys.bytes} bytes, values of ${VALUE_BYTES} bytes\n`,
  );
  console.log("| workload | ns an entry | fastest | slowest |\n| --- | --- | --- | --- |");
  for (const [name, times] of results) {
    const sorted = times.toSorted((a, b) => a - b);
    const cells = [sorted[sorted.length >>> 1], sorted[0], sorted[sorted.length - 1]];
    console.log(`| ${name} | ${cells.map((cell) => cell.toFixed(0)).join(" | ")} |`);
  }
}
