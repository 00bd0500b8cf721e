// The work of an idle database: interrupted drops are finished in slices, and disturb no other work
// even if their pages are damaged; then a checkpoint is taken.

import { setTimeout } from "node:timers/promises";
import { assert, assertEquals, assertGreater, assertLess, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { format, LimitError, MemoryFile } from "../../pager/mod.ts";
import {
  bytesOf,
  change,
  checkDatabase,
  openBoth,
  type Opened,
} from "../../tests/support/databases/database.ts";
import { FaultyFile } from "../../tests/support/files/faulty_file.ts";
import { Image } from "../../tests/support/files/image.ts";
import { HANG_MS } from "../../tests/support/programs/hang.ts";
import { runProgram } from "../../tests/support/programs/program.ts";

/** A time after which a database without commits is idle. */
const IDLE_MS = 1300;
const LEAVES = 700;
const { CHUNK_BYTES, KIND_BRANCH, KIND_LEAF } = format;

/** Creates a tree of about a given number of leaves. */
function fill({ db }: Opened, name: string, leaves = LEAVES): void {
  change(db, name, (tree) => {
    for (let i = 0; i < leaves * 20; i++) tree.set(`key ${i}`.padEnd(12), bytesOf(i, 380));
  });
}

/** The bytes of a file with dropped trees whose pages have not been given back. */
function interrupted(names = ["a"]): Uint8Array {
  const file = new MemoryFile();
  const opened = openBoth(file);
  change(opened.db, "kept", (tree) => tree.set("key", bytesOf(1, 1)));
  for (const name of names) fill(opened, name);
  for (const name of names) opened.session.writeSync(() => opened.session.catalog.drop(name));
  opened.db.close();
  return file.content();
}

const dropped = interrupted();

function droppedOf({ session }: Opened): number[] {
  return [...session.catalog.dropped()];
}

function commit({ db }: Opened, seed = 2): void {
  change(db, "kept", (tree) => tree.set("key", bytesOf(seed, 9)));
}

/** Waits until a condition holds. */
async function until(is: () => boolean): Promise<void> {
  const end = performance.now() + HANG_MS;
  while (!is() && performance.now() < end) await setTimeout(5);
  assert(is(), "it did not happen");
}

describe("an idle database", () => {
  it("finishes a drop in slices after the next commit, and has its pages again", async () => {
    const file = new MemoryFile(dropped);
    const opened = openBoth(file);
    const { db, session } = opened;
    await setTimeout(IDLE_MS);
    assertEquals(droppedOf(opened).length, 1, "nothing was written yet");
    commit(opened);
    const used = () => session.pager.meta.version;
    const versions = new Set<number>();
    const before = used();
    await until(() => {
      versions.add(used());
      return droppedOf(opened).length === 0;
    });
    assertGreater(used() - before, LEAVES / 256, "slices");
    assertEquals(checkDatabase(opened), 2);
    await until(() => session.pager.stats().journalUsedBytes === 0);
    assertEquals((await db.verify()).findings, []);
    db.close();
    assertLess(file.size(), CHUNK_BYTES);
  });

  it("lets others write between two slices, and waits while they do", async () => {
    let opened: Opened;
    // Anew where the machine paused so long that the database was idle between two commits.
    for (let wasIdle = true; wasIdle;) {
      opened = openBoth(new MemoryFile(interrupted(["a", "b", "c"])));
      wasIdle = false;
      for (let i = 0; i < 2; i++) {
        const start = performance.now();
        commit(opened, 2 + i);
        await setTimeout(IDLE_MS / 2);
        wasIdle ||= performance.now() - start > IDLE_MS * 0.7;
      }
      if (wasIdle) opened.db.close();
    }
    assertEquals(droppedOf(opened!).length, 3);
    await until(() => droppedOf(opened!).length < 3);
    commit(opened!, 4);
    assertEquals(opened!.db.tree("kept").get("key"), bytesOf(4, 9));
    await until(() => droppedOf(opened!).length === 0);
    checkDatabase(opened!);
    opened!.db.close();
  });

  it("can be closed at any moment of it, and goes on when it is opened again", async () => {
    const file = new MemoryFile(interrupted(["a", "b", "c"]));
    for (let left = 3; left > 0; left--) {
      const opened = openBoth(file);
      commit(opened);
      await until(() => droppedOf(opened).length < left);
      opened.db.close();
      await setTimeout(20);
    }
    const opened = openBoth(file);
    assertEquals([droppedOf(opened), checkDatabase(opened)], [[], 2]);
    opened.db.close();
  });

  it("is left alone once it is closed, with changes that waited too", async () => {
    const { db, session } = openBoth(new MemoryFile());
    const { catalog } = session;
    const dropped = catalog.dropped.bind(catalog);
    let isAsked = false;
    catalog.dropped = () => {
      isAsked = true;
      return dropped();
    };
    const promise = db.tree("kept").set("key", bytesOf(1, 9));
    db.close();
    await promise;
    await setTimeout(IDLE_MS);
    assertEquals(isAsked, false);
  });

  it("does nothing when it was opened read-only", async () => {
    const file = new FaultyFile(new MemoryFile(dropped));
    const opened = openBoth(file, { readOnly: true });
    assertThrows(() => commit(opened), TypeError);
    await setTimeout(IDLE_MS);
    assertEquals(droppedOf(opened).length, 1);
    assertEquals([file.counts.write, file.counts.truncate], [0, 0]);
    opened.db.close();
  });

  it("leaves a damaged tree unchanged, fails no caller, and continues with the next", async () => {
    const image = new Image(interrupted(["a", "b"]));
    const tree = image.pagesOf([KIND_LEAF, KIND_BRANCH], 2);
    tree.forEach((page) => image.destroy(page));
    const opened = openBoth(image.file());
    const { db } = opened;
    fill(opened, "c", 3);
    await until(() => droppedOf(opened).length === 1);
    assertEquals(droppedOf(opened), [2]);
    assertEquals(db.dropTree("c"), true, "another drop");
    await setTimeout(IDLE_MS);
    assertEquals(droppedOf(opened), [2]);
    commit(opened, 3);
    const { findings } = await db.verify({ maxFindings: 10_000 });
    const found = findings.map(({ page }) => page).sort((a, b) => a - b);
    assertEquals(found.join(), tree.join());
    db.close();
  });

  it("finishes a drop whose first slice was refused", async () => {
    const opened = openBoth(new MemoryFile());
    const { db, session } = opened;
    fill(opened, "a");
    commit(opened);
    // Housekeeping must have looked for interrupted drops, and found none.
    await setTimeout(IDLE_MS);
    const sweep = session.catalog.sweep.bind(session.catalog);
    let [calls, isFull] = [0, true];
    session.catalog.sweep = (leaves, id) => {
      calls++;
      if (isFull) throw new LimitError("Cannot sweep: a test says so");
      return sweep(leaves, id);
    };
    assertEquals(db.dropTree("a"), true);
    assertEquals(db.trees(), ["kept"]);
    await until(() => calls > 1);
    await setTimeout(IDLE_MS);
    assertEquals([calls < 5, droppedOf(opened).length], [true, 1]);
    isFull = false;
    commit(opened);
    await until(() => droppedOf(opened).length === 0);
    checkDatabase(opened);
    db.close();
  });

  it("does not keep the memory of databases that were closed in the same turn", () => {
    // Each takes a frame of 2 MiB at least; only a turn of the event loop ends their waits.
    const before = Deno.memoryUsage().external;
    let most = 0;
    for (let i = 0; i < 400; i++) {
      const opened = openBoth(new MemoryFile());
      commit(opened);
      opened.db.close();
      most = Math.max(most, Deno.memoryUsage().external - before);
    }
    assertLess(most, 500 * CHUNK_BYTES);
  });

  it("does not keep its process alive, and wakes one that waits for others", async () => {
    const program = new URL("../../tests/support/programs/idle_child.ts", import.meta.url).href;
    const net = "127.0.0.1";
    const [alone, server] = await Promise.all([
      runProgram(program, ["alone"], {}),
      runProgram(program, ["server"], { net }),
    ]);
    assertEquals(alone, { code: 0, out: "", err: "" });
    assertEquals(server, { code: 0, out: "idle\n", err: "" });
  });
});
