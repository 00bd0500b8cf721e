/**
 * The sidecar: the commit word, in two sectors, and the pins behind it (`pins.ts`).
 *
 * It is never synced. A process that is alone with the file makes it anew. An exclusive process
 * does not use it.
 */

import { GARBAGE, Medium } from "./medium.ts";
import {
  IoFailure,
  NO_PIN,
  type Pin,
  type Process,
  type Steps,
  type Word,
  type World,
} from "./world.ts";

const WORD = 0;
/** Where the pins begin. */
export const PINS = 2;

/** Garbage, taken for a commit word where sums do not count. */
const NONSENSE: Word = {
  generation: 9,
  sequence: 9,
  durable: 9,
  number: 9,
  done: 9,
};

/** Reads the commit word; undefined if it is torn or absent. */
export function* readWord(process: Process): Steps<Word | undefined> {
  const { side } = process;
  yield;
  const first = asWord(process, side.cache[WORD]);
  yield;
  const second = asWord(process, side.cache[WORD + 1]);
  if (first === second) return first;
  if (process.world.keeps("wordSum") || !first || !second) return undefined;
  return { ...second, generation: first.generation, sequence: first.sequence };
}

function asWord(process: Process, sector: Word | Pin | string | undefined): Word | undefined {
  if (sector === GARBAGE) return process.world.keeps("wordSum") ? undefined : NONSENSE;
  return sector as Word | undefined;
}

/**
 * Something outside damages the commit word, or deletes the sidecar. Processes that have it open
 * keep the deleted one.
 */
export function damageSidecar(world: World): void {
  if (!world.random.once(4)) return world.side.rot(WORD + world.random.below(2));
  world.side = new Medium();
  world.isSplit = true;
  world.truth.forced = NO_PIN;
  world.count("sidecars deleted");
}

/** Writes the commit word. */
export function* writeWord(process: Process): Steps<void> {
  if (process.kind === "exclusive") return;
  const { generation, sequence, durable, superblock, done } = process;
  const word: Word = { generation, sequence, durable, number: superblock.number, done };
  yield;
  writeSide(process, WORD, word);
  yield;
  writeSide(process, WORD + 1, word);
}

/** Writes a sector of the sidecar. */
export function writeSide(
  { world, side }: Process,
  at: number,
  value: Word | Pin | undefined,
): void {
  if (world.fails()) throw new IoFailure("write");
  side.write(at, value);
}
