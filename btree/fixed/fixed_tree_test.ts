// The fixed tree against a Map: random operations, loads in every order, deletes to empty, ranges
// and cursors, rollback and reopening, pages given back, and what damage it notices.

import { assert, assertEquals, assertLess, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { Random } from "../../tests/support/random.ts";
import { SMALL_CACHE, transact } from "../../tests/support/pages.ts";
import { usedPages } from "../../tests/support/space.ts";
import {
  CorruptionError,
  format,
  type Frame,
  header,
  MemoryFile,
  Pager,
  type PagerOptions,
} from "../../pager/mod.ts";
import { Allocator } from "../../alloc/mod.ts";
import { checkFixedTree } from "./fixed_check.ts";
import type { FixedRange } from "./fixed_cursor.ts";
import { childOf, registerFixedNodes, truncate } from "./fixed_node.ts";
import { FixedTree } from "./fixed_tree.ts";

const { KIND_FIXED_BRANCH, KIND_LEAF } = format;
const ID = 7;
const U64_MAX = 2n ** 64n - 1n;
const LOAD = 100_000;
/** Pages of a file that has nothing but an empty tree. */
const EMPTY_PAGES = 4;

interface Space {
  file: MemoryFile;
  pager: Pager;
  allocator: Allocator;
  tree: FixedTree;
}

function openPager(file: MemoryFile, options: PagerOptions): [Pager, Allocator] {
  const pager = new Pager(file, options);
  registerFixedNodes(pager);
  return [pager, new Allocator(pager)];
}

function create(options: PagerOptions = {}): Space {
  const file = new MemoryFile();
  const [pager, allocator] = openPager(file, options);
  const tree = transact(pager, () => FixedTree.create(pager, allocator, ID));
  return { file, pager, allocator, tree };
}

/** Closes the file and opens a copy of it. */
function reopen(space: Space, options: PagerOptions = {}): Space {
  space.pager.close();
  const file = new MemoryFile(space.file.content());
  const [pager, allocator] = openPager(file, options);
  return { file, pager, allocator, tree: new FixedTree(pager, allocator, ID, space.tree.root) };
}

/** A tree with the keys, in this order, each with its key times two as value. */
function load(keys: Iterable<number>, options: PagerOptions = {}): Space {
  const space = create(options);
  transact(space.pager, () => {
    for (const key of keys) space.tree.set(key, key * 2);
  });
  return space;
}

function* upTo(count: number): Generator<number> {
  for (let i = 0; i < count; i++) yield i;
}

function* downFrom(count: number): Generator<number> {
  for (let i = count - 1; i >= 0; i--) yield i;
}

function shuffled(count: number, seed = 1): number[] {
  const random = new Random(seed);
  const items = [...upTo(count)];
  for (let i = count - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [items[i], items[j]] = [items[j]!, items[i]!];
  }
  return items;
}

function sorted(model: Map<bigint, bigint>): [bigint, bigint][] {
  return [...model].sort(([a], [b]) => a < b ? -1 : 1);
}

/** The tree is sound, has what the model has, and the file has no other page. */
function expectSame({ tree, pager, allocator }: Space, model: Map<bigint, bigint>): void {
  const shape = checkFixedTree(tree);
  assertEquals(shape.entries, model.size);
  assertEquals(tree.count(), model.size);
  assertEquals([...tree.entries()], sorted(model));
  assertEquals(usedPages({ pager, allocator }).length, shape.leaves + shape.branches);
}

/** Closes the file, which then ends at its last page in use. */
function expectPagesOnceClosed({ pager, file }: Space, pages: number): void {
  pager.close();
  assertEquals([pager.meta.pageCount, file.size()], [pages, pages * 8192]);
}

/** Changes a page and its header behind the back of the tree; sums are right afterwards. */
function vandalize({ pager }: Space, page: number, change: (frame: Frame, slot: number) => void) {
  transact(pager, () => {
    const place = pager.at(page);
    pager.touch(place);
    change(pager.frames[place >>> 8]!, place & 255);
  });
}

/** A child of the root. */
function child({ pager, tree }: Space, index: number): number {
  const place = pager.at(tree.root);
  return childOf(pager.frames[place >>> 8]!, place & 255, index);
}

function setWord(frame: Frame, slot: number, word: number, value: number): void {
  frame.u32[(slot << 11) + word] = value;
}

describe("FixedTree: one entry", () => {
  it("finds nothing in an empty tree", () => {
    const { tree, pager } = create();
    assertEquals(tree.get(0n), undefined);
    assertEquals(tree.getNumber(0), undefined);
    assertEquals(tree.has(U64_MAX), false);
    assertEquals(tree.count(), 0);
    assertEquals([...tree.entries()], []);
    assertEquals([...tree.entries({ reverse: true })], []);
    assertEquals(transact(pager, () => tree.delete(1)), false);
    assertEquals(checkFixedTree(tree), { entries: 0, leaves: 1, branches: 0, level: 0 });
  });

  it("keeps neighbours of 2^31, 2^32, 2^53, 2^63 and 2^64 apart", () => {
    const space = create();
    const model = new Map<bigint, bigint>();
    for (const base of [2n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 3n]) {
      for (const key of [base - 2n, base - 1n, base, base + 1n, base + 2n]) {
        transact(space.pager, () => space.tree.set(key, U64_MAX - key));
        model.set(key, U64_MAX - key);
      }
    }
    expectSame(space, model);
    for (const [key, value] of model) {
      assertEquals(space.tree.get(key), value);
      assertEquals(space.tree.has(key), true);
    }
  });

  it("takes numbers and BigInts for the same key", () => {
    const { tree, pager } = create();
    transact(pager, () => tree.set(2 ** 40 + 3, 2 ** 50 + 1));
    assertEquals(tree.get(2n ** 40n + 3n), 2n ** 50n + 1n);
    transact(pager, () => tree.set(2n ** 40n + 3n, 5n));
    assertEquals(tree.getNumber(2 ** 40 + 3), 5);
    transact(pager, () => tree.set(-0, Number.MAX_SAFE_INTEGER));
    assertEquals(tree.getNumber(0), Number.MAX_SAFE_INTEGER);
    assertEquals(tree.count(), 2);
  });

  it("getNumber() refuses a value over 2^53-1", () => {
    const { tree, pager } = create();
    transact(pager, () => tree.set(1, 2n ** 53n));
    assertThrows(() => tree.getNumber(1), RangeError);
    transact(pager, () => tree.set(1, U64_MAX));
    assertThrows(() => tree.getNumber(1), RangeError);
    assertEquals(tree.get(1), U64_MAX);
  });

  it("refuses what is no u64, and changes nothing", () => {
    const { tree, pager } = create();
    transact(pager, () => tree.set(1, 1));
    pager.begin();
    for (const bad of [-1, 1.5, NaN, Infinity, 2 ** 53, -1n, 2n ** 64n]) {
      assertThrows(() => tree.get(bad), RangeError);
      assertThrows(() => tree.has(bad), RangeError);
      assertThrows(() => tree.set(bad, 1), RangeError);
      assertThrows(() => tree.set(1, bad), RangeError);
      assertThrows(() => tree.delete(bad), RangeError);
      assertThrows(() => tree.add(bad, 1), RangeError);
      assertThrows(() => tree.entries({ gte: bad }), RangeError);
      assertThrows(() => tree.cursor().seek(bad), RangeError);
    }
    for (const bad of ["1", null, undefined, {}] as unknown as number[]) {
      assertThrows(() => tree.getNumber(bad), TypeError);
      assertThrows(() => tree.set(bad, 1), TypeError);
      assertThrows(() => tree.set(1, bad), TypeError);
      assertThrows(() => tree.add(1, bad), TypeError);
    }
    pager.commit();
    assertEquals([...tree.entries()], [[1n, 1n]]);
  });

  it("changes only inside a transaction", () => {
    const { tree, pager, allocator } = load(upTo(3));
    assertThrows(() => tree.set(1, 1), TypeError);
    assertThrows(() => tree.add(1, 1), TypeError);
    assertThrows(() => tree.delete(1), TypeError);
    assertThrows(() => tree.clear(), TypeError);
    assertThrows(() => tree.release(), TypeError);
    assertThrows(() => FixedTree.create(pager, allocator, 8), TypeError);
    assertEquals(tree.count(), 3);
  });

  it("add() counts up and down, from 0, and refuses to leave 0..2^53-1", () => {
    const { tree, pager } = create();
    transact(pager, () => {
      assertEquals(tree.add(5, 3), 3);
      assertEquals(tree.add(5n, -2), 1);
      assertThrows(() => tree.add(5, -2), RangeError);
      assertThrows(() => tree.add(6, -1), RangeError);
      assertThrows(() => tree.add(5, 0.5), RangeError);
      assertThrows(() => tree.add(5, Number.MAX_SAFE_INTEGER), RangeError);
      assertEquals(tree.add(5, Number.MAX_SAFE_INTEGER - 1), Number.MAX_SAFE_INTEGER);
      tree.set(9, 2n ** 60n);
      assertThrows(() => tree.add(9, 1), RangeError);
    });
    assertEquals([...tree.entries()], [[5n, 2n ** 53n - 1n], [9n, 2n ** 60n]]);
  });
});

type Operation =
  | { what: "set" | "delete"; key: bigint; count: number; step: bigint }
  | { what: "rollback" | "commit" | "reopen" | "clear" };

const anyKey = fc.oneof(
  fc.bigInt({ min: 0n, max: 3000n }),
  fc.bigInt({ min: 2n ** 32n - 900n, max: 2n ** 32n + 900n }),
  fc.bigInt({ min: 2n ** 53n - 900n, max: 2n ** 53n + 900n }),
  fc.bigInt({ min: U64_MAX - 3000n, max: U64_MAX }),
  fc.bigInt({ min: 0n, max: U64_MAX }),
);
const anyOperation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      what: fc.constantFrom("set" as const, "delete" as const),
      key: anyKey,
      count: fc.constantFrom(1, 1, 100, 800, 1500),
      step: fc.constantFrom(1n, -1n, 2n, 7n, -(2n ** 20n)),
    }),
  },
  { weight: 2, arbitrary: fc.record({ what: fc.constantFrom("rollback", "commit") }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constantFrom("reopen", "clear") }) },
) as fc.Arbitrary<Operation>;

/** Does the operation to a tree in an open transaction, and to the model. */
function change(tree: FixedTree, model: Map<bigint, bigint>, operation: Operation): void {
  if (operation.what === "clear") {
    tree.clear();
    model.clear();
  }
  if (operation.what !== "set" && operation.what !== "delete") return;
  const { what, key, count, step } = operation;
  for (let i = 0; i < count; i++) {
    const at = BigInt.asUintN(64, key + step * BigInt(i));
    if (what === "delete") {
      assertEquals(tree.delete(at), model.delete(at));
    } else {
      const value = BigInt.asUintN(64, at * 0x9e37_79b9_7f4a_7c15n);
      tree.set(at, value);
      model.set(at, value);
    }
  }
}

/** Runs the operations, in transactions that some of them end, and checks after each end. */
function run(operations: Operation[]): void {
  let space = create();
  let model = new Map<bigint, bigint>();
  let committed = new Map(model);
  space.pager.begin();
  for (const operation of [...operations, { what: "commit" as const }]) {
    change(space.tree, model, operation);
    if (operation.what === "rollback") {
      space.pager.rollback();
      model = new Map(committed);
    } else if (operation.what === "commit" || operation.what === "reopen") {
      space.pager.commit();
      committed = new Map(model);
    } else continue;
    if (operation.what === "reopen") space = reopen(space);
    expectSame(space, model);
    space.pager.begin();
  }
  space.tree.clear();
  space.pager.commit();
  expectPagesOnceClosed(space, EMPTY_PAGES);
}

describe("FixedTree: against a model", () => {
  it("agrees with a Map whatever is done to it", () => {
    fc.assert(fc.property(fc.array(anyOperation, { maxLength: 40 }), run), { numRuns: 60 });
  });

  it("agrees with a Map under single random changes in a small key space", () => {
    const random = new Random(5);
    const space = create();
    const model = new Map<bigint, bigint>();
    for (let round = 0; round < 20; round++) {
      const deletes = round % 4 < 2 ? 4 : 30;
      transact(space.pager, () => {
        for (let i = 0; i < 3000; i++) {
          const key = BigInt(random.below(8000));
          const isDelete = random.below(32) < deletes;
          change(space.tree, model, { what: isDelete ? "delete" : "set", key, count: 1, step: 1n });
        }
      });
      expectSame(space, model);
    }
  });
});

describe("FixedTree: loads", () => {
  const orders: [string, () => Iterable<number>][] = [
    ["ascending", () => upTo(LOAD)],
    ["descending", () => downFrom(LOAD)],
    ["random", () => shuffled(LOAD)],
  ];

  it("leaves full leaves behind an ascending load", () => {
    const { leaves, branches, level } = checkFixedTree(load(upTo(LOAD)).tree);
    assertEquals([leaves, branches, level], [Math.ceil(LOAD / 512), 1, 1]);
  });

  it("leaves half-full leaves or better behind a random load", () => {
    assertLess(checkFixedTree(load(shuffled(LOAD)).tree).leaves, LOAD / 256);
  });

  for (const [name, keys] of orders) {
    it(`finds every key of a load, ${name}`, () => {
      const space = reopen(load(keys()));
      assertEquals(checkFixedTree(space.tree).entries, LOAD);
      assertEquals(space.tree.count(), LOAD);
      for (const key of upTo(LOAD)) {
        if (space.tree.getNumber(key) !== key * 2) assertEquals(space.tree.getNumber(key), key * 2);
      }
      assertEquals(space.tree.getNumber(LOAD), undefined);
    });

    it(`gives every page back when all is deleted, ${name}`, () => {
      const space = load(upTo(LOAD));
      const { tree, pager } = space;
      let left = LOAD;
      for (const key of keys()) {
        if (left % 20_000 === 0) {
          if (pager.depth > 0) pager.commit();
          assertEquals(checkFixedTree(tree).entries, left);
          pager.begin();
        }
        left--;
        assert(tree.delete(key));
      }
      pager.commit();
      expectSame(space, new Map());
      expectPagesOnceClosed(space, EMPTY_PAGES);
    });
  }

  it("grows to three levels and shrinks back at its right edge", () => {
    const count = 512 * 512;
    const space = load(upTo(count));
    const { tree, pager } = space;
    assertEquals(checkFixedTree(tree), { entries: count, leaves: 512, branches: 1, level: 1 });
    transact(pager, () => tree.set(count, 1));
    assertEquals(checkFixedTree(tree), { entries: count + 1, leaves: 513, branches: 3, level: 2 });
    // The new leaf and the branch over it are only children; both go.
    transact(pager, () => tree.delete(count));
    assertEquals(checkFixedTree(tree).entries, count);
    assertEquals(checkFixedTree(reopen(space).tree).leaves, 512);
  });

  it("keeps a queue short: appends right, deletes left", () => {
    const space = load(upTo(2000));
    for (let head = 0; head < 20_000; head += 1000) {
      transact(space.pager, () => {
        for (let key = head; key < head + 1000; key++) {
          space.tree.set(key + 2000, 1);
          assert(space.tree.delete(key));
        }
      });
      const { entries, leaves } = checkFixedTree(space.tree);
      assertEquals(entries, 2000);
      assertLess(leaves, 8);
    }
  });

  it("works in a cache that holds a third of it", () => {
    const count = 500_000;
    const loaded = load(upTo(count));
    const space = reopen(loaded, SMALL_CACHE);
    const random = new Random(3);
    for (let round = 0; round < 20; round++) {
      transact(space.pager, () => {
        for (let i = 0; i < 200; i++) {
          const key = random.below(count);
          assertEquals(space.tree.getNumber(key), key * 2);
          space.tree.delete(key);
          space.tree.set(key, key * 2);
        }
      });
    }
    assert(space.pager.stats().evictions > 0);
    assertEquals(space.tree.count(), count);
    assertEquals(checkFixedTree(reopen(space, SMALL_CACHE).tree).entries, count);
  });
});

describe("FixedTree: transactions", () => {
  it("rolls back what splits, merges and root changes did", () => {
    const space = load(upTo(3000));
    const model = new Map([...space.tree.entries()]);
    const pages = space.pager.meta.pageCount;
    space.pager.begin();
    for (const key of shuffled(20_000)) space.tree.set(key + 1000, 1);
    for (const key of upTo(2500)) space.tree.delete(key);
    space.pager.rollback();
    expectSame(space, model);
    assertEquals(space.pager.meta.pageCount, pages);
    space.pager.begin();
    space.tree.clear();
    space.pager.rollback();
    expectSame(space, model);
  });

  it("rolls back a savepoint and keeps what was before it", () => {
    const space = load(upTo(100));
    space.pager.begin();
    for (const key of upTo(5000)) space.tree.set(key, 7);
    const model = new Map([...space.tree.entries()]);
    space.pager.begin();
    for (const key of downFrom(5000)) space.tree.delete(key);
    assertEquals(space.tree.count(), 0);
    space.pager.rollback();
    assertEquals([...space.tree.entries()], sorted(model));
    space.pager.commit();
    expectSame(space, model);
    expectSame(reopen(space), model);
  });

  it("clear() keeps the root, release() nothing", () => {
    const space = load(upTo(300_000));
    const { tree, pager } = space;
    transact(pager, () => tree.clear());
    expectSame(space, new Map());
    transact(pager, () => tree.set(1, 2));
    assertEquals([...tree.entries()], [[1n, 2n]]);
    transact(pager, () => tree.release());
    assertThrows(() => tree.get(1), CorruptionError);
    expectPagesOnceClosed(space, EMPTY_PAGES - 1);
  });

  it("keeps two trees of a file apart", () => {
    const { pager, allocator, tree } = create();
    const other = transact(pager, () => FixedTree.create(pager, allocator, 8));
    transact(pager, () => {
      for (const key of upTo(20_000)) (key % 2 === 0 ? tree : other).set(key, key);
    });
    transact(pager, () => tree.release());
    assertEquals(checkFixedTree(other).entries, 10_000);
    assertThrows(() => new FixedTree(pager, allocator, ID, other.root).get(1), CorruptionError);
  });
});

describe("FixedTree: ranges and cursors", () => {
  const space = load(upTo(6000));
  transact(space.pager, () => {
    for (const key of upTo(6000)) if (key % 3 !== 0) space.tree.delete(key);
    space.tree.set(U64_MAX, 1);
    space.tree.set(2n ** 53n, 2);
  });
  const all = [...space.tree.entries()];

  it("entries() has what a filter of all entries has, in either order", () => {
    const bound = fc.option(fc.oneof(fc.bigInt({ min: 0n, max: 6010n }), anyKey), {
      nil: undefined,
    });
    const bounds = fc.record({ gt: bound, gte: bound, lt: bound, lte: bound }, {
      requiredKeys: [],
    });
    fc.assert(fc.property(bounds, fc.boolean(), (given, reverse) => {
      const { gt = -1n, gte = 0n, lt = 2n ** 64n, lte = U64_MAX } = given;
      const expected = all.filter(([k]) => k > gt && k >= gte && k < lt && k <= lte);
      if (reverse) expected.reverse();
      assertEquals([...space.tree.entries({ ...given, reverse } as FixedRange)], expected);
    }));
  });

  it("seek() and seekBack() find the nearest key on their side", () => {
    const cursor = space.tree.cursor();
    for (let key = 0n; key < 6003n; key++) {
      assert(cursor.seek(key));
      assertEquals(cursor.key, key > 5997n ? 2n ** 53n : (key + 2n) / 3n * 3n);
      assert(cursor.seekBack(key));
      assertEquals(cursor.key, key > 5997n ? 5997n : key / 3n * 3n);
    }
    assert(cursor.seek(U64_MAX));
    assertEquals([cursor.key, cursor.value], [U64_MAX, 1n]);
  });

  it("next() and previous() turn around anywhere", () => {
    const random = new Random(9);
    const cursor = space.tree.cursor();
    assert(cursor.first());
    let at = 0;
    for (let i = 0; i < 20_000; i++) {
      const isForward = random.below(1000) < (i % 8000 < 4000 ? 700 : 300);
      if (isForward ? at === all.length - 1 : at === 0) continue;
      assert(isForward ? cursor.next() : cursor.previous());
      at += isForward ? 1 : -1;
      assertEquals([cursor.key, cursor.value], all[at]);
    }
  });

  it("is on no entry at first and past either end", () => {
    const cursor = space.tree.cursor();
    assertThrows(() => cursor.key, TypeError);
    assertEquals([cursor.next(), cursor.previous()], [false, false]);
    assert(cursor.last());
    assertEquals([cursor.next(), cursor.next(), cursor.previous()], [false, false, false]);
    assertThrows(() => cursor.valueNumber, TypeError);
    assert(cursor.first());
    assertEquals([cursor.keyNumber, cursor.valueNumber], [0, 0]);
    assertEquals(cursor.previous(), false);
    assertThrows(() => cursor.keyNumber, TypeError);
  });

  it("keyNumber and valueNumber refuse what a number does not hold", () => {
    const cursor = space.tree.cursor();
    assert(cursor.seek(2n ** 53n));
    assertThrows(() => cursor.keyNumber, RangeError);
    assertEquals(cursor.valueNumber, 2);
    assert(cursor.seek(3000));
    assertEquals([cursor.keyNumber, cursor.valueNumber], [3000, 6000]);
  });

  it("next() and previous() carry from word to word where leaves meet", () => {
    const from = 2 ** 32 - 1024;
    const { tree } = load([...upTo(2048)].map((key) => from + key));
    assertEquals([...tree.entries()].map(([key]) => Number(key) - from), [...upTo(2048)]);
    const back = [...tree.entries({ reverse: true })].map(([key]) => Number(key) - from);
    assertEquals(back, [...downFrom(2048)]);
  });

  it("goes on through changes of its own transaction", () => {
    const { tree, pager } = load(upTo(5000));
    const seen: bigint[] = [];
    transact(pager, () => {
      for (const [key] of tree.entries()) {
        seen.push(key);
        tree.delete(key);
      }
    });
    assertEquals(seen.length, 5000);
    assertEquals(tree.count(), 0);
    pager.begin();
    tree.set(1, 1);
    const cursor = tree.cursor();
    assert(cursor.first());
    for (const key of upTo(5000)) tree.set(key, key);
    assert(cursor.next());
    assertEquals(cursor.key, 2n);
    pager.rollback();
    // The copy of the leaf outlives the rollback; the next leaf is sought in the empty tree.
    while (cursor.next()) assertLess(cursor.keyNumber, 512);
  });
});

describe("FixedTree: damage", () => {
  const expectRefused = ({ tree }: Space, page: number) => {
    for (const use of [() => tree.get(0), () => [...tree.entries()], () => checkFixedTree(tree)]) {
      assertEquals(assertThrows(use, CorruptionError).page, page);
    }
  };

  it("refuses a child of another kind, level or tree, and an empty one", () => {
    const changes: ((frame: Frame, slot: number) => void)[] = [
      (frame, slot) => header.setShape(frame, slot, KIND_LEAF, 0),
      (frame, slot) => header.setShape(frame, slot, KIND_FIXED_BRANCH, 1),
      (frame, slot) => frame.u32[(slot << 3) + 1] = ID + 1,
      (frame, slot) => header.setEntries(frame, slot, 0),
    ];
    for (const damage of changes) {
      const space = load(upTo(2000));
      const page = child(space, 0);
      vandalize(space, page, damage);
      expectRefused(space, page);
      assertThrows(() => space.tree.count(), CorruptionError);
      assertThrows(() => transact(space.pager, () => space.tree.clear()), CorruptionError);
    }
  });

  it("refuses a root of another kind or tree", () => {
    for (const word of [0, 1]) {
      const space = load(upTo(2000));
      vandalize(space, space.tree.root, (frame, slot) => frame.u32[(slot << 3) + word] = 1);
      expectRefused(space, space.tree.root);
    }
  });

  it("refuses a child that is no page, a free one, or the root", () => {
    for (const page of [1, 256, 1_000_000, 0xffff_ffff]) {
      const space = load(upTo(2000));
      vandalize(space, space.tree.root, (frame, slot) => setWord(frame, slot, 1024, page));
      expectRefused(space, page);
    }
    const space = load(upTo(2000));
    const { root } = space.tree;
    vandalize(space, root, (frame, slot) => setWord(frame, slot, 1024, root));
    expectRefused(space, root);
  });

  it("verifies pages when they are loaded", () => {
    const space = load(upTo(2000));
    const page = child(space, 1);
    vandalize(space, page, (frame, slot) => setWord(frame, slot, 2, 0));
    const opened = reopen(space);
    assertEquals(opened.tree.get(0), 0n);
    assertEquals(assertThrows(() => opened.tree.get(600), CorruptionError).page, page);
    const root = load(upTo(2000));
    vandalize(root, root.tree.root, (frame, slot) => setWord(frame, slot, 1025, 1));
    assertThrows(() => reopen(root).tree.get(0), CorruptionError);
  });

  it("does not run in circles when a leaf is there several times", () => {
    const makeRepeated = (index: number) => {
      const space = load(upTo(2000));
      const page = child(space, index);
      vandalize(space, space.tree.root, (frame, slot) => {
        setWord(frame, slot, 1024 + 2, page);
        setWord(frame, slot, 1024 + 4, page);
      });
      return space;
    };
    const [first, last] = [makeRepeated(0), makeRepeated(3)];
    assertThrows(() => [...first.tree.entries()], CorruptionError);
    assertThrows(() => [...last.tree.entries({ reverse: true })], CorruptionError);
    assertLess([...first.tree.entries({ reverse: true })].length, 2000);
    assertLess([...last.tree.entries()].length, 2000);
    for (const space of [first, last]) {
      assertThrows(() => checkFixedTree(space.tree), CorruptionError);
      assertThrows(() => transact(space.pager, () => space.tree.clear()), CorruptionError);
    }
  });

  it("refuses to merge a leaf with itself", () => {
    const space = load(upTo(2000));
    const first = child(space, 0);
    vandalize(space, space.tree.root, (frame, slot) => setWord(frame, slot, 1024 + 2, first));
    space.pager.begin();
    assertThrows(() => {
      for (const key of upTo(500)) space.tree.delete(key);
    }, CorruptionError);
    space.pager.rollback();
  });

  it("count() ends when there are more ways to leaves than leaves", () => {
    const space = load(upTo(512 * 512 + 1));
    const first = child(space, 0);
    vandalize(space, space.tree.root, (frame, slot) => {
      for (let i = 0; i < 512; i++) {
        setWord(frame, slot, 2 * i, i);
        setWord(frame, slot, 1024 + 2 * i, first);
      }
      header.setEntries(frame, slot, 512);
    });
    assertThrows(() => space.tree.count(), CorruptionError);
  });

  it("survives a leaf in the middle whose link says that it is the last", () => {
    const space = load([...upTo(512 * 512 + 1)].map((key) => key * 2));
    const branch = child(space, 0);
    const place = space.pager.at(branch);
    const leaf = childOf(space.pager.frames[place >>> 8]!, place & 255, 5);
    vandalize(space, leaf, (frame, slot) => header.setLink(frame, slot, 0));
    transact(space.pager, () => space.tree.set(6 * 1024 - 1, 1));
    assertEquals(space.tree.count(), 512 * 512 + 2);
    assertEquals([...space.tree.entries()].length, 512 * 512 + 2);
  });

  it("accepts a root branch of one child, though it makes none", () => {
    const space = load(upTo(600));
    vandalize(space, child(space, 0), (frame, slot) => truncate(frame, slot, 1));
    vandalize(space, space.tree.root, (frame, slot) => truncate(frame, slot, 1));
    assertThrows(() => checkFixedTree(space.tree), CorruptionError);
    assertEquals([...space.tree.entries()], [[0n, 0n]]);
    assertEquals(transact(space.pager, () => space.tree.delete(0)), true);
    assertEquals(checkFixedTree(space.tree).entries, 0);
  });

  it("checkFixedTree() sees keys out of bounds, wrong links and lost entries", () => {
    const changes: [number, (frame: Frame, slot: number) => void][] = [
      [0, (frame, slot) => setWord(frame, slot, 2 * 511, 5000)],
      [3, (frame, slot) => header.setShape(frame, slot, KIND_LEAF, 0)],
      [1, (frame, slot) => setWord(frame, slot, 0, 1)],
      [1, (frame, slot) => header.setLink(frame, slot, 0)],
      [3, (frame, slot) => header.setLink(frame, slot, 4)],
      [2, (frame, slot) => header.setEntries(frame, slot, 5)],
      [2, (frame, slot) => header.setGarbage(frame, slot, 5)],
    ];
    for (const [index, damage] of changes) {
      const space = load(upTo(2000));
      vandalize(space, child(space, index), damage);
      assertThrows(() => checkFixedTree(space.tree), CorruptionError);
    }
    const deep = load(upTo(512 * 512 + 1));
    vandalize(deep, child(deep, 0), (frame, slot) => setWord(frame, slot, 2 * 511, 512 * 512 + 1));
    assertThrows(() => checkFixedTree(deep.tree), CorruptionError);
  });
});
