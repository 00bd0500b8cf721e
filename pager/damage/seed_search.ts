/**
 * Finds the seed of a file's header sums without its superblocks.
 *
 * A header sum can be computed backwards, so each header in use gives the seed that it was made
 * with. Intact headers agree; damaged headers, and bytes that are not headers, agree only by
 * chance.
 */

import type { Disk } from "../file/disk.ts";
import { seedFrom } from "../format/checksum.ts";
import {
  CHUNK_BYTES,
  CHUNK_PAGES,
  HEADER_WORD_SHIFT,
  KIND_COUNT,
  KIND_FREE,
  PAGE_BYTES,
} from "../format/format.ts";
import { Frame, POOL } from "../format/frame.ts";
import { kindOf } from "../format/header.ts";
import type { ChunkNumber } from "../format/units.ts";

/** This many headers that agree end the search. */
const VOTES_ENOUGH = 16;
/** Fewer headers may agree by chance. A database without a tree has two. */
const VOTES_MIN = 2;
/** The most seeds that are counted at a time: this bounds the memory used for a file of junk. */
const SEEDS_MAX = 65_536;

/**
 * The seed that the headers of a file agree on, or undefined. It reads header pages until enough
 * headers agree.
 *
 * @param chunks The number of chunks of the file.
 */
export function findSeed(disk: Disk, chunks: number): number | undefined {
  const votes = new Map<number, number>();
  const frame = new Frame(-1, POOL, 1);
  for (let chunk = 0; chunk < chunks; chunk++) {
    const done = disk.read(frame.u8, 0, PAGE_BYTES, chunk * CHUNK_BYTES);
    frame.u8.fill(0, done);
    if (votes.size > SEEDS_MAX) dropSingles(votes);
    const seed = countVotes(frame, chunk, votes);
    if (seed !== undefined) return seed;
  }
  const [seed, count] = [...votes].reduce((a, b) => b[1] > a[1] ? b : a, [0, 0]);
  return count >= VOTES_MIN ? seed : undefined;
}

/** Counts the seeds of a chunk's headers; returns the seed that has enough votes, if any. */
function countVotes(
  frame: Frame,
  chunk: ChunkNumber,
  votes: Map<number, number>,
): number | undefined {
  for (let slot = 1; slot < CHUNK_PAGES; slot++) {
    const kind = kindOf(frame, slot);
    if (kind === KIND_FREE || kind >= KIND_COUNT) continue;
    const seed = seedFrom(frame.u32, slot << HEADER_WORD_SHIFT, chunk * CHUNK_PAGES + slot);
    const count = (votes.get(seed) ?? 0) + 1;
    if (count >= VOTES_ENOUGH) return seed;
    votes.set(seed, count);
  }
  return undefined;
}

function dropSingles(votes: Map<number, number>): void {
  for (const [seed, count] of votes) if (count < VOTES_MIN) votes.delete(seed);
}
