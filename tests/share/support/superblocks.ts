/**
 * The two copies of the superblock. Only a process that has the write lock, or the file alone,
 * writes them; others may read them at any time.
 */

import { COPIES, type Superblock } from "./layout.ts";
import { Violation } from "./truth.ts";
import { type Process, read, type Steps, sync, write } from "./world.ts";

function* readCopy(process: Process, at: number): Steps<Superblock | undefined> {
  yield;
  const first = read(process, at);
  yield;
  const second = read(process, at + 1);
  const isWhole = first === second && typeof first === "object" && "number" in first;
  return isWhole ? first : undefined;
}

/** The newest whole copy; undefined only while a writer goes from one to the other. */
export function* readSuperblock(process: Process): Steps<Superblock | undefined> {
  const first = yield* readCopy(process, COPIES[0]!);
  const second = yield* readCopy(process, COPIES[1]!);
  if (first === undefined || second === undefined) return first ?? second;
  if (first.number === second.number && first !== second) {
    throw new Violation("(f) the copies of the superblock contradict each other");
  }
  return first.number > second.number ? first : second;
}

function* writeCopy(process: Process, at: number, value: Superblock): Steps<void> {
  process.world.isDelicate = true;
  yield;
  write(process, at, value);
  yield;
  write(process, at + 1, value);
}

function* syncCopy(process: Process): Steps<void> {
  if (!process.world.keeps("superSync")) return;
  yield;
  sync(process);
}

/** Writes both copies, number n to copy n & 1 first: what a writer left torn is written first. */
export function* writeSuperblock(process: Process, value: Superblock): Steps<void> {
  const first = value.number & 1;
  for (const at of [COPIES[first]!, COPIES[first ^ 1]!]) {
    yield* writeCopy(process, at, value);
    yield* syncCopy(process);
  }
  process.world.isDelicate = false;
}

/**
 * Takes the superblock that was read to the medium: it may be in the system's cache only. Whole
 * copies are written again, and synced, before the other copy is touched.
 */
export function* repairSuperblock(process: Process, value: Superblock): Steps<void> {
  const others: number[] = [];
  for (const at of COPIES) {
    const isWhole = (yield* readCopy(process, at)) === value;
    if (!isWhole) others.push(at);
    else if (!process.world.weather.tears) yield* writeCopy(process, at, value);
  }
  yield* syncCopy(process);
  for (const at of others) {
    yield* writeCopy(process, at, value);
    yield* syncCopy(process);
  }
  process.world.isDelicate = false;
}
