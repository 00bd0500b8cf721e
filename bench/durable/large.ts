/**
 * A transaction larger than the cache: its time and its memory.
 */

import { open } from "../../mod.ts";
import { timeMs } from "../measure/figures.ts";
import { Keys, Values } from "../measure/keys.ts";
import { peakMemory, resetPeakMemory } from "../measure/machine.ts";
import type { DurableSize, Section } from "./fixture.ts";

const MIB = 1024 * 1024;
const CACHES_MIB = [16, 256];

/** The time and memory of the transaction. */
interface Large {
  readonly cacheMiB: number;
  readonly ms: number;
  readonly nsAnEntry: number;
  readonly cachePeakMiB: number;
  readonly memoryBeforeMiB: number;
  readonly memoryPeakMiB: number;
  readonly fileMiB: number;
}

/** A transaction larger than the cache, and the same one with enough cache. */
export async function largeSection(folder: string, size: DurableSize): Promise<Section> {
  const keys = new Keys(size.largeEntries);
  const data: Large[] = [];
  for (const cacheMiB of CACHES_MIB) data.push(await largeOf(folder, cacheMiB, keys));
  const dataMiB = keys.count * (Keys.bytes + Values.bytes) / MIB;
  return {
    title: `One transaction of ${keys.count} random inserts, ${dataMiB.toFixed(0)} MiB of data`,
    heads: ["cacheBytes", "ms", "ns an entry", "cache peak", "process before", "process peak"],
    rows: data.map((row) => [
      `${row.cacheMiB} MiB`,
      row.ms.toFixed(0),
      row.nsAnEntry.toFixed(0),
      `${row.cachePeakMiB.toFixed(0)} MiB`,
      `${row.memoryBeforeMiB.toFixed(0)} MiB`,
      `${row.memoryPeakMiB.toFixed(0)} MiB`,
    ]),
    data,
    notes: ["Once each, one `writeSync`, timed to its durable end, in a file of its own."],
  };
}

async function largeOf(folder: string, cacheMiB: number, keys: Keys): Promise<Large> {
  const values = new Values();
  const path = `${folder}/large${cacheMiB}.quire`;
  using db = open(path, { cacheBytes: cacheMiB * MIB });
  resetPeakMemory();
  const memoryBefore = peakMemory();
  const ms = await timeMs(() =>
    db.writeSync((tx) => {
      const tree = tx.tree("entries");
      for (let i = 0; i < keys.count; i++) tree.set(keys.at(i), values.at(i));
    })
  );
  const { cachePeakBytes, fileBytes } = db.stats();
  return {
    cacheMiB,
    ms,
    nsAnEntry: ms * 1e6 / keys.count,
    cachePeakMiB: cachePeakBytes / MIB,
    memoryBeforeMiB: memoryBefore / MIB,
    memoryPeakMiB: peakMemory() / MIB,
    fileMiB: fileBytes / MIB,
  };
}
