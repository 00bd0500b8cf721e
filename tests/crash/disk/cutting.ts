/**
 * Cuts the power of a recorded disk again and again. Each image is mounted, so that its file system
 * recovers, and what was promised before the cut must be there.
 */

import * as fs from "node:fs";
import { Random } from "../../support/random.ts";
import { readDiskLog } from "./disk_log.ts";
import { DiskWalk, type Eighths } from "./disk_walk.ts";
import { mountImage, unmount } from "./mounts.ts";
import { checkFolder, type Promises, promisesIn } from "./promises.ts";
import type { Recording } from "./recording.ts";

const NEW_LINE = 10;
const LEFT: readonly Eighths[] = [0, 1, 4, 7, 8];

/** What the cuts of a recording have shown. */
export interface CutReport {
  readonly calls: number;
  readonly promises: number;
  readonly images: number;
  /** The images that lack a part of what was written. */
  readonly lossy: number;
  readonly faults: readonly string[];
}

/** Cuts the power at a number of calls. The images are in a folder. */
export async function cutDisk(
  recording: Recording,
  folder: string,
  seed: number,
  images: number,
): Promise<CutReport> {
  const random = new Random(seed);
  const calls = readDiskLog(recording.log);
  const given = fs.readFileSync(recording.promises);
  const cuts = new Set(Array.from({ length: images }, () => 1 + random.below(calls.length)));
  const walk = new DiskWalk(recording.image);
  const mounted = `${folder}/mounted`;
  fs.mkdirSync(mounted);
  const faults: string[] = [];
  let lossy = 0;
  for (let done = 1; done <= calls.length; done++) {
    walk.take(calls[done - 1]!);
    if (!cuts.has(done)) continue;
    const left = random.pick(LEFT);
    if (left < 8 && walk.pending.length > 0) lossy++;
    walk.writeImage(`${folder}/cut`, left, random);
    // What was promised before the next call, which did not happen.
    const promised = promisesIn(given.subarray(0, calls[done]?.promised ?? given.length));
    try {
      await checkImage(`${folder}/cut`, mounted, promised);
    } catch (error) {
      faults.push(`call ${done} of ${calls.length}, ${left} eighths: ${error}`);
    }
  }
  const lines = given.filter((byte) => byte === NEW_LINE).length;
  return { calls: calls.length, promises: lines, images: cuts.size, lossy, faults };
}

async function checkImage(image: string, mounted: string, promised: Promises): Promise<void> {
  await mountImage(image, mounted);
  try {
    await checkFolder(mounted, promised, `${mounted}-restored`);
  } finally {
    await unmount(mounted);
  }
}
