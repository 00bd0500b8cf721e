/**
 * Copies of every kind to a disk that is full, or that cannot be written: each is refused with an
 * `IoError`, leaves nothing on the disk, and its source as it was. An archive in a folder of such a
 * disk goes on when there is room.
 *
 * Only the superuser of a Linux system can mount a tmpfs; otherwise the tests are skipped.
 */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  archive,
  type Database,
  folderStore,
  IoError,
  open,
  openReplica,
  replicate,
  restore,
} from "../../mod.ts";
import { assertContent, bytesOf, contentOf } from "../support/databases/database.ts";
import { MemoryStore } from "../support/databases/memory_store.ts";
import { inTempDir } from "../support/temp.ts";
import { canMountDisks, makeReadOnly, onSmallDisk } from "./support/small_disk.ts";

const FAST = { everyMs: 1 };
const canMount = canMountDisks();

/** Sets entries of 9 MB in all, more than the disk has. */
function fill(db: Database, seed: number): void {
  db.writeSync((tx) => {
    for (let i = 0; i < 1000; i++) tx.tree("t").set(`${i}`, bytesOf(seed + i, 9000));
  });
}

/** A source, and copies of it in a folder with room. */
interface Source {
  readonly db: Database;
  readonly base: string;
  readonly increment: string;
  readonly since: number;
  readonly store: MemoryStore;
}

async function inSource(body: (source: Source) => Promise<void>): Promise<void> {
  await inTempDir(async (dir) => {
    using db = open(`${dir}/db`);
    const store = new MemoryStore();
    db.writeSync((tx) => tx.tree("t").set("first", new Uint8Array(1)));
    const [base, increment] = [`${dir}/base`, `${dir}/increment`];
    const { version: since } = await db.backup(base);
    fill(db, 1);
    await db.backup(increment, { since });
    await using shipping = archive(db, store, FAST);
    await shipping.flush();
    await body({ db, base, increment, since, store });
  });
}

/** Every way to make a copy, at a path that does not exist. */
const COPIES: Readonly<Record<string, (source: Source, to: string) => Promise<unknown>>> = {
  "a backup": ({ db }, to) => db.backup(to),
  "a compact backup": ({ db }, to) => db.backup(to, { compact: true }),
  "an increment": ({ db, since }, to) => db.backup(to, { since }),
  "a restore": ({ base, increment }, to) => restore(to, base, increment),
  "a restore from an archive": ({ store }, to) => restore(to, { from: store }),
  "a replica of an archive": ({ store }, to) => openReplica(to, { from: store }),
  "a replica of a stream": ({ db }, to) => openReplica(to, { from: replicate(db, FAST) }),
};

function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name);
}

describe("a disk that does not take a copy", () => {
  const on = (name: string, body: (folder: string) => Promise<void>) => {
    const skipped = canMount ? "" : " (skipped: only root can mount a tmpfs)";
    it(name + skipped, { skip: !canMount }, async () => assert(await onSmallDisk(body)));
  };

  on("because it is full, keeps nothing of it", (folder) =>
    inSource(async (source) => {
      const content = contentOf(source.db);
      for (const [what, copy] of Object.entries(COPIES)) {
        const error = await assertRejects(() => copy(source, `${folder}/to`), IoError, "", what);
        assertMatch(error.message, /No space left/, what);
        assertEquals(namesIn(folder), [], what);
      }
      assertContent(contentOf(source.db), content);
      assert((await source.db.verify()).ok);
    }));

  on(
    "because it is read-only, has nothing of it, and a store there can be read",
    (folder) =>
      inSource(async (source) => {
        const kept = folderStore(`${folder}/archive`);
        {
          using db = open(":memory:");
          await db.tree("t").set("a", new Uint8Array(1));
          await using _shipping = archive(db, kept);
        }
        assert(makeReadOnly(folder));
        for (const [what, copy] of Object.entries(COPIES)) {
          const error = await assertRejects(() => copy(source, `${folder}/to`), IoError, "", what);
          assertMatch(error.message, /read-only file system/i, what);
          assertEquals(namesIn(folder), ["archive"], what);
        }
        await inTempDir((dir) => restore(`${dir}/to`, { from: kept }));
      }),
  );

  on("fails an archive until there is room", async (folder) => {
    const store = folderStore(`${folder}/archive`);
    using db = open(":memory:");
    await using shipping = archive(db, store, FAST);
    await shipping.flush();
    const ballast = `${folder}/ballast`;
    Deno.writeFileSync(ballast, new Uint8Array(7_500_000));
    db.writeSync((tx) => tx.tree("t").set("large", bytesOf(1, 1_500_000)));
    const { failures } = db.stats().archive!;
    while (db.stats().archive!.failures < failures + 2) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assertMatch(db.stats().archive!.failure!, /No space left/);
    Deno.removeSync(ballast);
    await shipping.flush();
    await inTempDir(async (dir) => {
      await restore(`${dir}/to`, { from: store });
      using restored = open(`${dir}/to`);
      assertContent(contentOf(restored), contentOf(db));
    });
  });
});
