/**
 * Copies: they read all pages of the version of a snapshot, a chunk in each hold of the lock, from
 * the file and the records alone. No tree tells them which pages there are, so they believe that a
 * page is free; and no images are kept for them.
 */

import { SLOTS } from "../support/layout.ts";
import { lock, unlock } from "../support/locks.ts";
import { Violation } from "../support/truth.ts";
import type { Process, Snapshot, Steps } from "../support/world.ts";
import { recordsOf } from "./journal.ts";
import { build, fileHeader } from "./page_reader.ts";
import { endSnapshot } from "./reads.ts";
import { refreshLocked } from "./refresh.ts";

/** Copies a snapshot; it ends where newer pages may be in place. */
export function* copySnapshot(process: Process, snapshot: Snapshot): Steps<void> {
  const { world } = process;
  const chunks = Math.ceil(snapshot.state.pages.length / SLOTS);
  for (let chunk = 0; chunk < chunks; chunk++) {
    yield* lock(process);
    yield* refreshLocked(process);
    const placed = Math.max(world.placed, process.superblock.version);
    const isGone = world.keeps("placed") && placed > snapshot.version;
    if (!isGone) yield* copyChunk(process, snapshot, chunk);
    unlock(process);
    if (!isGone) continue;
    yield* endSnapshot(process);
    return world.count("copies that ended");
  }
  world.count("copies");
}

function* copyChunk(process: Process, { version, state }: Snapshot, chunk: number): Steps<void> {
  if (process.superblock.areas.flat().includes(chunk)) return;
  for (let page = chunk * SLOTS + 1; page < (chunk + 1) * SLOTS; page++) {
    const want = state.pages[page];
    const isThere = yield* isInUse(process, page, version);
    if (isThere !== (want !== undefined)) {
      throw new Violation(`(e) a copy takes page ${page} for ${isThere ? "used" : "free"}`);
    }
    if (want === undefined) continue;
    const found = yield* build(process, page, version);
    const isRight = typeof found !== "string" &&
      found.bytes[0] === want[0] && found.bytes[1] === want[1];
    if (!isRight) throw new Violation(`(e) a copy of page ${page} is not that of its version`);
  }
}

/** Whether a page was in use at a version, as the records and the file have it. */
function* isInUse(process: Process, page: number, version: number): Steps<boolean> {
  const record = recordsOf(process, page).findLast((one) => one.version <= version);
  if (record !== undefined) return record.header.kind === "data";
  // What the file has behind its page count does not count.
  if (page >= process.superblock.count * SLOTS) return false;
  return (yield* fileHeader(process, page)).kind === "data";
}
