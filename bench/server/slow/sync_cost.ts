/**
 * The cost of a sync in this process, which shows whether `slow_syncs.c` slows it.
 */

import { figureOf } from "../../measure/figures.ts";
import { BareFile } from "../../measure/machine.ts";

const WRITES = 15;

/** The median time of a write of 4 KiB with `O_DSYNC`, in microseconds. */
export function syncUs(folder: string): number {
  using file = new BareFile(`${folder}/sync_cost`);
  const samples = Array.from({ length: WRITES }, () => {
    const begin = performance.now();
    file.writeThrough();
    return (performance.now() - begin) * 1000;
  });
  return Math.round(figureOf(samples).median);
}
