/**
 * The older version of a database that changes are listed from: a snapshot, or a copy of the file
 * that a backup made.
 */

import { Catalog, type TreeContext } from "../../btree/mod.ts";
import { openPager, type PageSnapshot, pathOf } from "../../pager/mod.ts";
import { Session } from "../write/session.ts";

/** One version of a database. */
export interface DatabaseVersion extends Disposable {
  /** What it is, for errors. */
  readonly what: string;
  /** The context of its trees. */
  readonly context: TreeContext;
  /** Its pages. */
  readonly pages: PageSnapshot;
  /** Its trees. */
  readonly catalog: Catalog;
  /** The id of its database. */
  readonly databaseId: Uint8Array;
}

/** The last commit of an open database. The result keeps its pages until it is disposed. */
export function lastCommitOf(session: Session): DatabaseVersion {
  const pages = session.pager.snapshot();
  return {
    ...versionOf(session, pages, "the last commit"),
    [Symbol.dispose]: () => pages.close(),
  };
}

/** The version that a snapshot shows. Its owner closes the snapshot. */
export function snapshotOf(session: Session, pages: PageSnapshot): DatabaseVersion {
  const what = `the snapshot of version ${pages.meta.version}`;
  return { ...versionOf(session, pages, what), [Symbol.dispose]: () => {} };
}

/**
 * The version that a file shows, which is opened read-only until the result is disposed.
 *
 * @throws {IoError} The system refused.
 * @throws {LockedError} Another handle writes it.
 * @throws {CorruptionError} It is damaged, or not a database.
 */
export function fileOf(action: string, path: string | URL): DatabaseVersion {
  const place = pathOf(action, path);
  const session = new Session(openPager(place, { readOnly: true, follow: false }));
  try {
    const pages = session.pager.snapshot();
    return { ...versionOf(session, pages, place), [Symbol.dispose]: () => session.close() };
  } catch (error) {
    session.close();
    throw error;
  }
}

function versionOf(session: Session, pages: PageSnapshot, what: string) {
  const { context, pager } = session;
  const { databaseId } = pager.copies;
  return { what, context, pages, catalog: new Catalog(context, pages), databaseId };
}
