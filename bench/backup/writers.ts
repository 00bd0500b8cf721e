/**
 * What writers lose while a backup runs, and while a database is compacted: commits one after
 * another, each awaited, with and without it in turn.
 */

import * as fs from "node:fs";
import { type Database, open } from "../../mod.ts";
import type { Section } from "../durable/fixture.ts";
import { figureOf, percentile, short } from "../measure/figures.ts";
import type { CopySize } from "./copies.ts";
import { entriesOf, fillQuire, keyAt, treeOf, valueAt } from "./data.ts";

const MIB = 1024 * 1024;
/** The entries of a run; three of every four runs are removed before a compaction. */
const RUN = 1000;
/** The time of commits alone, and the longest beside a compaction. */
const PART_MS = 5000;
/**
 * The most entries beside a backup, so that each ends, and its copy stays until the last one: where
 * a file is removed, some disks discard its blocks, and nobody can sync meanwhile.
 */
const BACKUP_ENTRIES = 120_000;

/** The milliseconds of each commit, and of all. */
interface Commits {
  readonly each: Float64Array;
  readonly ms: number;
}

/** Commits random entries one after another until a signal aborts. */
async function commitUntil(db: Database, entries: number, signal: AbortSignal): Promise<Commits> {
  const tree = treeOf(db);
  const each: number[] = [];
  const begun = performance.now();
  for (let i = 1; !signal.aborted; i++) {
    const start = performance.now();
    await tree.set(keyAt((i * 48271) % entries), valueAt(i));
    each.push(performance.now() - start);
  }
  return { each: Float64Array.from(each).sort(), ms: performance.now() - begun };
}

function rateOf({ each, ms }: Commits) {
  return each.length / ms * 1000;
}

function ratesOf(all: readonly Commits[]) {
  return figureOf(all.map(rateOf)).median;
}

function p99Of(all: readonly Commits[]) {
  return figureOf(all.map(({ each }) => percentile(each, 0.99))).median;
}

/** Commits while a backup runs, and before and after it. */
export async function writerSection(folder: string, size: CopySize): Promise<Section> {
  const path = `${folder}/writers`;
  const entries = Math.min(size.entries, BACKUP_ENTRIES);
  await fillQuire(path, entries);
  using db = open(path);
  const alone: Commits[] = [];
  const beside: Commits[] = [];
  const ratios: number[] = [];
  const commitAlone = () => commitUntil(db, entries, AbortSignal.timeout(PART_MS / 2));
  for (let round = 0; round <= size.rounds; round++) {
    const before = await commitAlone();
    const end = new AbortController();
    const commits = commitUntil(db, entries, end.signal);
    await db.backup(`${folder}/copy-${round}`);
    end.abort();
    const during = await commits;
    const after = await commitAlone();
    if (round === 0) continue;
    alone.push(before, after);
    beside.push(during);
    ratios.push(2 * rateOf(during) / (rateOf(before) + rateOf(after)));
  }
  const ratio = figureOf(ratios).median;
  return {
    title: "Commits one after another",
    heads: ["", "commits a second", "p99, ms"],
    rows: [["alone", alone], ["while a backup runs", beside]].map(([name, all]) => [
      name as string,
      short(ratesOf(all as Commits[])),
      short(p99Of(all as Commits[])),
    ]),
    data: { alone: ratesOf(alone), beside: ratesOf(beside), ratio },
    notes: [
      `Medians of ${size.rounds} rounds, of ${entries} entries.`,
      `In each round, the rate during the backup is ${short(ratio)} of that before and after it.`,
    ],
  };
}

/** Compaction of a file of which three quarters are free. */
export async function compactSection(folder: string, size: CopySize): Promise<Section> {
  const path = `${folder}/compact`;
  const rates: number[] = [];
  const alone: Commits[] = [];
  const beside: Commits[] = [];
  let sizes = "";
  for (let round = 0; round <= size.rounds; round++) {
    await fillQuire(path, size.entries);
    {
      using db = open(path);
      await remove(db, size.entries);
      const live = db.stats().fileBytes / 4;
      const begun = performance.now();
      const { bytesBefore, bytesAfter } = await db.compact();
      if (round > 0) rates.push(live / (performance.now() - begun) / 1000);
      sizes = `${(bytesBefore / MIB).toFixed(0)} MiB before, ${
        (bytesAfter / MIB).toFixed(0)
      } after`;
    }
    await fillAgain(path, size.entries);
    {
      using db = open(path);
      const before = await commitUntil(db, RUN, AbortSignal.timeout(PART_MS / 2));
      const end = new AbortController();
      const commits = commitUntil(db, RUN, end.signal);
      const signal = AbortSignal.timeout(PART_MS);
      await db.compact({ signal }).catch(() => {});
      end.abort();
      const during = await commits;
      if (round > 0) {
        alone.push(before);
        beside.push(during);
      }
    }
    fs.rmSync(path);
  }
  return {
    title: "Compaction of a file of which three quarters are free",
    heads: ["", "MB of live data a second", "p99 of commits alone, ms", "while it runs"],
    rows: [[
      "Quire `compact`",
      short(figureOf(rates).median),
      short(p99Of(alone)),
      short(p99Of(beside)),
    ]],
    data: { rates },
    notes: [`${sizes}. Medians of ${size.rounds} rounds.`],
  };
}

/** Removes three of every four runs of entries. */
async function remove(db: Database, entries: number): Promise<void> {
  const tree = treeOf(db);
  for (let from = 0; from < entries; from += 4 * RUN) {
    await tree.deleteRange({ gte: keyAt(from + RUN), lt: keyAt(from + 4 * RUN) });
  }
  db.checkpoint();
}

async function fillAgain(path: string, entries: number): Promise<void> {
  fs.rmSync(path);
  using db = open(path);
  await treeOf(db).load(entriesOf(entries), { fill: 1 });
  await remove(db, entries);
}
