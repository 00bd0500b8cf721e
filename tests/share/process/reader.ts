/**
 * A process that follows a file: it checks that each read is one committed state, that versions
 * never go back, and that snapshots and iterators keep their version or end with
 * `SnapshotTooOldError`. It says when it has the file, and when it has seen a commit. It ends when
 * a line comes in, and prints what it did, or what was wrong.
 *
 * Arguments: the path, and a seed.
 */

import {
  BusyError,
  type Database,
  open,
  type Snapshot,
  SnapshotTooOldError,
} from "../../../mod.ts";
import { Random } from "../../support/random.ts";
import { checkEntries, CODECS, decodeRegister, readRegisters, REGISTERS } from "./register.ts";

const [path = "", seed = "1"] = Deno.args;
const random = new Random(Number(seed));
const turn = () => new Promise((resolve) => setTimeout(resolve, random.below(4)));

/** What a reader prints: what it did, and the last commit that it saw. */
export interface ReaderResult {
  readonly reads: number;
  readonly moved: number;
  readonly busy: number;
  readonly snapshots: number;
  readonly tooOld: number;
  readonly scans: number;
  readonly end: number;
}

/** The lines that say that a reader has the file, and that it has seen a commit. */
export const FOLLOWS = "follows";
export const MOVED = "moved";

/** What it did. */
const counts = { reads: 0, moved: 0, busy: 0, snapshots: 0, tooOld: 0, scans: 0 };

/** The newest commit seen, with its version. */
let last = { commit: 0, version: 0 };
let held: { snapshot: Snapshot; commit: number } | undefined;
let scan: { entries: Iterator<[Uint8Array, Uint8Array]>; commit: number } | undefined;

function saw(commit: number, version: number): void {
  counts.reads++;
  if (version < last.version) throw new Error(`version ${version} after ${last.version}`);
  if (commit < last.commit) throw new Error(`commit ${commit} after ${last.commit}`);
  if (commit > last.commit && version === last.version) {
    throw new Error(`version ${version} has commits ${last.commit} and ${commit}`);
  }
  if (commit > last.commit && counts.moved++ === 0) console.log(MOVED);
  last = { commit, version };
}

/** Reads within one turn. A read that begins anew is of a newer version. */
function readLive(db: Database): void {
  const { version } = db;
  const value = db.tree(REGISTERS, CODECS).get("register 3");
  const commit = value === undefined ? 0 : decodeRegister(value).commit;
  if (db.version === version) saw(commit, version);
}

function readSnapshot(db: Database): void {
  using snapshot = db.snapshot();
  counts.snapshots++;
  saw(readRegisters(snapshot)?.commit ?? 0, snapshot.version);
  if (random.once(3)) checkEntries(snapshot);
}

/** Keeps a snapshot for some turns. */
function readHeld(db: Database): void {
  if (held === undefined) {
    const snapshot = db.snapshot();
    held = { snapshot, commit: readRegisters(snapshot)?.commit ?? 0 };
    return;
  }
  const commit = readRegisters(held.snapshot)?.commit ?? 0;
  if (commit !== held.commit) throw new Error(`a snapshot has ${commit}, and had ${held.commit}`);
  if (random.once(2)) checkEntries(held.snapshot);
  if (!random.once(4)) return;
  held.snapshot.close();
  held = undefined;
}

/** Takes a step of a scan of the registers, whose commit must stay. */
function step(db: Database): void {
  scan ??= { entries: db.tree(REGISTERS, CODECS).entries(), commit: -1 };
  const { value, done } = scan.entries.next();
  if (done === true) {
    counts.scans++;
    scan = undefined;
    return;
  }
  const { commit } = decodeRegister(value[1]);
  if (scan.commit >= 0 && commit !== scan.commit) {
    throw new Error(`a scan has ${commit} after ${scan.commit}`);
  }
  scan.commit = commit;
}

function read(db: Database): void {
  const what = random.pick([readLive, readLive, readSnapshot, readHeld, step]);
  try {
    what(db);
  } catch (error) {
    if (error instanceof BusyError) counts.busy++;
    else if (error instanceof SnapshotTooOldError) counts.tooOld++;
    else throw error;
    if (what === readHeld) {
      held?.snapshot.close();
      held = undefined;
    }
    if (what === step) scan = undefined;
  }
}

async function run(): Promise<void> {
  let isOver = false;
  Deno.stdin.read(new Uint8Array(1)).then(() => isOver = true);
  const cacheBytes = random.once(2) ? 8 * 1024 * 1024 : 64 * 1024 * 1024;
  let db: Database | undefined;
  while (!isOver) {
    try {
      if (db === undefined) {
        db = open(path, { follow: true, cacheBytes });
        console.log(FOLLOWS);
      }
    } catch (error) {
      if (!(error instanceof BusyError)) throw error;
      counts.busy++;
    }
    if (db !== undefined) { for (let i = random.below(4); i >= 0; i--) read(db); }
    await turn();
  }
  // Nobody writes now, and the file was closed.
  db ??= open(path, { follow: true });
  await turn();
  await turn();
  const end = readRegisters(db)?.commit ?? 0;
  using snapshot = db.snapshot();
  checkEntries(snapshot);
  const result: ReaderResult = { ...counts, end };
  console.log(JSON.stringify(result));
  Deno.exit(0);
}

if (import.meta.main) {
  try {
    await run();
  } catch (error) {
    // The test reads lines.
    console.log(JSON.stringify(error instanceof Error ? error.stack : error));
    Deno.exit(1);
  }
}
