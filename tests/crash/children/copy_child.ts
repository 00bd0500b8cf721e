/**
 * The child process that `copy_kill_test.ts` kills: it commits and archives as `archive_child.ts`
 * does, and meanwhile compacts its database, backs it up, whole and compact, restores an increment
 * and its archive, and opens and promotes replicas of it, one after another. It prints the name of
 * each file that is complete.
 */

import { archive, type Database, folderStore, open, openReplica, restore } from "../../../mod.ts";
import { commitOne, commitsIn } from "../support/numbered_commits.ts";

const EVERY_MS = 3;
/** The number of complete files of each kind that are kept. */
const KEPT = 2;

/** Makes a file at a path. */
type Make = (path: string) => Promise<unknown>;

async function main(dir: string, life: string): Promise<void> {
  const db = open(`${dir}/db.quire`);
  const store = folderStore(`${dir}/archive`);
  const shipping = archive(db, store, { everyMs: EVERY_MS, baseEvery: 100 });
  await shipping.flush();
  console.log("open");
  const kinds: Record<string, Make> = {
    whole: (path) => db.backup(path),
    chained: (path) => restoreChain(db, path),
    compact: (path) => db.backup(path, { compact: true }),
    restored: (path) => restore(path, { from: store }),
    replica: async (path) => {
      const replica = await openReplica(path, { from: store, everyMs: EVERY_MS });
      await replica.reaches(db.durableVersion);
      await replica.promote();
    },
  };
  await Promise.all([
    commit(db),
    compact(db),
    ...Object.entries(kinds).map(([kind, make]) => repeat(`${dir}/${kind}-${life}`, make)),
  ]);
}

async function commit(db: Database): Promise<void> {
  for (let commit = commitsIn(db) + 1;; commit++) {
    commitOne(db, commit);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

async function compact(db: Database): Promise<never> {
  for (;;) {
    await db.compact();
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
}

/** Restores a backup and an increment, whose names nobody takes for those of copies. */
async function restoreChain(db: Database, path: string): Promise<void> {
  const [base, increment] = [`${path}.base`, `${path}.increment`];
  const { version: since } = await db.backup(base);
  await db.backup(increment, { since });
  await restore(path, base, increment);
  for (const used of [base, increment]) Deno.removeSync(used);
}

async function repeat(path: string, make: Make): Promise<void> {
  for (let number = 0;; number++) {
    await make(`${path}-${number}`);
    console.log(`${path}-${number}`);
    if (number >= KEPT) Deno.removeSync(`${path}-${number - KEPT}`);
  }
}

if (import.meta.main) await main(Deno.args[0]!, Deno.args[1]!);
