// The release of dropped trees: a large one returns its pages in the next turns of the event loop,
// at the latest when the database is closed, or in the next session.

import { setTimeout } from "node:timers/promises";
import { assert, assertEquals, assertGreater, assertLess, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { format, MemoryFile } from "../../pager/mod.ts";
import {
  bytesOf,
  change,
  checkDatabase,
  openBoth,
  type Opened,
} from "../../tests/support/databases/database.ts";
import { Image } from "../../tests/support/files/image.ts";
import { HANG_MS } from "../../tests/support/programs/hang.ts";
import { usedPages } from "../../tests/support/trees/space.ts";

const { CHUNK_BYTES } = format;
/** More than a drop releases at once. */
const LEAVES = 2500;

/** A database with a tree of 2,500 leaves, and one of one entry. */
function opened(file = new MemoryFile()): Opened {
  const opened = openBoth(file);
  change(opened.db, "kept", (tree) => tree.set("key", bytesOf(1, 1)));
  change(opened.db, "large", (tree) => {
    const entry = (i: number) => [String(i).padStart(6, "0"), bytesOf(i, 1000)] as const;
    tree.load(Array.from({ length: LEAVES * 8 }, (_, i) => entry(i)), { fill: 1 });
  });
  return opened;
}

function droppedOf({ session }: Opened): number {
  return [...session.catalog.dropped()].length;
}

function commit({ db }: Opened, seed: number): void {
  change(db, "kept", (tree) => tree.set("key", bytesOf(seed, 9)));
}

/** Commits in each turn of the event loop until no dropped tree has pages. Returns the turns. */
async function commitUntilReleased(opened: Opened): Promise<number> {
  for (let turns = 0;; turns++) {
    if (droppedOf(opened) === 0) return turns;
    assert(turns < 2000, "the pages were not released");
    commit(opened, turns);
    await setTimeout(0);
  }
}

describe("a drop of a large tree", () => {
  it("returns before its pages are free, which later turns release among other work", async () => {
    const large = opened();
    const { db, session } = large;
    const before = usedPages(session.context).length;
    assertEquals(db.dropTree("large"), true);
    assertEquals(db.trees(), ["kept"]);
    assertEquals(droppedOf(large), 1);
    const at = usedPages(session.context).length;
    assertLess(before - at, 1200, "at once");
    assertGreater(before - at, 900, "at once");
    assertGreater(await commitUntilReleased(large), 0);
    assertEquals(checkDatabase(large), 2);
    db.close();
  });

  it("ends with the database at the latest", () => {
    const file = new MemoryFile();
    const { db } = opened(file);
    assertLess(8 * CHUNK_BYTES, file.size());
    db.dropTree("large");
    db.close();
    assertLess(file.size(), CHUNK_BYTES);
    const again = openBoth(file);
    assertEquals([droppedOf(again), checkDatabase(again)], [0, 2]);
    again.db.close();
  });

  it("goes on in the next session after a crash", async () => {
    const file = new MemoryFile();
    const crashed = opened(file);
    crashed.db.dropTree("large");
    await setTimeout(2);
    commit(crashed, 1);
    const again = openBoth(new MemoryFile(file.content()));
    crashed.db.close();
    assertEquals(again.db.trees(), ["kept"]);
    await commitUntilIdleReleased(again);
    assertEquals(checkDatabase(again), 2);
    again.db.close();
  });

  it("succeeds if its pages are damaged, and leaves them", async () => {
    const file = new MemoryFile();
    const intact = openBoth(file);
    change(intact.db, "kept", (tree) => tree.set("key", bytesOf(1, 1)));
    change(intact.db, "damaged", (tree) => {
      for (let i = 0; i < 60; i++) tree.set(`key ${i}`, bytesOf(i, 1000));
    });
    intact.db.close();
    const image = new Image(file.content());
    image.destroy(image.pagesOf([format.KIND_BRANCH], 2)[0]!);
    const { db, session } = openBoth(image.file());
    assertEquals([db.dropTree("damaged"), db.trees()], [true, ["kept"]]);
    db.writeSync((tx) => {
      tx.tree("damaged").set("key", bytesOf(2, 9));
      assertEquals(db.dropTree("damaged"), true);
      tx.tree("kept").set("key", bytesOf(3, 9));
    });
    await setTimeout(0);
    assertEquals(db.tree("kept").get("key"), bytesOf(3, 9));
    assertEquals([...session.catalog.dropped()], [2]);
    db.close();
  });

  it("goes back with its transaction", async () => {
    const large = opened();
    const { db } = large;
    assertThrows(
      () =>
        db.writeSync(() => {
          db.dropTree("large");
          throw new Error("undo");
        }),
      Error,
      "undo",
    );
    commit(large, 1);
    await setTimeout(20);
    assertEquals(db.tree("large").count(), LEAVES * 8);
    db.writeSync(() => db.dropTree("large"));
    await commitUntilReleased(large);
    assertEquals(checkDatabase(large), 2);
    db.close();
  });
});

/** Commits once, and waits until an idle database has released its dropped trees. */
async function commitUntilIdleReleased(opened: Opened): Promise<void> {
  commit(opened, 7);
  const end = performance.now() + HANG_MS;
  while (droppedOf(opened) > 0) {
    assert(performance.now() < end, "the pages were not released");
    await setTimeout(20);
  }
}
