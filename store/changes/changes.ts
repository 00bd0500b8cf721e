/**
 * `Database.changes`: the keys and values that differ between an older version and the last commit.
 *
 * The headers of both are compared first, 1/256 of each file, and then the leaves that differ, or
 * whose values differ. The event loop runs between slices of a few milliseconds.
 */

import { Buffer } from "node:buffer";
import { setImmediate } from "node:timers";
import {
  addReferringLeaves,
  ChangedLeaves,
  treeChanges,
  type TreeVersion,
} from "../../btree/mod.ts";
import type { Session } from "../write/session.ts";
import type { DatabaseVersion } from "./older_version.ts";

/** A key of a tree whose value differs from an older version. */
export interface KeyChange {
  /** The name of the tree. */
  readonly tree: string;
  /** The key, as its codec encodes it. */
  readonly key: Uint8Array;
  /** Its value now, as its codec encodes it; undefined if the key was removed. */
  readonly value: Uint8Array | undefined;
}

const ACTION = "list changes";
/** The time between two pauses, in milliseconds. */
const SLICE_MS = 2;
/** How many steps are between two looks at the clock. */
const STEPS = 64;

/**
 * Lists the changes between two versions, by name of tree and by key.
 *
 * @param older Opens the older version, which is disposed at the end.
 * @param newer Opens the newer version, which is disposed at the end.
 * @param signal Ends the listing.
 * @param session Runs a step while no other process writes the file, and knows its end.
 * @throws {RangeError} The older version is not one of the same database.
 * @throws {CorruptionError} A page of either version is damaged.
 * @throws {ClosedError} The session has ended meanwhile.
 */
export async function* changesBetween(
  older: () => DatabaseVersion,
  newer: () => DatabaseVersion,
  signal: AbortSignal | undefined,
  session: Pick<Session, "inTurn" | "checkOpen">,
): AsyncGenerator<KeyChange, void, undefined> {
  using after = newer();
  using before = older();
  checkSameDatabase(before, after);
  const pace = new Pace(signal, session);
  const leaves = new ChangedLeaves();
  const comparison = leaves.compare(before.pages, after.pages);
  const next = () => comparison.next();
  let step = await session.inTurn(next);
  for (; !step.done; step = await session.inTurn(next)) if (pace.isOver) await pace.pause();
  if (!step.value) refuse(before, after, "the file has changes of its own");
  for (const [version, set] of [[before, leaves.older], [after, leaves.newer]] as const) {
    for (const tree of version.catalog.names()) {
      const { id, root } = version.catalog.listed(tree);
      const source = { context: version.context, reader: version.pages, id, root };
      for (const _page of addReferringLeaves(source, set)) if (pace.isOver) await pace.pause();
    }
  }
  for (const tree of namesOf(before, after)) {
    const [was, is] = versionsOf(tree, before, after, leaves);
    let count = 0;
    for (const change of treeChanges(was, is)) {
      if (change !== undefined) {
        yield { tree, ...change };
        session.checkOpen();
      }
      if (++count % STEPS === 0 && pace.isOver) await pace.pause();
    }
    if (pace.isOver) await pace.pause();
  }
}

function checkSameDatabase(older: DatabaseVersion, newer: DatabaseVersion): void {
  if (Buffer.compare(older.databaseId, newer.databaseId) !== 0) {
    refuse(older, newer, "it is another database");
  }
  if (older.pages.meta.version > newer.pages.meta.version) refuse(older, newer, "it is newer");
}

function refuse(older: DatabaseVersion, newer: DatabaseVersion, why: string): never {
  const { version } = newer.pages.meta;
  throw new RangeError(
    `Cannot ${ACTION}: ${older.what} is not an older version of version ${version}: ${why}`,
  );
}

/** The names of the trees of both versions, in the order of their code units. */
function namesOf(older: DatabaseVersion, newer: DatabaseVersion): string[] {
  return [...new Set([...older.catalog.names(), ...newer.catalog.names()])].sort();
}

/** The versions of the tree of a name; undefined where it does not exist or does not matter. */
function versionsOf(
  name: string,
  older: DatabaseVersion,
  newer: DatabaseVersion,
  leaves: ChangedLeaves,
): [older: TreeVersion | undefined, newer: TreeVersion | undefined] {
  const was = older.catalog.get(name);
  const is = newer.catalog.get(name);
  // A name that passed to another tree: all entries of both matter.
  const isSame = was?.id === is?.id;
  return ([[older, was, leaves.older], [newer, is, leaves.newer]] as const).map(
    ([{ context, pages }, entry, { pages: changed, trees }]) => {
      if (entry === undefined || (isSame && !trees.has(entry.id))) return undefined;
      const matters = isSame ? (leaf: number) => changed.has(leaf) : () => true;
      return { context, reader: pages, id: entry.id, root: entry.root, matters };
    },
  ) as [TreeVersion | undefined, TreeVersion | undefined];
}

/** Pauses, so that other tasks run. */
class Pace {
  readonly #signal: AbortSignal | undefined;
  readonly #session: Pick<Session, "checkOpen">;
  #end = performance.now() + SLICE_MS;

  constructor(signal: AbortSignal | undefined, session: Pick<Session, "checkOpen">) {
    this.#signal = signal;
    this.#session = session;
    signal?.throwIfAborted();
  }

  /** Whether it is time for a pause. */
  get isOver(): boolean {
    return performance.now() >= this.#end;
  }

  /** Lets other tasks run. Throws the signal's reason when it is aborted, and after a close. */
  async pause(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#signal?.throwIfAborted();
    this.#session.checkOpen();
    this.#end = performance.now() + SLICE_MS;
  }
}
