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
  checkSince(since, session);
  const newer = () => {
    refuseInsideOrClosed();
    return lastCommitOf(session);
  };
  return changesBetween(
    () => olderVersion(session, since),
    newer,
    signal,
    session.inTurn.bind(session),
  );
}

function checkSince(since: ChangesOptions["since"], session: Session): void {
  if (since instanceof Snapshot) {
    if (pagesIn(since, session) !== undefined) return;
    throw new TypeError(`Cannot ${ACTION}: the snapshot is of another database`);
  }
  if (typeof since === "string" || since instanceof URL) return;
  if (typeof since === "number") return checkVersion(since, session);
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

function olderVersion(session: Session, since: ChangesOptions["since"]): DatabaseVersion {
  if (since instanceof Snapshot) return snapshotOf(session, pagesIn(since, session)!);
  if (typeof since !== "number") return fileOf(ACTION, since);
  checkVersion(since, session);
  return lastCommitOf(session);
}
