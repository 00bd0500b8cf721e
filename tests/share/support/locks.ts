/**
 * The two locks: the write lock, held by the process that writes, opens or closes, and the presence
 * lock, held for as long as a file is open. The system releases both when a process ends.
 *
 * A change of the presence lock from one kind to the other gives the first up before it takes the
 * second, so another process may come in between.
 */

import type { Process, Steps } from "./world.ts";

/** Waits for the write lock. An exclusive process needs none. */
export function* lock(process: Process): Steps<void> {
  const { world } = process;
  if (process.kind === "exclusive") return;
  if (!world.keeps("lock")) {
    yield;
    return;
  }
  process.waits = true;
  do yield; while (world.writer !== undefined);
  process.waits = false;
  world.writer = process;
  if (world.weather.isWhole) yield* nameHolder(process);
}

/** Looks who had the lock last, and names itself before it does anything else. */
function* nameHolder(process: Process): Steps<void> {
  const { world } = process;
  yield;
  process.isLastHolder = world.holder === process;
  if (process.isLastHolder || !world.keeps("holderNamed")) return;
  yield;
  world.holder = process;
}

/** Gives the write lock up; one that is killed writes nothing more. */
export function unlock(process: Process, isKilled = false): void {
  const { world } = process;
  if (process.kind !== "exclusive" && world.writer !== process) return;
  const namesLate = !world.keeps("holderNamed") && !isKilled && world.writer === process;
  if (namesLate) world.holder = process;
  world.writer = world.writer === process ? undefined : world.writer;
  world.isDelicate = false;
}

/** Takes the presence lock for itself alone, if it can. */
export function* tryExclusive(process: Process): Steps<boolean> {
  const { world } = process;
  yield;
  if (world.sharing.delete(process)) {
    world.inGap = process;
    yield;
    world.inGap = undefined;
  }
  if (!world.keeps("presence")) return true;
  if (world.exclusive !== undefined || world.sharing.size > 0) return false;
  world.exclusive = process;
  return true;
}

/** Takes the presence lock with others, if it can. */
export function* tryShared(process: Process): Steps<boolean> {
  const { world } = process;
  world.inGap = process;
  if (world.exclusive === process) world.exclusive = undefined;
  yield;
  world.inGap = undefined;
  if (world.exclusive !== undefined) return false;
  if (world.keeps("presence")) world.sharing.add(process);
  return true;
}

/** Gives the presence lock up. */
export function leave(process: Process): void {
  const { world } = process;
  world.sharing.delete(process);
  if (world.exclusive === process) world.exclusive = undefined;
  if (world.inGap === process) world.inGap = undefined;
  if (world.archiver === process) world.archiver = undefined;
  process.queue = undefined;
}
