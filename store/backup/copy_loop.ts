/**
 * The loop of a copy: reads a chunk, hands it to a target, and lets other tasks run.
 *
 * While nobody writes, chunks are read in line from the cache of the system. Once one of them was
 * slow, and while others write, the next chunk is read into that cache off the thread, while the
 * one before it is written: then no step waits for the medium. In an increment most chunks have
 * few pages, so a step takes several chunks; their header pages are read together off the thread,
 * once one of them was slow. While others write to the source, the copy rests after each step, so
 * that it takes little of the thread.
 */

import type { CopiedChunk, CopyReader } from "../../pager/mod.ts";
import type { ProgressOptions } from "../maintenance/slices.ts";
import { type CopiedSource, CopyPace, type Pause } from "./copy_pace.ts";
import { ReadWarmth } from "./read_warmth.ts";

/** The least time between two reports of progress, in milliseconds. */
const REPORT_MS = 12;
/** The chunks of an increment whose header pages are read together. */
const SPARSE_CHUNKS = 32;
/** The time of a step of an increment, in milliseconds, unless its last chunk takes longer. */
const SPARSE_MS = 2;
/** A chunk that is in the cache of the system is read and checked in less, in milliseconds. */
const CHUNK_MS = 2;
/** A header page is in less. */
const HEADERS_MS = 1;

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
 * @param now The time in milliseconds, which never goes back.
 * @throws An error of the source or the target, or the signal's reason.
 */
export async function copyChunks(
  work: CopyWork,
  options: ProgressOptions,
  pause?: Pause,
  now = () => performance.now(),
): Promise<void> {
  const { reader, target, since, inTurn } = work;
  const read = () => reader.read(since);
  const { signal, onProgress } = options;
  const total = reader.chunks;
  const pace = new CopyPace(work, signal, pause);
  // An increment since version 0, or of a small file, may have all pages of a chunk.
  const isSparse = since > 0;
  const warmth = new ReadWarmth(isSparse ? HEADERS_MS : CHUNK_MS);
  const prepare = async () => {
    const isCold = warmth.begin();
    if (isSparse && isCold) await reader.prepareHeaders(SPARSE_CHUNKS);
    if (!isSparse && (isCold || !pace.isAlone)) await reader.prepare();
  };
  let reported = performance.now();
  let prepared = prepare();
  for (let done = 0, ready = 0; done < total;) {
    if (done >= ready) {
      await prepared;
      ready += isSparse ? SPARSE_CHUNKS : 1;
    }
    await pace.turn();
    do {
      const begun = now();
      const { bytesRead } = reader;
      const chunk = inTurn === undefined ? read() : await inTurn(read);
      const wasSlow = reader.bytesRead > bytesRead && warmth.note(now() - begun);
      if (++done === ready || wasSlow) {
        ready = done;
        prepared = prepare();
      }
      await target.writeChunk(chunk);
    } while (done < Math.min(ready, total) && pace.stepMs < SPARSE_MS);
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
