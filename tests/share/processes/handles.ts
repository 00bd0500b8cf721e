/**
 * Handles of one shared database in a folder of its own, for the tests of a file. They are closed,
 * and the folder removed, after each test.
 */

import { afterEach, beforeEach } from "@std/testing/bdd";
import { type Database, open, string, type Tree } from "../../../mod.ts";

/** The codecs of the trees of these tests. */
export const CODECS = { key: string, value: string };

/** The handles of a test, and where their database is. */
export class Handles {
  folder = "";
  /** Those that are closed after the test, the last one first. */
  readonly opened: Database[] = [];

  /** The path of the database. */
  get path(): string {
    return `${this.folder}/a.quire`;
  }

  /** Opens the database, shared unless the options say otherwise. */
  open(options: Parameters<typeof open>[1] = {}): Database {
    const db = open(this.path, { shared: true, ...options });
    this.opened.push(db);
    return db;
  }

  /** Closes all. */
  closeAll(): void {
    for (const db of this.opened.splice(0).reverse()) db.close();
  }
}

/** Prepares handles for each test of a file. */
export function handlesForEach(): Handles {
  const handles = new Handles();
  beforeEach(() => void (handles.folder = Deno.makeTempDirSync()));
  afterEach(() => {
    handles.closeAll();
    Deno.removeSync(handles.folder, { recursive: true });
  });
  return handles;
}

/** A tree of words. */
export function treeOf(db: Database, name = "words"): Tree<string, string> {
  return db.tree(name, CODECS);
}

/** A turn of the event loop, after which each handle looks again. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}

/** Takes the write lock of a shared file as another process does, once no handle here keeps it. */
export async function lockByOther(path: string): Promise<Disposable> {
  const file = Deno.openSync(`${path}-lock`, { read: true, write: true });
  while (!file.tryLockSync(true)) await nextTurn();
  return { [Symbol.dispose]: () => file.close() };
}
