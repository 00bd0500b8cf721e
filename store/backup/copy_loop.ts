/**
 * The loop of a copy: reads a chunk, hands it to a target, and lets other tasks run.
 *
 * While one chunk is written, the next one is read into the cache of the system off the thread. No
 * step waits for the medium in line. While others write to the source, the copy rests after each
 * step, so that it takes about a tenth of the thread.
 */

import type { CopiedChunk, CopyReader } from "../../pager/mod.ts";
import type { ProgressOptions } from "../upkeep/slices.ts";
import { type CopiedSource, CopyPace, type Pause } from "./copy_pace.ts";

/** The least time between two reports of progress, in milliseconds. */
const REPORT_MS = 12;

/** What receives a copy. */
export interface ChunkTarget {
  /** Writes the pages of a chunk; the chunk is valid until the promise, if any, resolves. */
  writeChunk(chunk: CopiedChunk): Promise<void> | void;
}

/** A copy that is being made. */
export interface CopyWork extends CopiedSource {
  readonly reader: CopyReader;
  readonly target: ChunkTarget;
  /** Only pages of later versions are copied; -1 = all pages. */
  readonly since: number;
}

/**
 * Copies all chunks.
 *
 * @param pause Waits for some milliseconds, or until the signal aborts.
 * @throws An error of the source or the target, or the signal's reason.
 */
export async function copyChunks(
  work: CopyWork,
  options: ProgressOptions,
  pause?: Pause,
): Promise<void> {
  const { reader, target, since } = work;
  const { signal, onProgress } = options;
  const total = reader.chunks;
  const pace = new CopyPace(work, signal, pause);
  let reported = performance.now();
  let prepared = reader.prepare(since >= 0);
  for (let done = 1; done <= total; done++) {
    await prepared;
    await pace.turn();
    const chunk = reader.read(since);
    prepared = reader.prepare(since >= 0);
    await target.writeChunk(chunk);
    await pace.rest();
    if (performance.now() - reported < REPORT_MS && done < total) continue;
    reported = performance.now();
    onProgress?.({ phase: "pages", ...pagesDone(reader, done) });
  }
  await prepared;
}

function pagesDone(reader: CopyReader, chunks: number): { done: number; total: number } {
  const { pageCount } = reader.meta;
  return {
    done: Math.min(pageCount, Math.round(pageCount * chunks / reader.chunks)),
    total: pageCount,
  };
}
