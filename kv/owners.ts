/**
 * The owners of stores. All handles on one file in a process share a database, which the last one
 * closes; handles on a database that the program opened share a store, and leave the database open.
 *
 * A file is known by its identity in the system, so any path to it finds the same owner. A database
 * in memory is not shared.
 */

import { type Database, open } from "../mod.ts";
import { fileIdentity } from "./api/deno.ts";
import { KvStore } from "./store.ts";

/** A share of a store. */
export interface Share {
  /** The store. */
  readonly store: KvStore;
  /** Gives the share back. The last one ends the store. Called once. */
  release(): void;
}

/** The owner of a store. */
interface Owner {
  readonly store: KvStore;
  shares: number;
  /** Ends the store. */
  readonly end: () => void;
}

const owners = new Map<string | Database, Owner>();

/** A share of the store of a database that is open already. */
export function shareDatabase(db: Database): Share {
  const known = owners.get(db);
  if (known !== undefined) return shareOf(known);
  return shareOf(newOwner(db, () => owners.delete(db), db));
}

/**
 * A share of the store of a file, which is created if it does not exist.
 *
 * @throws {LockedError} Another process has it open, or this one has, other than by a path.
 * @throws {CorruptionError} It is damaged, or not a Quire database.
 * @throws {IoError} The system refused.
 */
export function shareFile(path: string | URL): Share {
  const place = String(path);
  const isInMemory = place === ":memory:";
  const known = isInMemory ? undefined : owners.get(fileIdentity(path) ?? place);
  if (known !== undefined) return shareOf(known);
  const db = open(path);
  try {
    const name = isInMemory ? undefined : fileIdentity(path) ?? place;
    const end = () => {
      if (name !== undefined) owners.delete(name);
      db.close();
    };
    return shareOf(newOwner(db, end, name));
  } catch (error) {
    db.close();
    throw error;
  }
}

function newOwner(db: Database, end: () => void, name?: string | Database): Owner {
  const store = new KvStore(db);
  const owner = { store, shares: 0, end };
  store.start();
  if (name !== undefined) owners.set(name, owner);
  return owner;
}

function shareOf(owner: Owner): Share {
  owner.shares++;
  return {
    store: owner.store,
    release() {
      if (--owner.shares > 0) return;
      owner.store.stop();
      owner.end();
    },
  };
}
