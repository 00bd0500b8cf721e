// The trace of a look-up, step by step: it follows the path that the tree takes, and each
// comparison that it reports is correct.

import { assertEquals, assertLessOrEqual } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { format, header, openPager } from "../../pager/mod.ts";
import { Random } from "../../tests/support/random.ts";
import { compareKeys } from "../node/key.ts";
import { copyKey, KEY_BYTES_MAX } from "../node/node.ts";
import { BTree } from "../tree.ts";
import { TreeContext } from "../walk/tree_context.ts";
import { type LookupTraceEnd, type LookupTraceStep, traceLookup } from "./lookup_trace.ts";

const { CHUNK_SHIFT, SLOT_MASK } = format;

/** A tree of three levels whose keys have long and short prefixes, equal heads among them. */
function makeTree(): { tree: BTree; keys: Uint8Array[] } {
  const context = new TreeContext(openPager(":memory:"));
  const encoder = new TextEncoder();
  const keys: Uint8Array[] = [];
  for (let i = 0; i < 9000; i++) {
    const group = ["", "a/", "common prefix of many/", "zz"][i % 4];
    keys.push(encoder.encode(`${group}${(i * 7919) % 9001}${"-".repeat(i % 40)}`));
  }
  context.pager.begin();
  const tree = BTree.create(context, 1);
  for (const key of keys) tree.put(key, new Uint8Array(900 + key.length));
  tree.put(encoder.encode("large"), new Uint8Array(50_000));
  context.pager.commit();
  return { tree, keys };
}

/** All steps of a descent, and its end. */
function follow(tree: BTree, key: Uint8Array): { steps: LookupTraceStep[]; end: LookupTraceEnd } {
  const walk = traceLookup(tree, key, tree.reader);
  const steps: LookupTraceStep[] = [];
  let next = walk.next();
  for (; next.done !== true; next = walk.next()) steps.push(next.value);
  return { steps, end: next.value };
}

/** The page where a tree finds a key. */
function leafOf(tree: BTree, key: Uint8Array): number {
  const { place } = tree.nodes.leafFor(key, key.length);
  return tree.reader.frames[place >>> CHUNK_SHIFT]!.pages[place & SLOT_MASK]!;
}

/** Fails unless the comparisons of a step are those of a binary search, and true. */
function assertProbes(tree: BTree, step: LookupTraceStep, key: Uint8Array): void {
  const place = tree.reader.at(step.page);
  const frame = tree.reader.frames[place >>> CHUNK_SHIFT]!;
  const other = new Uint8Array(KEY_BYTES_MAX);
  assertLessOrEqual(step.probes.length, Math.ceil(Math.log2(step.entries + 1)));
  for (const { index, order, bytesCompared, head } of step.probes) {
    const length = copyKey(frame, place & SLOT_MASK, index, other);
    assertEquals(order, Math.sign(compareKeys(other, length, key, key.length)));
    assertEquals(bytesCompared, head === step.head);
  }
}

describe("traceLookup", () => {
  const { tree, keys } = makeTree();

  it("goes the tree's own way, for keys that are there and keys that are not", () => {
    const random = new Random(7);
    for (let i = 0; i < 600; i++) {
      const key = keys[random.below(keys.length)]!.slice();
      if (i % 3 === 1) key[random.below(key.length)]! ^= 1;
      const { steps, end } = follow(tree, key);
      assertEquals(steps[0]!.page, tree.root);
      assertEquals(steps.map(({ level }) => level), [2, 1, 0]);
      assertEquals(steps.at(-1)?.page, leafOf(tree, key));
      steps.slice(1).forEach(({ page }, i) => assertEquals(page, steps[i]!.child));
      assertEquals(end.found, tree.has(key));
      assertEquals(end.valueBytes, tree.lengthOf(key));
      for (const step of steps) assertProbes(tree, step, key);
    }
  });

  it("reports the position of a key that does not begin with a page's prefix", () => {
    const seen = new Set<string>();
    for (const key of keys.slice(0, 2000)) {
      for (const [cut, last] of [[1, 0], [8, 0], [8, 255], [23, 0], [24, 255], [25, 255]]) {
        const other = Uint8Array.from([...key.subarray(0, cut), last]);
        for (const { level, prefixOrder, probes, index, entries } of follow(tree, other).steps) {
          if (prefixOrder === 0) continue;
          const end = level === 0 ? entries : entries - 1;
          assertEquals([probes.length, index], [0, prefixOrder < 0 ? 0 : end]);
          seen.add(`${level} ${prefixOrder}`);
        }
      }
    }
    assertEquals([...seen].sort(), ["0 -1", "0 1"]);
  });

  it("reports the length of a value without reading its runs", () => {
    const key = new TextEncoder().encode("large");
    assertEquals(follow(tree, key).end, { found: true, valueBytes: 50_000 });
  });

  it("reads one page before each step, and no other", () => {
    const read: number[] = [];
    const { frames, meta } = tree.reader;
    const reader = {
      frames,
      meta,
      peekedSlot: 0,
      at: (page: number) => {
        read.push(page);
        return tree.reader.at(page);
      },
      peek: (page: number) => tree.reader.peek(page),
    };
    for (const step of traceLookup(tree, keys[5]!, reader)) assertEquals(read.at(-1), step.page);
    assertEquals(read.length, 3);
  });

  it("works in an empty tree", () => {
    const context = new TreeContext(openPager(":memory:"));
    context.pager.begin();
    const empty = BTree.create(context, 1);
    context.pager.commit();
    const { steps, end } = follow(empty, new Uint8Array([1]));
    assertEquals(end, { found: false, valueBytes: -1 });
    assertEquals([steps.length, steps[0]!.entries, steps[0]!.index], [1, 0, 0]);
    assertEquals(header.entriesOf(context.pager.peek(empty.root), context.pager.peekedSlot), 0);
  });
});
