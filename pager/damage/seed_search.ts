/**
 * Finding the seed of a file's head sums without its superblocks.
 *
 * A head sum can be worked backwards, so each header in use says with which seed it was made. Whole
 * headers agree; of those that were damaged, or never were headers, no two do but by chance.
 */

import { seedFrom } from "../format/checksum.ts";
import type { Disk } from "../file/disk.ts";
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

/** So many headers that agree are enough. */
const VOTES_ENOUGH = 16;
/** Fewer than this may be chance. A database without a tree has two headers. */
const VOTES_MIN = 2;
/** Seeds that are counted at a time: a file of junk must not become memory. */
const SEEDS_MAX = 65_536;

/**
 * The seed that the headers of a file agree on, or undefined. Reads header pages until enough do.
 *
 * @param chunks How many chunks the file has.
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

/** Counts what the headers of a chunk say; the seed that has enough votes, or undefined. */
function countVotes(frame: Frame, chunk: number, votes: Map<number, number>): number | undefined {
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
