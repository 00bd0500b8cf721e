/**
 * The arguments of `Database.changes`: checks them, and finds the older version that they name.
 */

import { changesBetween, type KeyChange } from "./changes/changes.ts";
import { type DatabaseVersion, fileOf, lastCommitOf, snapshotOf } from "./changes/older_version.ts";
import { ANY, checkOptions, SIGNAL } from "./read/argument_checks.ts";
import { pagesIn, Snapshot } from "./snapshot.ts";
import type { Session } from "./write/session.ts";

const ACTION = "list changes";

/** Options of `Database.changes`. */
export interface ChangesOptions {
  /**
   * The older version: an open snapshot of it, or the path of a copy of it that `backup` or
   * `restore` made. A number is refused unless it is the last version: its pages are gone.
   */
  since: Snapshot | string | URL | number;
  /** Ends the listing when aborted: the next step throws the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** Lists what changed since an older version; see `Database.changes`. */
export function listChanges(
  session: Session,
  options: ChangesOptions,
  refuseInsideOrClosed: () => void,
): AsyncGenerator<KeyChange, void, undefined> {
  checkOptions(ACTION, options, { since: ANY, signal: SIGNAL });
  const { since, signal } = options;
  const older = olderVersion(since, session);
  const newer = () => {
    refuseInsideOrClosed();
    return lastCommitOf(session);
  };
  return changesBetween(older, newer, signal, session);
}

/** Checks what names the older version; returns what opens it. */
function olderVersion(since: ChangesOptions["since"], session: Session): () => DatabaseVersion {
  if (since instanceof Snapshot) {
    const pages = pagesIn(since, session);
    if (pages !== undefined) return () => snapshotOf(session, pages);
    throw new TypeError(`Cannot ${ACTION}: the snapshot is of another database`);
  }
  if (typeof since === "string" || since instanceof URL) return () => fileOf(ACTION, since);
  if (typeof since === "number") {
    checkVersion(since, session);
    return () => {
      checkVersion(since, session);
      return lastCommitOf(session);
    };
  }
  const given = since === null ? "null" : typeof since;
  throw new TypeError(`Cannot ${ACTION}: since is ${given}, not a snapshot, a path or a version`);
}

function checkVersion(since: number, session: Session): void {
  if (since === session.pager.meta.version) return;
  throw new RangeError(
    `Cannot ${ACTION}: the pages of version ${since} are gone; ` +
      "give a snapshot of it that is open, or the path of a copy of it",
  );
}
