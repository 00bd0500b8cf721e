/**
 * The ways to copy a database, or to change much of it, that the sweep of failing calls tries: each
 * prepares files in a folder of its own, and then does one thing.
 */

import {
  archive,
  type Database,
  folderStore,
  open,
  openReplica,
  type Replica,
  replicate,
  restore,
} from "../../../mod.ts";

/** What a scenario has prepared. */
export interface Prepared {
  /** The source, which is open. */
  readonly db: Database;
  /** Does it. May be called again after a failure. */
  act(): Promise<unknown>;
  /** Whether the action changes the database: then its own failed write may latch it. */
  readonly changes?: boolean;
  /** The path of the file that it makes, if it does; none, or whole. */
  readonly to?: string;
  /** Whether that file is a database, and not an increment. */
  readonly isDatabase?: boolean;
}

/** Prepares files in a folder. */
export type Scenario = (dir: string) => Prepared | Promise<Prepared>;

const NEVER = 2 ** 30;

const ENTRIES = 300;
/** A key that every database and copy has. */
export const LAST_KEY = "large";

function bytesOf(seed: number, length: number): Uint8Array {
  return new Uint8Array(length).fill(seed);
}

/** Fills a database with entries, some of them with large values. */
function fill(db: Database, seed: number): void {
  db.writeSync((tx) => {
    for (let i = 0; i < ENTRIES; i++) tx.tree("t").set(`${i}`, bytesOf(seed + i, 100));
    tx.tree("t").set(LAST_KEY, bytesOf(seed, 300_000));
    tx.tree("other").set("shared", bytesOf(seed, 3000));
  });
}

function source(dir: string): Database {
  const db = open(`${dir}/db`);
  // A class has fewer permissions than the next one: a copy is created with the fewest.
  Deno.chmodSync(`${dir}/db`, 0o640);
  fill(db, 1);
  return db;
}

function removeIn(dir: string, name: string): void {
  const isThere = [...Deno.readDirSync(dir)].some((entry) => entry.name === name);
  if (isThere) Deno.removeSync(`${dir}/${name}`);
}

async function archived(dir: string) {
  const db = source(dir);
  const store = folderStore(`${dir}/archive`);
  const shipping = archive(db, store, { everyMs: NEVER });
  await shipping.flush();
  const at = db.version;
  fill(db, 2);
  await shipping.flush();
  await shipping.close();
  return { db, store, at };
}

/** The scenarios, by name. */
export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  backup: (dir) => {
    const db = source(dir);
    const to = `${dir}/to`;
    return { db, to, isDatabase: true, act: () => db.backup(to) };
  },
  "compact backup": (dir) => {
    const db = source(dir);
    const to = `${dir}/to`;
    return { db, to, isDatabase: true, act: () => db.backup(to, { compact: true }) };
  },
  increment: async (dir) => {
    const db = source(dir);
    const { version: since } = await db.backup(`${dir}/base`);
    fill(db, 2);
    const to = `${dir}/to`;
    return { db, to, act: () => db.backup(to, { since }) };
  },
  "backup to a stream": (dir) => {
    const db = source(dir);
    return { db, act: () => db.backup(new WritableStream()) };
  },
  restore: async (dir) => {
    const db = source(dir);
    const { version: since } = await db.backup(`${dir}/base`);
    fill(db, 2);
    await db.backup(`${dir}/1`, { since });
    const to = `${dir}/to`;
    const act = () => restore(to, `${dir}/base`, `${dir}/1`);
    return { db, to, isDatabase: true, act };
  },
  "restore from an archive": async (dir) => {
    const { db, store } = await archived(dir);
    const to = `${dir}/to`;
    return { db, to, isDatabase: true, act: () => restore(to, { from: store }) };
  },
  "restore at a version": async (dir) => {
    const { db, store, at } = await archived(dir);
    const to = `${dir}/to`;
    return { db, to, isDatabase: true, act: () => restore(to, { from: store, at }) };
  },
  archive: (dir) => {
    const db = source(dir);
    const act = async () => {
      const shipping = archive(db, folderStore(`${dir}/archive`), { everyMs: 1 });
      try {
        fill(db, 2);
        await shipping.flush();
        const to = `${dir}/drill`;
        removeIn(dir, "drill");
        await restore(to, { from: folderStore(`${dir}/archive`) });
        open(to).close();
      } finally {
        await shipping.close();
      }
    };
    return { db, changes: true, act };
  },
  "replica of an archive": async (dir) => {
    const { db, store } = await archived(dir);
    return replicaOf(db, () => openReplica(`${dir}/to`, { from: store, everyMs: 1 }));
  },
  "replica of a stream": (dir) => {
    const db = source(dir);
    const from = (after?: string) => replicate(db, { everyMs: 1, after });
    return replicaOf(db, () => openReplica(`${dir}/to`, { from, everyMs: 1 }));
  },
  promotion: async (dir) => {
    const { db, store } = await archived(dir);
    const to = `${dir}/to`;
    const { version } = db;
    const act = async () => {
      removeIn(dir, "to");
      const replica = await openReplica(to, { from: store, everyMs: 1 });
      try {
        await replica.reaches(version);
        await replica.promote();
        using promoted = open(to);
        if (!promoted.tree("t").has(LAST_KEY)) {
          throw new Error("the promoted replica lacks entries");
        }
      } finally {
        await replica.close();
      }
    };
    return { db, act };
  },
  compact: async (dir) => {
    const db = source(dir);
    await db.tree("t").deleteRange({ gte: "1", lt: "2" });
    return { db, changes: true, act: () => db.compact() };
  },
  load: (dir) => {
    const db = source(dir);
    const key = (i: number) => String(i).padStart(4, "0");
    function* entries(): Generator<[string, Uint8Array]> {
      for (let i = 0; i < 500; i++) yield [key(i), bytesOf(i, 2500)];
    }
    return { db, changes: true, act: () => db.tree("loaded").load(entries()) };
  },
  setStream: (dir) => {
    const db = source(dir);
    const act = () => {
      const part = () => new Uint8Array(400_000);
      return db.tree("t").setStream("stream", ReadableStream.from([part(), part(), part()]));
    };
    return { db, changes: true, act };
  },
  dropTree: (dir) => {
    const db = source(dir);
    return { db, changes: true, act: () => Promise.resolve(db.dropTree("other")) };
  },
};

/** Follows a database to its version. */
function replicaOf(db: Database, start: () => Promise<Replica>): Prepared {
  const { version } = db;
  const act = async () => {
    const replica = await start();
    try {
      await replica.reaches(version);
      if (!replica.db.tree("t").has(LAST_KEY)) throw new Error("the replica lacks entries");
    } finally {
      await replica.close();
    }
  };
  return { db, act };
}
