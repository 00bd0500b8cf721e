// Walks of a forged tree: branches that share children have more paths than can ever be walked.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { CorruptionError, format, header } from "../../pager/mod.ts";
import { transact } from "../../tests/support/trees/pages.ts";
import { type Bed, keyOf, plant } from "../../tests/support/trees/trees.ts";
import { leafEntries } from "../compare/leaf_entries.ts";
import { LeafCursor } from "./leaf_cursor.ts";
import { LeafViews } from "./leaf_views.ts";

const LEVELS = 12;
const CHILDREN = 4;
/** More steps than the file has pages, and far fewer than there are paths. */
const STEPS = 100_000;

/** A tree with one leaf, to which every branch leads by each of its children. */
function sharedChildren(): Bed {
  const bed = plant();
  const { pager, context, tree } = bed;
  transact(pager, () => {
    let below = tree.nodes.create(0, 0);
    context.list.begin(true);
    context.list.putLeafEntry(keyOf(7), 4, 0, new Uint8Array(0));
    const leaf = pager.at(below);
    context.list.build(pager.frames[leaf >>> 8]!, leaf & 255, 0, 1);
    for (let level = 1; level <= LEVELS; level++) {
      const page = level === LEVELS ? tree.root : tree.nodes.create(level, 0);
      const place = pager.at(page);
      const frame = pager.frames[place >>> 8]!;
      pager.touch(place);
      header.setShape(frame, place & 255, format.KIND_BRANCH, level);
      context.list.begin(false);
      for (let i = 0; i < CHILDREN; i++) context.list.putBranchEntry(keyOf(i), 4, below);
      context.list.build(frame, place & 255, 0, CHILDREN);
      below = page;
    }
  });
  assert(pagesOf(bed) < STEPS && STEPS < CHILDREN ** LEVELS);
  return bed;
}

const pagesOf = ({ pager }: Bed) => pager.meta.pageCount;

/** Repeats a step until it says that there is no other. */
function walk(step: () => boolean): void {
  for (let steps = 0; steps < STEPS && step(); steps++);
}

describe("a tree whose branches share their children", () => {
  it("is refused by views that have seen more leaves than the file has pages", () => {
    const views = new LeafViews();
    for (const forward of [true, false]) {
      views.begin(sharedChildren().tree.nodes, undefined, undefined, forward);
      assertThrows(() => walk(() => views.next()), CorruptionError, "more leaves than");
    }
  });

  it("is refused by a cursor that has seen more leaves than the file has pages", () => {
    const cursor = sharedChildren().tree.cursor();
    assert(cursor.first());
    assertThrows(() => walk(() => cursor.next()), CorruptionError, "more leaves than");
    assert(cursor.last());
    assertThrows(() => walk(() => cursor.previous()), CorruptionError, "keys of its neighbour");
  });

  it("is refused by a cursor of leaves", () => {
    const { tree } = sharedChildren();
    const cursor = new LeafCursor(tree.nodes);
    for (const forward of [true, false]) {
      assert(forward ? cursor.first() : cursor.last());
      const step = () => cursor.leaveLeaf(forward);
      const rule = forward ? "more leaves than" : "keys of its neighbour";
      assertThrows(() => walk(step), CorruptionError, rule);
    }
  });

  it("is refused by a search for leaves that matter, if none does", () => {
    const { tree, context } = sharedChildren();
    let looks = 0;
    const matters = () => {
      if (++looks === STEPS * CHILDREN) throw new Error("it looks for ever");
      return false;
    };
    const { reader, id, root } = tree;
    const entries = leafEntries({ context, reader, id, root, matters });
    assertThrows(() => entries.next(), CorruptionError, "more pages than the file");
  });
});

describe("a cursor of a sound tree", () => {
  it("goes to and fro between two leaves as often as it likes", () => {
    const { pager, tree } = plant();
    transact(pager, () => {
      for (let i = 0; i < 300; i++) tree.put(keyOf(i), new Uint8Array(100));
    });
    const cursor = tree.cursor();
    assert(cursor.last());
    while (cursor.previous());
    assert(cursor.first());
    const leaf = new LeafCursor(tree.nodes);
    assert(leaf.first());
    for (let i = 0; i < 2 * pager.meta.pageCount; i++) {
      assertEquals([leaf.leaveLeaf(true), leaf.leaveLeaf(false)], [true, true]);
    }
  });
});
