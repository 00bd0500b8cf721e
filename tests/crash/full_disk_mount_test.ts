/**
 * Full disks, real: a tmpfs of 8 MiB is filled to its last block at each stage of a database's
 * life. Acknowledged entries are there, and the database opens for writing, deletes entries and
 * shrinks, through `mod.ts` and the command line.
 *
 * Only the superuser of a Linux system can mount a tmpfs; otherwise the tests are skipped.
 */

import { assert, assertEquals, assertGreater, assertLess, assertLessOrEqual } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import { type Database, IoError, open, restore, verify } from "../../mod.ts";
import { quire } from "../support/programs/cli.ts";
import { canMountDisks, onSmallDisk } from "./support/small_disk.ts";

const FILL_CHILD = fromFileUrl(new URL("./children/fill_child.ts", import.meta.url));
const VALUE_SIZES = [300, 5_000, 30_000, 300_000];

/** Fills the disk to its last block. */
function takeTheRest(folder: string): void {
  const file = Deno.openSync(`${folder}/ballast`, { create: true, append: true });
  try {
    for (const length of [65_536, 4096]) {
      const bytes = new Uint8Array(length);
      while (hasRoomFor(file, bytes));
    }
  } finally {
    file.close();
  }
}

function hasRoomFor(file: Deno.FsFile, bytes: Uint8Array): boolean {
  try {
    return file.writeSync(bytes) === bytes.length;
  } catch {
    return false;
  }
}

const keyOf = (i: number) => new TextEncoder().encode(`${i}`);

/** Sets entries of a size until one is refused. Returns how many were set. */
function fill(db: Database, bytes: number, first = 0): number {
  const tree = db.tree("values");
  for (let i = first;; i++) {
    try {
      db.writeSync((tx) => tx.tree(tree).set(keyOf(i), new Uint8Array(bytes).fill(i)));
    } catch (error) {
      assert(error instanceof IoError && /No space left/.test(error.message), String(error));
      return i;
    }
  }
}

/** Expects all entries up to a number to be intact. */
function expectEntries(db: Database, bytes: number, first: number, end: number): void {
  const tree = db.tree("values");
  assertEquals(tree.count(), end - first);
  for (let i = first; i < end; i++) {
    const value = tree.get(keyOf(i));
    assert(value?.length === bytes && value.every((byte) => byte === (i & 0xff)), `entry ${i}`);
  }
}

/** Deletes entries, one in each transaction. */
function empty(db: Database, first: number, end: number): void {
  const tree = db.tree("values");
  for (let i = first; i < end; i++) db.writeSync((tx) => tx.tree(tree).delete(keyOf(i)));
}

/** The bytes of the disk that a file occupies. */
function bytesOn(path: string): number {
  return Deno.statSync(path).blocks! * 512;
}

/** Expects a database on a full disk to open, and to let all its entries be deleted. */
async function expectUsable(path: string, bytes: number, count: number): Promise<void> {
  const before = bytesOn(path);
  const db = open(path);
  expectEntries(db, bytes, 0, count);
  empty(db, 0, count >> 1);
  expectEntries(db, bytes, count >> 1, count);
  db.checkpoint();
  empty(db, count >> 1, count);
  assertEquals(db.tree("values").count(), 0);
  db.close();
  assertLessOrEqual(bytesOn(path), before);
  assertLess(bytesOn(path), 256 * 1024);
  assertEquals((await verify(path)).ok, true);
}

describe("a full tmpfs", () => {
  const canMount = canMountDisks();
  const on = (name: string, body: (folder: string) => unknown) => {
    const skipped = canMount ? "" : " (skipped: only root can mount a tmpfs)";
    it(name + skipped, { ignore: !canMount }, async () => {
      assert(await onSmallDisk(body));
    });
  };

  for (const bytes of VALUE_SIZES) {
    on(`refuses values of ${bytes} bytes, and takes checkpoints, deletes and others`, (folder) => {
      const path = `${folder}/a.quire`;
      const db = open(path);
      const count = fill(db, bytes);
      assertGreater(count, 5);
      takeTheRest(folder);
      db.checkpoint();
      expectEntries(db, bytes, 0, count);
      empty(db, 0, count >> 1);
      db.checkpoint();
      // The space of deleted entries can be reused by others of their size.
      const tree = db.tree("values");
      db.writeSync((tx) => tx.tree(tree).set(keyOf(count), new Uint8Array(bytes).fill(count)));
      expectEntries(db, bytes, count >> 1, count + 1);
      empty(db, count >> 1, count + 1);
      db.close();
      assertLess(bytesOn(path), 256 * 1024);
    });

    on(
      `does not stop a database that was killed on it; values of ${bytes} bytes`,
      async (folder) => {
        const path = `${folder}/a.quire`;
        const args = ["run", "-A", "--no-check", FILL_CHILD, path, `${bytes}`, "0"];
        const { stdout } = new Deno.Command(Deno.execPath(), { args }).outputSync();
        const count = Number(new TextDecoder().decode(stdout));
        assertGreater(count, 5);
        takeTheRest(folder);
        await expectUsable(path, bytes, count);
      },
    );

    on(
      `does not stop a database that was closed on it; values of ${bytes} bytes`,
      async (folder) => {
        const path = `${folder}/a.quire`;
        const db = open(path);
        const count = fill(db, bytes);
        db.close();
        takeTheRest(folder);
        await expectUsable(path, bytes, count);
      },
    );
  }

  on("may fill up after any commit", async (folder) => {
    for (const commits of [1, 2, 5, 20, 60]) {
      const path = `${folder}/${commits}.quire`;
      const db = open(path);
      const tree = db.tree("values");
      for (let i = 0; i < commits; i++) {
        db.writeSync((tx) => tx.tree(tree).set(keyOf(i), new Uint8Array(9_000).fill(i)));
      }
      takeTheRest(folder);
      const count = fill(db, 9_000, commits);
      db.close();
      takeTheRest(folder);
      await expectUsable(path, 9_000, count);
      Deno.removeSync(path);
      Deno.removeSync(`${folder}/ballast`);
    }
  });

  on("refuses a backup, an increment and a restore, and keeps nothing of them", async (folder) => {
    using db = open(":memory:");
    const tree = db.tree("values");
    const set = (fill: number) => {
      for (let i = 0; i < 1000; i++) tree.set(keyOf(i), new Uint8Array(9000).fill(fill));
    };
    await tree.set("first", new Uint8Array(1));
    const { version: since } = await db.backup(`${folder}/base`);
    set(1);
    const errorOf = (work: Promise<unknown>) => work.then(() => undefined, (error) => error);
    const early = errorOf(db.backup(`${folder}/early`));
    set(2);
    const base = Deno.makeTempFileSync();
    Deno.removeSync(base);
    await db.backup(base);
    const errors = [
      await early,
      await errorOf(db.backup(`${folder}/whole`)),
      await errorOf(db.backup(`${folder}/increment`, { since })),
      await errorOf(restore(`${folder}/restored`, base)),
    ];
    for (const { name, message, cause } of errors) {
      assertEquals([name, cause.code], ["IoError", "ENOSPC"]);
      assert(message.startsWith(`Cannot write ${folder}/`), message);
    }
    Deno.removeSync(base);
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["base"]);
    assertEquals(tree.count(), 1001);
  });

  on("refuses a transaction of many pages whole", (folder) => {
    const path = `${folder}/a.quire`;
    const db = open(path);
    const tree = db.tree("values");
    db.writeSync((tx) => tx.tree(tree).set(keyOf(0), new Uint8Array(10)));
    let refused: unknown;
    try {
      db.writeSync((tx) => {
        for (let i = 0; i < 900; i++) tx.tree(tree).set(keyOf(i), new Uint8Array(10_000).fill(1));
      });
    } catch (error) {
      refused = error;
    }
    assert(refused instanceof IoError, String(refused));
    expectEntries(db, 10, 0, 1);
    db.writeSync((tx) => tx.tree(tree).delete(keyOf(0)));
    db.close();
    assertLess(bytesOn(path), 256 * 1024);
  });

  on("lets the command line read, delete, verify and go on", async (folder) => {
    const path = `${folder}/a.quire`;
    let count = 0;
    const value = JSON.stringify("x".repeat(500_000));
    for (;; count++) {
      const { code, err } = await quire(["set", path, "t", `k${count}`], { input: value });
      if (code === 0) continue;
      assertEquals(code, 3, err);
      assert(err.includes("No space left"), err);
      break;
    }
    assertGreater(count, 8);
    takeTheRest(folder);
    assertEquals((await quire(["count", path, "t"])).out.trim(), `${count}`);
    assertEquals((await quire(["verify", path])).code, 0);
    for (let i = 0; i < 5; i++) {
      const { code, err } = await quire(["delete", path, "t", `k${i}`]);
      assertEquals([code, err], [0, ""]);
    }
    assertEquals((await quire(["verify", path])).code, 0);
    assertEquals((await quire(["count", path, "t"])).out.trim(), `${count - 5}`);
    const before = bytesOn(path);
    const rest = Array.from({ length: count - 5 }, (_, i) => `k${i + 5}`);
    assertEquals((await quire(["delete", path, "t", ...rest])).code, 0);
    assertLess(bytesOn(path), before / 8);
    assertEquals((await quire(["set", path, "t", "new"], { input: value })).code, 0);
    assertEquals((await quire(["get", path, "t", "new"])).out.trim(), value);
  });
});
