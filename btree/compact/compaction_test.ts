// The order and the bounds of a compaction: where leaves move to, and what it reads and moves at
// most. Pages and leaves are counted.

import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { format, MemoryFile } from "../../pager/mod.ts";
import {
  assertContent,
  bytesOf,
  change,
  checkDatabase,
  contentOf,
  openBoth,
  type Opened,
} from "../../tests/support/databases/database.ts";
import type { NodeView } from "../node/node_view.ts";
import { BTree } from "../tree.ts";
import { TreePath } from "../walk/tree_path.ts";
import { Compaction, type CompactionBounds } from "./compaction.ts";

const { CHUNK_PAGES } = format;
const VALUE_BYTES = 100_000;
const VALUE_PAGES = 13;

/** Bounds that leave out nothing. */
const ALL: CompactionBounds = {
  chunksMax: Infinity,
  movesMax: Infinity,
  slicePagesMax: 48,
  alonePagesMax: 0,
  valuePagesMax: Infinity,
  leavesMax: Infinity,
  packedMax: Infinity,
  packsMax: Infinity,
  thinPart: 0,
  slackPages: 0,
  thinPages: 0,
  slackPart: 0,
};

/** A database whose large values, each in a leaf of its own, are behind free pages. */
function withGaps(): Opened {
  const opened = openBoth(new MemoryFile());
  const { db } = opened;
  change(db, "gone", (tree) => tree.set("k", new Uint8Array(5 * 1024 * 1024)));
  change(db, "kept", (tree) => {
    for (let i = 0; i < 200; i++) {
      const bytes = i % 10 === 9 ? VALUE_BYTES : 1024;
      tree.set(`k${String(i).padStart(3, "0")}`, bytesOf(i, bytes));
    }
  });
  change(db, "gone", (tree) => tree.clear());
  db.checkpoint();
  return opened;
}

/** Compacts within bounds, a slice a transaction. Returns the compaction, and the most it moved. */
function compact(opened: Opened, bounds: Partial<CompactionBounds>) {
  const { session } = opened;
  const compaction = new Compaction(session.context, session.catalog, {
    ...ALL,
    ...bounds,
  });
  while (compaction.countSlice(Infinity));
  let most = 0;
  for (let isMore = compaction.isWorthwhile; isMore;) {
    const before = compaction.moved;
    isMore = session.runSlice(() => compaction.moveSlice(Infinity));
    most = Math.max(most, compaction.moved - before);
  }
  checkDatabase(opened);
  opened.db.close();
  return { compaction, most };
}

/** The pages of the leaves of a tree, in key order. */
function leavesOf({ session }: Opened, name: string): number[] {
  const { id, root } = session.catalog.get(name)!;
  const { nodes } = new BTree(session.context, id, root);
  const path = new TreePath();
  const pages: number[] = [];
  let leaf: NodeView | undefined = nodes.descendToEdge(path, false);
  for (; leaf !== undefined; leaf = nodes.neighbour(path, true)) {
    pages.push(path.pages[path.depth]!);
  }
  return pages;
}

describe("Compaction: its order", () => {
  it("moves neighbouring leaves to neighbouring pages, so that a scan reads on", () => {
    const opened = openBoth(new MemoryFile());
    const { db, session } = opened;
    change(db, "gone", (tree) => tree.set("k", new Uint8Array(16 * 1024 * 1024)));
    // Keys come in an order in which neighbours are far from each other in the file.
    change(db, "kept", (tree) => {
      for (let i = 0; i < 9_000; i++) {
        tree.set(String(i * 7919 % 9_000).padStart(5, "0"), bytesOf(i, 600));
      }
    });
    change(db, "gone", (tree) => tree.clear());
    db.checkpoint();
    const gapsOf = (pages: number[]) =>
      pages.filter((page, i) => i > 0 && page !== pages[i - 1]! + 1).length;
    const before = leavesOf(opened, "kept");
    assertGreater(gapsOf(before), before.length * 0.8);
    const compaction = new Compaction(session.context, session.catalog, ALL);
    while (compaction.countSlice(Infinity));
    while (session.runSlice(() => compaction.moveSlice(Infinity)));
    const after = leavesOf(opened, "kept");
    assertEquals(after.length, before.length);
    assertLess(gapsOf(after), after.length * 0.2);
    checkDatabase(opened);
    db.close();
  });
});

describe("Compaction: its values", () => {
  it("moves values in fragments: first ones, second ones and bodies", () => {
    const file = new MemoryFile();
    const opened = openBoth(file);
    const { db } = opened;
    change(db, "gone", (tree) => tree.set("k", new Uint8Array(5 * 1024 * 1024)));
    change(db, "kept", (tree) => {
      for (let i = 0; i < 120; i++) {
        tree.set(`k${String(i).padStart(3, "0")}`, bytesOf(i, i % 2 === 0 ? 5_500 : 20_000));
      }
    });
    change(db, "gone", (tree) => tree.clear());
    db.checkpoint();
    const content = contentOf(db);
    assertGreater(compact(opened, {}).compaction.moved, 200);
    assertLess(file.size(), 1.3 * 60 * 25_500);
    const again = openBoth(new MemoryFile(file.content()));
    assertContent(contentOf(again.db), content);
    checkDatabase(again);
    again.db.close();
  });
});

describe("Compaction: its bounds", () => {
  it("moves everything without them", () => {
    const { moved } = compact(withGaps(), {}).compaction;
    assertGreater(moved, 20 * VALUE_PAGES);
  });

  it("leaves a file with more chunks as it is, and reads no header page of the rest", () => {
    const opened = withGaps();
    const { pager } = opened.session;
    assertGreater(pager.meta.pageCount, 2 * CHUNK_PAGES);
    const copied: number[] = [];
    const copyHeaderPage = pager.copyHeaderPage.bind(pager);
    pager.copyHeaderPage = (chunk, into) => {
      copied.push(chunk);
      return copyHeaderPage(chunk, into);
    };
    const compaction = new Compaction(opened.session.context, opened.session.catalog, {
      ...ALL,
      chunksMax: 2,
    });
    while (compaction.countSlice(Infinity));
    assertEquals(copied, [0, 1]);
    assertEquals([compaction.isWorthwhile, compaction.isThin], [false, false]);
    opened.db.close();
  });

  it("ends at a value whose key is not in the leaves that it may read", () => {
    const { moved } = compact(withGaps(), { leavesMax: 8 }).compaction;
    assertLess(moved, 20 * VALUE_PAGES);
  });

  it("ends at a value that is larger than it may move", () => {
    const { moved } = compact(withGaps(), { valuePagesMax: VALUE_PAGES - 1 }).compaction;
    assertLess(moved, VALUE_PAGES);
  });

  it("moves at most its pages, and in a slice at most that slice's, or the rest of a value", () => {
    const { compaction, most } = compact(withGaps(), { movesMax: 50, slicePagesMax: 20 });
    assertLess(compaction.moved, 50 + VALUE_PAGES);
    assertLess(most, 20 + VALUE_PAGES);
    assert(most > 0);
  });
});

describe("a branch with one child", () => {
  /** Branches have few children: neighbours share a long prefix, which nodes do not share. */
  const keyOf = (i: number) =>
    `${String(i / 10 >>> 0).padStart(4, "0")}${"x".repeat(700)}${i % 10}`;

  it("moves, and keeps no page before it from moving", () => {
    const opened = openBoth(new MemoryFile());
    const { db } = opened;
    change(db, "gone", (tree) => tree.set("k", new Uint8Array(1024 * 1024)));
    // Keys in order: a branch that is full gets a neighbour with the new leaf alone.
    for (let i = 0; (db.tree("kept").stats()?.levels ?? 0) < 3; i++) {
      change(db, "kept", (tree) => tree.set(keyOf(i), bytesOf(i, 900)));
    }
    change(db, "gone", (tree) => tree.clear());
    const { compaction } = compact(opened, {});
    const { done, total } = compaction.progress;
    assertGreater(total, 20);
    assertEquals(done, total);
  });
});
