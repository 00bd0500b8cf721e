/**
 * Followers that read between any two operations of a writer, and in the middle of its writes: what
 * they see is one committed state, never older than before, and never one that a power cut could
 * take back.
 *
 * QUIRE_FOLLOW=N runs N programs; QUIRE_SEED=N chooses them.
 */

import { assert, assertEquals, assertGreater } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BusyError, type Database, type Snapshot, SnapshotTooOldError } from "../../mod.ts";
import { MemoryFile } from "../../pager/mod.ts";
import { openFollowing, openOn } from "../support/databases/database.ts";
import { Random } from "../support/random.ts";
import { changeState } from "./process/program.ts";
import { checkEntries, readRegisters } from "./process/register.ts";
import { Handle, LiveFile } from "./support/live_file.ts";

const PROGRAMS = Number(Deno.env.get("QUIRE_FOLLOW") ?? 2);
const SEED = Number(Deno.env.get("QUIRE_SEED") ?? 1);
const COMMITS = 60;
const SMALL = { cacheBytes: 8 * 1024 * 1024, journalBytes: 2 * 1024 * 1024 };

/** A follower, and what it saw. */
class Watch {
  readonly counts = { reads: 0, busy: 0, tooOld: 0, moved: 0 };
  commit = 0;
  readonly #file: LiveFile;
  readonly #random: Random;
  #opened: ReturnType<typeof openFollowing> | undefined;
  #version = 0;
  #held: { readonly snapshot: Snapshot; readonly commit: number } | undefined;

  constructor(file: LiveFile, random: Random) {
    this.#file = file;
    this.#random = random;
  }

  /** Reads as a turn of the event loop does. */
  look(): void {
    try {
      // With pages in memory it needs few of the file, and with an old state those may be gone.
      if (this.#random.once(12)) this.close();
      this.#opened ??= openFollowing(this.#file, { lockTimeoutMs: 0, ...SMALL });
      if (this.#random.once(2)) this.#opened.session.refresh();
      this.#read(this.#opened.db);
    } catch (error) {
      if (error instanceof BusyError) this.counts.busy++;
      else if (error instanceof SnapshotTooOldError) this.counts.tooOld++;
      else throw error;
    }
  }

  #read(db: Database): void {
    const held = this.#held;
    if (held !== undefined && this.#random.once(2)) {
      this.#held = undefined;
      using snapshot = held.snapshot;
      assertEquals(readRegisters(snapshot)?.commit ?? 0, held.commit);
      checkEntries(snapshot);
    }
    const snapshot = db.snapshot();
    const commit = readRegisters(snapshot)?.commit ?? 0;
    this.#saw(commit, snapshot.version);
    if (this.#random.once(4)) checkEntries(snapshot);
    if (this.#held === undefined) this.#held = { snapshot, commit };
    else snapshot.close();
  }

  #saw(commit: number, version: number): void {
    assert(commit >= this.commit, `commit ${commit} after ${this.commit}`);
    assert(version >= this.#version, `version ${version} after ${this.#version}`);
    this.counts.reads++;
    if (commit > this.commit) this.counts.moved++;
    this.commit = commit;
    this.#version = version;
  }

  close(): void {
    this.#opened?.db.close();
    this.#opened = this.#held = undefined;
  }
}

/** The commit that opens from what is certainly on the medium. */
function commitOnMedium(file: LiveFile): number {
  if (file.medium.size() === 0) return 0;
  const db = openOn(new MemoryFile(file.medium.content()), SMALL);
  const commit = readRegisters(db)?.commit ?? 0;
  db.close();
  return commit;
}

/** Runs a program of the writer, and looks at each of its operations. */
function run(seed: number): Watch["counts"] {
  const random = new Random(seed);
  const file = new LiveFile();
  openOn(file, SMALL).close();
  const watches = [new Watch(file, random), new Watch(file, random)];
  let cuts = 0;
  file.between = () => {
    if (random.once(3)) random.pick(watches).look();
    if (!random.once(40) || cuts++ > 20) return;
    const least = commitOnMedium(file);
    for (const { commit } of watches) assert(commit <= least, `${commit}, and ${least} is safe`);
  };
  const tornSectors = random.once(3) ? "protect" : "whole";
  let handle = new Handle(file);
  let db = openOn(handle, { ...SMALL, tornSectors });
  for (let i = 0; i < COMMITS; i++) {
    const durability = random.pick(["sync", "sync", "buffered", "none"] as const);
    db.writeSync((tx) => changeState(tx, random), { durability });
    if (random.once(10)) db.checkpoint();
    if (!random.once(25)) continue;
    // Some writers are killed, so that the next one recovers.
    if (random.once(2)) db.close();
    handle.isDead = true;
    handle = new Handle(file);
    db = openOn(handle, { ...SMALL, tornSectors });
  }
  const last = readRegisters(db)?.commit ?? 0;
  db.close();
  file.between = () => {};
  const counts = { reads: 0, busy: 0, tooOld: 0, moved: 0 };
  for (const watch of watches) {
    watch.close();
    watch.look();
    assertEquals(watch.commit, last, "the last commit is seen once the file is closed");
    for (const name of Object.keys(counts) as (keyof typeof counts)[]) {
      counts[name] += watch.counts[name];
    }
    watch.close();
  }
  return counts;
}

describe("followers between the operations of a writer", () => {
  it("see committed states that no power cut takes back, in order", () => {
    const total = { reads: 0, busy: 0, tooOld: 0, moved: 0 };
    for (let i = 0; i < PROGRAMS; i++) {
      const counts = run(SEED + i);
      for (const name of Object.keys(total) as (keyof typeof total)[]) total[name] += counts[name];
    }
    console.log(`followers, interleaved: ${PROGRAMS} programs, ${JSON.stringify(total)}`);
    assertGreater(total.moved, PROGRAMS * 10);
    assertGreater(total.reads, total.busy * 3);
  });
});
