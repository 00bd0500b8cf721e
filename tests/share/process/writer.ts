/**
 * A process that writes: random transactions, checkpoints, deletes, drops, compactions, closes and
 * reopenings. It prints a line when it has committed, so that it can be killed, and one at its end.
 *
 * Arguments: the path, a seed, and the time that it runs, in milliseconds. It commits at least
 * once.
 */

import { type Database, type Durability, open } from "../../../mod.ts";
import { Random } from "../../support/random.ts";
import { changeState } from "./program.ts";
import { readRegisters } from "./register.ts";

/** The line that says that a writer has committed. */
export const COMMITTED = "committed";
const LEVELS: readonly Durability[] = ["sync", "sync", "sync", "buffered", "none"];

const [path = "", seed = "1", ms = "1000"] = Deno.args;
const random = new Random(Number(seed));
const end = performance.now() + Number(ms);
const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

function openIt(): Database {
  return open(path, {
    journalBytes: 2 * 1024 * 1024,
    cacheBytes: random.once(2) ? 8 * 1024 * 1024 : 64 * 1024 * 1024,
    tornSectors: random.once(4) ? "protect" : "whole",
  });
}

async function run(): Promise<void> {
  let db = openIt();
  let commits = 0;
  while (commits === 0 || performance.now() < end) {
    const durability = random.pick(LEVELS);
    const committed = db.write((tx) => changeState(tx, random), { durability });
    if (random.once(3)) await committed;
    else committed.catch(() => Deno.exit(3));
    if (commits++ === 0) console.log(COMMITTED);
    if (random.once(20)) await turn();
    if (random.once(60)) db.checkpoint();
    if (random.once(200)) await db.compact();
    if (random.once(150)) await new Promise((resolve) => setTimeout(resolve, random.below(30)));
    if (!random.once(150)) continue;
    db.close();
    db = openIt();
  }
  db.checkpoint();
  console.log(JSON.stringify({ commits, last: readRegisters(db)?.commit ?? 0 }));
  db.close();
}

if (import.meta.main) await run();
