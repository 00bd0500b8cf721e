/**
 * Archives: one process ships to a store, on another machine, what all have committed. It takes its
 * own batches, and those that it reads, from a queue, in the order of the journal. What it has read
 * is on the medium before it ships it.
 *
 * A process that begins to archive, or whose queue was lost, reads on under the write lock, and
 * ships pages (`copies.ts` has how these are read); its queue begins there. The lock that keeps the
 * others from doing the work twice may be deleted: nothing depends on it.
 */

import type { Batch } from "../support/layout.ts";
import { lock, unlock } from "../support/locks.ts";
import { isAncestor, type State, Violation } from "../support/truth.ts";
import type { Archived, Process, Steps } from "../support/world.ts";
import { ABSENT, replay } from "./journal.ts";
import { refresh, refreshLocked } from "./refresh.ts";
import { syncBehind } from "./transaction.ts";

/** Ships what was committed, unless another process does. */
export function* archive(process: Process): Steps<void> {
  const { world } = process;
  yield;
  const isOther = world.archiver !== undefined && world.archiver !== process;
  if (isOther && process.queue === undefined && !world.random.once(4)) return;
  world.archiver ??= process;
  if (process.queue !== undefined) yield* refresh(process);
  const begins = process.queue === undefined;
  if (begins) yield* beginQueue(process);
  const { state } = process;
  if (world.keeps("archiveSynced")) yield* syncBehind(process);
  const from = process.archived ?? lastOf(world.archive);
  yield;
  ship(process, from, state, begins && world.keeps("archiveGap"));
}

function* beginQueue(process: Process): Steps<void> {
  const known = lastOf(process.world.archive);
  if (process.world.keeps("archiveLock")) {
    yield* lock(process);
    yield* refreshLocked(process);
    unlock(process);
  } else yield* refresh(process);
  process.queue = [];
  if (isAncestor(known, process.state)) return;
  throw new Violation("(j) a process begins to archive behind what is archived");
}

/** The newest state in a store. */
function lastOf(archive: Archived): State {
  return [...archive.keys()].reduce((last, state) => state.depth > last.depth ? state : last);
}

/** Puts a segment that leads from one state to another, by all pages or by the queue. */
function ship(process: Process, from: State, to: State, byPages: boolean): void {
  const { world } = process;
  if (!isAncestor(from, to)) return refuse(process);
  world.truth.archive(to);
  const before = world.archive.get(from)!;
  const pages = byPages ? to.pages : replayed(before, process.queue ?? [], from, to);
  checkRestored(pages, to);
  world.archive.set(to, pages);
  process.archived = to;
  process.queue?.splice(0);
  world.count(byPages ? "segments of pages" : "segments of commits");
}

/** Ends the archiving: another process archives as well, and was faster. */
function refuse(process: Process): void {
  const { world } = process;
  process.queue = undefined;
  if (world.archiver === process) world.archiver = undefined;
  world.count("archives that ended");
}

/** Pages with the batches of the states behind one, up to another. */
function replayed(
  pages: State["pages"],
  batches: readonly Batch[],
  from: State,
  to: State,
): State["pages"] {
  const made = pages.slice();
  for (const { state, records } of batches) {
    if (state.depth <= from.depth || state.depth > to.depth) continue;
    for (const record of records) {
      const known = made[record.page];
      const page = known === undefined ? ABSENT : { bytes: known, header: ABSENT.header };
      const { bytes } = replay(page, record);
      made[record.page] = record.kind === "freed" ? undefined : bytes as readonly number[];
    }
  }
  return made;
}

function checkRestored(pages: State["pages"], { pages: wanted }: State): void {
  for (let page = 0; page < Math.max(pages.length, wanted.length); page++) {
    const [found, want] = [pages[page], wanted[page]];
    if (found === want || (found?.[0] === want?.[0] && found?.[1] === want?.[1])) continue;
    throw new Violation(`(j) page ${page} of a restored archive has ${found}, and not ${want}`);
  }
}
