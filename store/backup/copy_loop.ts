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
  const pace = new CopyPace(work, options.signal, pause);
  await new CopyLoop(work, pace, now).run(options.onProgress);
}

/** The loop of one copy. */
class CopyLoop {
  readonly #work: CopyWork;
  readonly #pace: CopyPace;
  readonly #now: () => number;
  /** Whether most chunks have few pages; with `since` 0, or in a small file, all may have all. */
  readonly #isSparse: boolean;
  readonly #warmth: ReadWarmth;
  readonly #total: number;
  /** The chunks that were copied. */
  #done = 0;
  /** The chunks up to which a step may go. */
  #ready = 0;
  /** Resolves when the next chunks can be read. */
  #prepared: Promise<void>;

  /** Begins to prepare the first chunks. */
  constructor(work: CopyWork, pace: CopyPace, now: () => number) {
    this.#work = work;
    this.#pace = pace;
    this.#now = now;
    this.#isSparse = work.since > 0;
    this.#warmth = new ReadWarmth(this.#isSparse ? HEADERS_MS : CHUNK_MS);
    this.#total = work.reader.chunks;
    this.#prepared = this.#prepare();
  }

  /** Copies all chunks. */
  async run(onProgress: ProgressOptions["onProgress"]): Promise<void> {
    let reported = performance.now();
    while (this.#done < this.#total) {
      if (this.#done >= this.#ready) {
        await this.#prepared;
        this.#ready += this.#isSparse ? SPARSE_CHUNKS : 1;
      }
      await this.#pace.turn();
      await this.#step();
      await this.#pace.rest();
      if (performance.now() - reported < REPORT_MS && this.#done < this.#total) continue;
      reported = performance.now();
      onProgress?.({ phase: "pages", ...pagesDone(this.#work.reader, this.#done) });
    }
    await this.#prepared;
  }

  /** Reads the next chunks off the thread, where a read in line could wait for the medium. */
  async #prepare(): Promise<void> {
    const { reader } = this.#work;
    const isCold = this.#warmth.begin();
    if (this.#isSparse && isCold) await reader.prepareHeaders(SPARSE_CHUNKS);
    if (!this.#isSparse && (isCold || !this.#pace.isAlone)) await reader.prepare();
  }

  /** Copies a chunk; of an increment, as many as the time of a step allows. */
  async #step(): Promise<void> {
    const { target } = this.#work;
    do {
      const chunk = await this.#read();
      await target.writeChunk(chunk);
    } while (this.#done < Math.min(this.#ready, this.#total) && this.#pace.stepMs < SPARSE_MS);
  }

  /** Reads the next chunk. After the last one that is ready, or a slow one, it prepares others. */
  async #read(): Promise<CopiedChunk> {
    const { reader, since, inTurn } = this.#work;
    const read = () => reader.read(since);
    const begun = this.#now();
    const { bytesRead } = reader;
    const chunk = inTurn === undefined ? read() : await inTurn(read);
    const wasSlow = reader.bytesRead > bytesRead && this.#warmth.note(this.#now() - begun);
    if (++this.#done === this.#ready || wasSlow) {
      this.#ready = this.#done;
      this.#prepared = this.#prepare();
    }
    return chunk;
  }
}

function pagesDone(reader: CopyReader, chunks: number): { done: number; total: number } {
  const { pageCount } = reader.meta;
  return {
    done: Math.min(pageCount, Math.round(pageCount * chunks / reader.chunks)),
    total: pageCount,
  };
}
