/**
 * Whole copies of a database while nobody writes, and increments after a hundredth of the pages has
 * changed, beside `cp` and the peers. The ways take turns, so that all see the same machine.
 */

import * as fs from "node:fs";
import { open } from "../../mod.ts";
import type { Section } from "../durable/fixture.ts";
import { figureOf, short, timeMs } from "../measure/figures.ts";
import { type Copied, fillLmdb, fillQuire, fillSqlite, keyAt, treeOf, valueAt } from "./data.ts";

const MIB = 1024 * 1024;
const PAGE_BYTES = 8192;
/** The part of the pages that changes before an increment. */
const CHANGED_PART = 0.01;

/** The sizes of the bench of copies. */
export interface CopySize {
  readonly rounds: number;
  /** Entries of the database that is copied. */
  readonly entries: number;
}

/** The times of a way to copy, one a round, and what it did the last time. */
interface Way {
  readonly ms: number[];
  bytesRead?: number;
  bytesWritten: number;
}

/** Whole copies and increments. */
export async function copySection(folder: string, size: CopySize): Promise<Section> {
  const path = `${folder}/quire`;
  await fillQuire(path, size.entries);
  const { peers, absent } = await peersIn(folder, size.entries);
  using db = open(path);
  const { size: fileBytes } = fs.statSync(path);
  const ways = new Map<string, Way>();
  const run = async (name: string, copy: (to: string) => unknown) => {
    const to = `${folder}/to`;
    let result: unknown;
    const ms = await timeMs(async () => result = await copy(to));
    const way = ways.get(name) ?? { ms: [], bytesWritten: 0 };
    ways.set(name, way);
    way.ms.push(ms);
    Object.assign(way, { bytesWritten: fs.statSync(to).size }, result);
    for (const left of [to, `${to}-lock`]) fs.rmSync(left, { force: true });
  };
  const work: Record<string, (to: string) => unknown> = {
    "Quire `backup`": (to) => db.backup(to),
    "Quire `backup`, compact": (to) => db.backup(to, { compact: true }),
    "`cp`": (to) => system("cp", path, to),
    "`cp`, and a sync": (to) => system("cp", path, to).then(() => system("sync", to)),
    ...Object.fromEntries(
      Object.entries(peers).map(([name, peer]) => [name, (to: string) => peer.copy(to)]),
    ),
  };
  for (let round = 0; round <= size.rounds; round++) {
    for (const name of round % 2 === 0 ? Object.keys(work) : Object.keys(work).toReversed()) {
      await run(name, work[name]!);
    }
    const { version } = db;
    const pages = Math.floor(fileBytes / PAGE_BYTES * CHANGED_PART);
    const step = Math.floor(size.entries / pages);
    db.writeSync((tx) => {
      const tree = tx.tree(treeOf(db));
      for (let i = 0; i < pages; i++) tree.set(keyAt(i * step), valueAt(i + round));
    });
    await run("Quire `backup`, increment of 1 %", (to) => db.backup(to, { since: version }));
    // The first round warms up the compiler, and the cache of the system.
    if (round === 0) { for (const way of ways.values()) way.ms.length = 0; }
  }
  for (const peer of Object.values(peers)) await peer.close();
  return report(ways, fileBytes, absent);
}

async function peersIn(folder: string, entries: number) {
  const peers: Record<string, Copied> = fillSqlite(`${folder}/sqlite`, entries);
  try {
    return { peers: { ...peers, ...await fillLmdb(`${folder}/lmdb`, entries) }, absent: [] };
  } catch (error) {
    return { peers, absent: [`Absent: lmdb-js (${String(error).split("\n")[0]})`] };
  }
}

async function system(command: string, ...args: readonly string[]): Promise<void> {
  const { success } = await new Deno.Command(command, { args: [...args] }).output();
  if (!success) throw new Error(`${command} failed`);
}

function report(
  ways: ReadonlyMap<string, Way>,
  fileBytes: number,
  absent: readonly string[],
): Section {
  const median = (name: string) => figureOf(ways.get(name)!.ms).median;
  const [plain, synced] = [median("`cp`"), median("`cp`, and a sync")];
  const share = (bytes: number | undefined) =>
    bytes === undefined ? "" : `${(100 * bytes / fileBytes).toFixed(1)} %`;
  return {
    title: `Copies of a database of ${(fileBytes / MIB).toFixed(0)} MiB, nobody writes`,
    heads: ["", "ms", "of `cp`", "of `cp` and a sync", "read of the file", "written"],
    rows: [...ways].map(([name, { ms, bytesRead, bytesWritten }]) => {
      const time = figureOf(ms).median;
      const ratios = [time / plain, time / synced].map(short);
      return [name, time.toFixed(0), ...ratios, share(bytesRead), share(bytesWritten)];
    }),
    data: Object.fromEntries(ways),
    notes: [
      ...absent,
      "Medians; the ways take turns. All but `cp` and SQLite's two sync the copy.",
    ],
  };
}
