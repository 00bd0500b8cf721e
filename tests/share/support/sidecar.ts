/**
 * The sidecar: the commit word, in two sectors, the pins behind it (`pins.ts`), and the note, in
 * two sectors (`protocol/notes.ts`).
 *
 * It is never synced. A process that is alone with the file makes it anew. An exclusive process
 * does not use it.
 */

import { GARBAGE, Medium } from "./medium.ts";
import {
  IoFailure,
  NO_PIN,
  type Note,
  type Process,
  type SideSector,
  type Steps,
  type Word,
  type World,
} from "./world.ts";

const WORD = 0;
/** Where the pins begin. */
export const PINS = 2;
/** Behind all pins. */
const NOTE = 16;

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

function asWord(process: Process, sector: SideSector | string | undefined): Word | undefined {
  if (sector === GARBAGE) return process.world.keeps("wordSum") ? undefined : NONSENSE;
  return sector as Word | undefined;
}

/**
 * Something outside damages the commit word, or deletes the sidecar. Processes that have it open
 * keep the deleted one.
 */
export function damageSidecar(world: World): void {
  if (world.weather.isNoted && world.random.once(2)) {
    return world.side.rot(NOTE + world.random.below(2));
  }
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

/** Writes the note. */
export function* writeNoteSectors(process: Process, note: Note | undefined): Steps<void> {
  yield;
  writeSide(process, NOTE, note);
  yield;
  writeSide(process, NOTE + 1, note);
}

/** Reads the note; undefined if it is torn or absent. */
export function* readNote(process: Process): Steps<Note | undefined> {
  const { side } = process;
  yield;
  const first = side.cache[NOTE] as Note | string | undefined;
  yield;
  const second = side.cache[NOTE + 1] as Note | string | undefined;
  if (first === second && typeof first === "object") return first;
  return process.world.keeps("noteSum") ? undefined : mixed(first, second);
}

/** What a number says of which one half is that of another one: more than each of them. */
function mixed(first: Note | string | undefined, second: Note | string | undefined): Note {
  const durableOf = (note: Note | string | undefined) =>
    typeof note === "object" ? note.durable : 9;
  return { durable: durableOf(first) + durableOf(second) };
}

/** Writes a sector of the sidecar. */
export function writeSide(
  { world, side }: Process,
  at: number,
  value: SideSector | undefined,
): void {
  if (world.fails()) throw new IoFailure("write");
  side.write(at, value);
}
