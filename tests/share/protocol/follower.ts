/**
 * A follower: reads a file that others write, and takes no lock, writes nothing, and is counted
 * nowhere.
 *
 * It goes no further than what is known to be on the medium: what the superblock holds, what the
 * commit word names as durable, and what a later batch names as durable. A page that it cannot use
 * makes it refresh and begin anew; after some tries it is busy.
 */

import type { Batch, Superblock } from "../support/layout.ts";
import { readWord } from "../support/sidecar.ts";
import { readSuperblock } from "../support/superblocks.ts";
import { isAncestor, Violation } from "../support/truth.ts";
import { NO_LIMIT, Process, type Snapshot, type Steps } from "../support/world.ts";
import { apply, begin, keepImage, readNext } from "./journal.ts";
import { pagesOf, tryRead, versionOf } from "./reads.ts";
import { keepCurrent, takeSuperblock } from "./refresh.ts";

const TRIES = 4;

/** Refreshes a follower; whether it reached a state that it may show. */
export function* follow(process: Process): Steps<boolean> {
  const { world } = process;
  for (let turn = 0; turn < TRIES; turn++) {
    const isFresh = world.keeps("followSuper") || !process.isOpen;
    const found = isFresh ? yield* readSuperblock(process) : process.superblock;
    if (found === undefined) continue;
    // The engine's followers read no sidecar.
    const word = world.weather.isWhole ? undefined : yield* readWord(process);
    const bound = Math.max(found.sequence, word?.durable ?? 0);
    const next = yield* moveOn(process, found, bound);
    if (next === undefined) continue;
    const again = isFresh ? yield* readSuperblock(process) : found;
    if (again?.number !== found.number || next.sequence < process.sequence) continue;
    if (!isAncestor(process.state, next.state)) throw new Violation("(b) a follower went back");
    const { steps, sleepsUntil } = process;
    Object.assign(process, next, { steps, sleepsUntil, isOpen: true });
    return true;
  }
  world.count("a follower was busy");
  return false;
}

/** The next view of a follower; the one that it has stays as it is. */
function* moveOn(process: Process, found: Superblock, bound: number): Steps<Process | undefined> {
  const { world, pages } = process;
  const next = viewOf(process);
  const isBehind = !process.isOpen || !takeSuperblock(next, found);
  if (isBehind) {
    for (let page = 0; page < pages.length; page++) keepImage(process, page, NO_LIMIT);
    begin(next, found);
  }
  if (!(yield* readUpTo(next, bound))) return undefined;
  if (isBehind) yield* keepCurrent(next, pages);
  world.count(isBehind ? "views begun" : "views moved on");
  return next;
}

function viewOf(process: Process): Process {
  const { world, id, superblock, pages, index, batches, logged } = process;
  return Object.assign(new Process(world, id, "follower", superblock), process, {
    steps: undefined,
    pages: pages.slice(),
    index: index.slice(),
    batches: batches.slice(),
    logged: logged.slice(),
  });
}

/** Applies the batches that are durable, at least up to a sequence; whether that was reached. */
function* readUpTo(next: Process, bound: number): Steps<boolean> {
  const ahead = Object.assign(viewOf(next), { pages: [], snapshot: undefined });
  const groups: Batch[][] = [];
  let durable = Math.max(bound, next.durable);
  for (;;) {
    const group = yield* readNext(ahead);
    if (group.length === 0) break;
    groups.push(group);
    for (const batch of group) {
      apply(ahead, batch);
      durable = Math.max(durable, batch.durable);
    }
  }
  for (const group of groups) {
    if (group.at(-1)!.sequence > durable && next.world.keeps("followBound")) break;
    for (const batch of group) apply(next, batch);
  }
  next.durable = next.sequence;
  return next.sequence >= bound;
}

/** Refreshes a follower, and reads two pages. */
export function* followAndRead(process: Process): Steps<void> {
  const { world } = process;
  for (let turn = 0; turn < TRIES && (yield* follow(process)); turn++) {
    const failure = yield* tryRead(process);
    if (failure === undefined) return world.count("reads by followers");
  }
  world.count("a follower was busy");
}

/** Takes a snapshot, which nothing pins. */
export function* followSnapshot(process: Process): Steps<void> {
  if (!(yield* follow(process))) return;
  const { version, state } = process;
  process.snapshot = { version, state, images: [], isDurable: true };
}

/** Reads a page of a snapshot, which ends where its version is gone. */
export function* followSnapshotRead(process: Process, snapshot: Snapshot): Steps<void> {
  const { world } = process;
  const pages = pagesOf(snapshot.state);
  if (pages.length === 0) return;
  const page = world.random.pick(pages);
  const found = yield* versionOf(process, snapshot, page);
  if (typeof found === "string") {
    process.snapshot = undefined;
    return world.count("SnapshotTooOldError of followers");
  }
  snapshot.images[page] = found;
  world.truth.read(snapshot.state, page, found.bytes, "(e) a follower's snapshot", true);
  world.count("reads by snapshots of followers");
}
