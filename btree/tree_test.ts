// The tree, case by case: the results of put, get and delete; limits; the shapes after inserts in
// order, in reverse and with long prefixes; the root that never moves; rollback and savepoints; and
// damage.

import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertLessOrEqual,
  assertThrows,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { AssertionError } from "../pager/format/assert.ts";
import { CorruptionError, format, type Frame, header, type Pager } from "../pager/mod.ts";
import { Random } from "../tests/support/random.ts";
import { transact } from "../tests/support/trees/pages.ts";
import { usedPages } from "../tests/support/trees/space.ts";
import { checkTree } from "../tests/support/trees/tree_check.ts";
import {
  type Bed,
  bytesOf,
  expectSound,
  expectValue,
  keyOf,
  plant,
  replant,
  TreeModel,
  valueOf,
} from "../tests/support/trees/trees.ts";
import { replaceSeparator } from "./change/separator.ts";
import { childAt, childIndex, copyKey, KEY_BYTES_MAX, usedBytesOf } from "./node/node.ts";
import { BTree } from "./tree.ts";
import { TreePath } from "./walk/tree_path.ts";

const { KIND_BRANCH, KIND_LEAF, PAGE_BYTES, SLOT_MASK } = format;

/** A model with these keys, put in this order, in one transaction. */
function modelOf(keys: Iterable<Uint8Array>, bytes: number): TreeModel {
  const model = new TreeModel(plant());
  model.begin();
  for (const key of keys) model.put(key, bytes);
  model.commit();
  return model;
}

function* numbers(from: number, to: number): Generator<Uint8Array> {
  for (let i = from; i !== to; i += from < to ? 1 : -1) yield keyOf(i);
}

/** The share of its leaves' bytes that a tree uses. */
function fillOf({ pager, context }: Bed): number {
  let used = 0;
  let leaves = 0;
  for (const page of usedPages(context)) {
    const place = pager.at(page);
    if (header.kindOf(pager.frames[place >>> 8]!, place & 255) !== KIND_LEAF) continue;
    used += usedBytesOf(pager.frames[place >>> 8]!, place & 255);
    leaves++;
  }
  return used / leaves / PAGE_BYTES;
}

describe("BTree.put(), get(), has(), lengthOf() and delete()", () => {
  it("say whether the key was there", () => {
    const { pager, tree } = plant();
    pager.begin();
    const key = bytesOf("key");
    assertEquals([tree.get(key), tree.has(key), tree.lengthOf(key)], [undefined, false, -1]);
    assertEquals(tree.delete(key), false);
    assertEquals(tree.put(key, bytesOf("one")), true);
    assertEquals(tree.put(key, bytesOf("three")), false);
    assertEquals([tree.get(key), tree.has(key), tree.lengthOf(key)], [bytesOf("three"), true, 5]);
    assertEquals([tree.delete(key), tree.delete(key), tree.has(key)], [true, false, false]);
    pager.commit();
  });

  it("distinguish the empty key, the empty value and no value", () => {
    const { pager, tree } = plant();
    pager.begin();
    const empty = new Uint8Array(0);
    assertEquals(tree.get(empty), undefined);
    tree.put(empty, empty);
    assertEquals([tree.get(empty), tree.lengthOf(empty), tree.count()], [empty, 0, 1]);
    assertEquals(tree.get(bytesOf("\0")), undefined);
    tree.put(bytesOf("\0"), bytesOf("zero"));
    assertEquals([tree.get(empty), tree.get(bytesOf("\0"))], [empty, bytesOf("zero")]);
    assertEquals(tree.delete(empty), true);
    assertEquals(tree.get(bytesOf("\0")), bytesOf("zero"));
    pager.commit();
  });

  it("take the first bytes of a buffer as the key when given a length", () => {
    const { pager, tree } = plant();
    const buffer = bytesOf("key and noise");
    transact(pager, () => tree.put(buffer, bytesOf("v"), 3));
    assertEquals(tree.get(bytesOf("key")), bytesOf("v"));
    assertEquals([tree.has(buffer, 3), tree.has(buffer, 4), tree.has(buffer)], [
      true,
      false,
      false,
    ]);
    transact(pager, () => assertEquals(tree.delete(bytesOf("key..."), 3), true));
  });

  it("do not keep the caller's buffers", () => {
    const { pager, tree } = plant();
    const [key, value] = [bytesOf("abc"), valueOf({ bytes: 9000, salt: 1 })];
    transact(pager, () => tree.put(key, value));
    key.fill(0);
    value.fill(0);
    expectValue(tree.get(bytesOf("abc")), { bytes: 9000, salt: 1 });
  });

  it("take keys of 2048 bytes and refuse longer ones, changing nothing", () => {
    const bed = plant();
    const { pager, tree } = bed;
    const key = new Uint8Array(2048).fill(1);
    const long = new Uint8Array(2049).fill(1);
    pager.begin();
    tree.put(key, bytesOf("v"));
    const uses = [
      () => tree.get(long),
      () => tree.has(long),
      () => tree.lengthOf(long),
      () => tree.delete(long),
      () => tree.put(long, bytesOf("")),
    ];
    for (const use of uses) assertThrows(use, RangeError, "2049 bytes exceed 2048");
    pager.commit();
    assertEquals(tree.get(key), bytesOf("v"));
    assertEquals(expectSound(bed).entries, 1);
  });

  it("refuse what is no Uint8Array", () => {
    const { pager, tree } = plant();
    const wrong = "text" as unknown as Uint8Array;
    pager.begin();
    assertThrows(() => tree.put(wrong, bytesOf("")), TypeError, "the key");
    assertThrows(() => tree.put(bytesOf("a"), wrong), TypeError, "the value");
    assertThrows(() => tree.get(wrong), TypeError, "the key");
    pager.commit();
    assertEquals(tree.count(), 0);
  });

  it("refuse to change anything outside a transaction", () => {
    const { tree } = plant();
    assertThrows(
      () => tree.put(bytesOf("a"), bytesOf("b")),
      AssertionError,
      "inside a transaction",
    );
    assertEquals(tree.count(), 0);
  });

  it("replace values of any size by those of any other", () => {
    const sizes = [0, 1, 127, 128, 2047, 2048, 2049, 8192, 20_000];
    const model = modelOf(numbers(0, 20), 100);
    for (const from of sizes) {
      for (const to of sizes) {
        model.begin();
        model.put(keyOf(10), from);
        model.put(keyOf(10), to);
        model.commit();
      }
    }
    model.check();
  });
});

describe("BTree.putIfAbsent(), findEdge() and findFrom()", () => {
  const key = new Uint8Array(KEY_BYTES_MAX);

  it("putIfAbsent() leaves an entry as it is, and adds one of any length", () => {
    const bed = plant();
    const { tree } = bed;
    for (const length of [0, 20, 3000, 100_000]) {
      const own = valueOf({ bytes: length, salt: 1 });
      const other = valueOf({ bytes: length + 1, salt: 2 });
      const name = keyOf(length);
      transact(bed.pager, () => assertEquals(tree.putIfAbsent(name, own), true));
      transact(bed.pager, () => assertEquals(tree.putIfAbsent(name, other), false));
      assertEquals(tree.get(name)?.slice(), own);
    }
    expectSound(bed);
  });

  it("findEdge() finds the first and the last entry, and none in an empty tree", () => {
    assertEquals(plant().tree.findEdge(false, key), -1);
    const { tree } = modelOf(numbers(0, 3000), 20).bed;
    for (const [last, expected] of [[false, keyOf(0)], [true, keyOf(2999)]] as const) {
      assertEquals(key.slice(0, tree.findEdge(last, key)), expected);
      assertEquals(tree.found.length, 20);
    }
  });

  it("findFrom() finds the first key that is not below a bound, in the next leaf too", () => {
    const { tree } = modelOf(numbers(0, 3000), 20).bed;
    for (let i = 0; i < 3000; i++) {
      assertEquals(key.slice(0, tree.findFrom(keyOf(i), key)), keyOf(i));
      const after = new Uint8Array([...keyOf(i), 0]);
      const length = tree.findFrom(after, key);
      if (i === 2999) assertEquals(length, -1);
      else assertEquals(key.slice(0, length), keyOf(i + 1));
    }
  });
});

describe("BTree: shapes", () => {
  it("leaves full pages behind a load in order", () => {
    const model = modelOf(numbers(0, 20_000), 20);
    model.check();
    assert(fillOf(model.bed) > 0.93, `fill ${fillOf(model.bed)}`);
  });

  it("takes as many entries in a page as there are room for, wherever more come", () => {
    // 1024 entries of 8 bytes fill a page that has no prefix; with one they would not fit.
    const keys = [...numbers(0, 3000)];
    for (const [from, step] of [[0, 1], [2999, 2999], [0, 7], [1500, 1]]) {
      modelOf(keys.map((_, i) => keys[(from! + i * step!) % 3000]!), 0).check();
    }
    const even = Array.from({ length: 1024 }, (_, i) => keyOf(2 * i));
    const model = modelOf([...even, bytesOf("b")], 0);
    assertEquals(model.check().depth, 2);
    model.begin();
    // The first leaf has kept room for 51, with its prefix, and moves to the root in the end.
    for (let i = 0; i < 51; i++) model.put(keyOf(2 * i + 1), 0);
    model.deleteRange(even[972]);
    model.commit();
    assertEquals(model.check().depth, 1);
  });

  it("leaves pages full behind a load in reverse, and three quarters full at random", () => {
    const reverse = modelOf(numbers(20_000, 0), 20);
    reverse.check();
    assert(fillOf(reverse.bed) > 0.93, `fill ${fillOf(reverse.bed)}`);
    const random = new Random(3);
    const shuffled = modelOf([...numbers(0, 10_000)].sort(() => random.below(2) - 0.5), 50);
    shuffled.check();
    assert(fillOf(shuffled.bed) > 0.72, `fill ${fillOf(shuffled.bed)}`);
  });

  it("stores a shared prefix once a page", () => {
    const keys = Array.from({ length: 5000 }, (_, i) => {
      const key = new Uint8Array(2000).fill(0x70);
      key.set(keyOf(i), 1996);
      return key;
    });
    const model = modelOf(keys, 4);
    model.check();
    assertLess(usedPages(model.bed.context).length, 5000 * 16 / 6000 + 5);
    model.begin();
    model.put(bytesOf("a"), 5);
    model.put(bytesOf("z"), 5);
    model.put(new Uint8Array(1000).fill(0x70), 5);
    model.commit();
    model.check();
    assertLess(usedPages(model.bed.context).length, 5000 * 16 / 6000 + 10);
  });

  it("keeps its root page while it grows to three levels and shrinks to none", () => {
    const model = modelOf([], 0);
    const { tree } = model.bed;
    let deepest = 0;
    for (let i = 0; i < 7000; i += 1000) {
      model.begin();
      for (const key of numbers(i, i + 1000)) model.put(key, 1020);
      model.commit();
      deepest = Math.max(deepest, model.check().depth);
    }
    assertEquals(deepest, 3);
    for (let i = 0; i < 7000; i += 1000) {
      model.begin();
      for (const key of numbers(i, i + 1000)) model.delete(key);
      model.commit();
      model.check();
    }
    assertEquals(usedPages(model.bed.context), [tree.root]);
  });

  it("merges thin pages when most entries go", () => {
    const model = modelOf(numbers(0, 20_000), 20);
    model.begin();
    for (let i = 0; i < 20_000; i++) if (i % 50 !== 0) model.delete(keyOf(i));
    model.commit();
    model.check();
    assertLessOrEqual(usedPages(model.bed.context).length, 12);
  });

  it("lets separators be short: long keys that differ early fill branches", () => {
    const random = new Random(8);
    const keys = Array.from({ length: 800 }, () => {
      const key = new Uint8Array(1800).fill(9);
      for (let i = 0; i < 6; i++) key[i] = random.below(256);
      return key;
    });
    assertEquals(modelOf(keys, 10).check().depth, 2);
  });

  it("takes keys that are beginnings of each other, up to 2048 bytes", () => {
    const keys = Array.from({ length: 2049 }, (_, i) => new Uint8Array(i).fill(0x61));
    modelOf(keys, 3).check();
    modelOf(keys.toReversed(), 3).check();
    modelOf(keys.map((_, i) => keys[(i * 1000) % 2049]!), 3).check();
  });

  it("takes separators of 2048 bytes, and gives them back", () => {
    const keys = Array.from({ length: 300 }, (_, i) => {
      const key = new Uint8Array(2048);
      key.set(keyOf((i + 1) >>> 1));
      key[2047] = (i + 1) & 1;
      return key;
    });
    const random = new Random(4);
    const model = modelOf(keys, 1900);
    assert(model.check().depth >= 4);
    while (keys.length > 0) {
      model.begin();
      for (let i = 0; i < 60; i++) model.delete(keys.splice(random.below(keys.length), 1)[0]!);
      model.commit();
      model.check();
    }
  });
});

describe("BTree: transactions", () => {
  it("a rollback takes back new pages, splits, merges and runs", () => {
    const model = modelOf(numbers(0, 500), 300);
    const before = usedPages(model.bed.context);
    const { pageCount } = model.bed.pager.meta;
    for (
      const change of [
        () => [...numbers(500, 900)].forEach((key) => model.put(key, 3000)),
        () => [...numbers(0, 499)].forEach((key) => model.delete(key)),
        () => model.deleteRange(),
        () => model.put(keyOf(7), 3_000_000),
      ]
    ) {
      model.begin();
      change();
      model.rollback();
      model.check();
      assertEquals(usedPages(model.bed.context), before);
      assertEquals(model.bed.pager.meta.pageCount, pageCount);
    }
  });

  it("savepoints undo what is inside them and nothing else, three deep", () => {
    const model = modelOf(numbers(0, 300), 200);
    model.begin();
    for (const key of numbers(300, 350)) model.put(key, 500);
    model.begin();
    model.deleteRange(keyOf(100), keyOf(320));
    model.begin();
    for (const key of numbers(0, 200)) model.put(key, 2500);
    model.rollback();
    assertEquals(model.bed.tree.count(), model.entries.size);
    model.begin();
    for (const key of numbers(0, 50)) model.delete(key);
    model.commit();
    model.check();
    model.rollback();
    model.check();
    assertEquals(model.entries.size, 350);
    model.begin();
    model.deleteRange(keyOf(10), undefined);
    model.commit();
    model.commit();
    assertEquals(model.entries.size, 10);
    model.check();
    model.reopen();
    model.check();
  });

  it("an empty tree that was made and rolled back leaves no page", () => {
    const { pager, context, tree } = plant();
    pager.begin();
    const other = BTree.create(context, 2);
    other.put(bytesOf("a"), new Uint8Array(100_000));
    pager.rollback();
    assertEquals(usedPages(context), [tree.root]);
  });

  it("trees of one file do not see each other", () => {
    const { pager, context, tree } = plant();
    const other = transact(pager, () => BTree.create(context, 2));
    transact(pager, () => {
      for (let i = 0; i < 500; i++) {
        tree.put(keyOf(i), valueOf({ bytes: 300, salt: i }));
        other.put(keyOf(i), valueOf({ bytes: 3000, salt: i + 1000 }));
      }
      for (let i = 0; i < 500; i += 2) tree.delete(keyOf(i));
    });
    for (let i = 0; i < 500; i++) {
      if (i % 2 === 1) expectValue(tree.get(keyOf(i)), { bytes: 300, salt: i });
      expectValue(other.get(keyOf(i)), { bytes: 3000, salt: i + 1000 });
    }
    const pages = [...checkTree(tree).pages, ...checkTree(other).pages];
    assertEquals(usedPages(context), pages.sort((a, b) => a - b));
  });
});

/** A reopened tree of two levels, with one header or page changed, its sums made right. */
function damaged(which: "root" | "child", change: (frame: Frame, slot: number) => void): Bed {
  const { bed } = modelOf(numbers(0, 400), 200);
  transact(bed.pager, () => {
    const root = bed.pager.at(bed.tree.root);
    const child = childAt(bed.pager.frames[root >>> 8]!, root & 255, 5);
    const place = which === "root" ? root : bed.pager.at(child);
    bed.pager.touch(place);
    change(bed.pager.frames[place >>> 8]!, place & 255);
  });
  return replant(bed);
}

describe("BTree: damage", () => {
  const damages: [string, "root" | "child", (frame: Frame, slot: number) => void][] = [
    ["a root of another tree", "root", (frame, slot) => frame.u32[(slot << 3) + 1] = 9],
    ["a root of another kind", "root", (frame, slot) => header.setShape(frame, slot, 3, 0)],
    ["a root that is too high", "root", (frame, slot) => {
      header.setShape(frame, slot, KIND_BRANCH, 2);
    }],
    ["a child of another tree", "child", (frame, slot) => frame.u32[(slot << 3) + 1] = 9],
    ["a child of another kind", "child", (frame, slot) => {
      header.setShape(frame, slot, KIND_BRANCH, 1);
    }],
    ["a child with garbage that is not", "child", (frame, slot) => {
      header.setGarbage(frame, slot, 1);
    }],
  ];
  for (const [what, which, change] of damages) {
    it(`of ${what} is CorruptionError wherever it shows`, () => {
      const { pager, tree } = damaged(which, change);
      const all = () => [...numbers(0, 400)].forEach((key) => tree.get(key));
      assertThrows(all, CorruptionError);
      assertThrows(() => checkTree(tree), CorruptionError);
      const cursor = tree.cursor();
      assertThrows(() => {
        for (let found = cursor.first(); found;) found = cursor.next();
      }, CorruptionError);
      pager.begin();
      assertThrows(() => [...numbers(0, 400)].forEach((key) => tree.delete(key)), CorruptionError);
      pager.rollback();
      assertThrows(() => checkTree(tree), CorruptionError);
    });
  }
});

describe("BTree: damage in the middle", () => {
  it("of a branch at another level than its parent says is CorruptionError", () => {
    const { bed } = modelOf(numbers(0, 7000), 1020);
    transact(bed.pager, () => {
      const root = bed.pager.at(bed.tree.root);
      assertEquals(header.levelOf(bed.pager.frames[root >>> 8]!, root & 255), 2);
      const place = bed.pager.at(childAt(bed.pager.frames[root >>> 8]!, root & 255, 0));
      bed.pager.touch(place);
      header.setShape(bed.pager.frames[place >>> 8]!, place & 255, KIND_BRANCH, 2);
    });
    const { tree } = replant(bed);
    assertThrows(() => tree.get(keyOf(0)), CorruptionError, "not a node of level 1");
    assertThrows(() => tree.count(), CorruptionError, "not a node of level 1");
    assertThrows(() => tree.cursor().first(), CorruptionError, "not a node of level 1");
    assertThrows(() => checkTree(tree), CorruptionError, "not a node of level 1");
  });
});

describe("BTree: damage in the order of siblings", () => {
  it("is CorruptionError before entries of two leaves come into one", () => {
    // Together their first and last key share 31 bytes, and keys between them are shorter.
    const short = Array.from({ length: 72 }, (_, i) => bytesOf(`a${i}`.padEnd(4)));
    const long = Array.from({ length: 40 }, (_, i) => bytesOf(`b${"0".repeat(30)}${i + 100}`));
    const { bed: { pager, tree } } = modelOf([...short, ...long], 100);
    transact(pager, () => {
      replaceSeparator(pager, tree.nodes.rootNode(), 1, long[35]!, long[35]!.length);
      const place = pager.at(tree.root);
      const { u32 } = pager.frames[place >>> 8]!;
      const at = childIndex(place & 255, 2, 0);
      [u32[at], u32[at + 1]] = [u32[at + 1]!, u32[at]!];
    });
    pager.begin();
    assertThrows(
      () => long.slice(0, 35).forEach((key) => tree.delete(key)),
      CorruptionError,
      "not within",
    );
    pager.rollback();
  });

  it("is CorruptionError before entries of two branches come into one", () => {
    const keys = Array.from({ length: 400 }, (_, i) => pairedKey(i + 1));
    const { bed: { pager, tree } } = modelOf(keys, 100);
    const path = new TreePath();
    tree.nodes.descend(path, keys[0]!, keys[0]!.length);
    assertGreater(path.depth, 2);
    const above = path.pages[path.depth - 2]!;
    // The right branch's second child has keys that are below what its parent says.
    const right = pager.at(childOf(pager, above, 1));
    const lower = new Uint8Array(KEY_BYTES_MAX);
    const frame = pager.frames[right >>> 8]!;
    const length = copyKey(frame, right & SLOT_MASK, 1, lower) + 1;
    const branch = tree.nodes.nodeOn(path, path.depth - 2);
    transact(pager, () => assert(replaceSeparator(pager, branch, 1, lower, length)));
    pager.begin();
    assertThrows(() => keys.forEach((key) => tree.delete(key)), CorruptionError, "not within");
    pager.rollback();
  });
});

/** A key that differs from its pair only at its end, so that separators between them are long. */
function pairedKey(i: number): Uint8Array {
  const key = new Uint8Array(1800).fill(98);
  new DataView(key.buffer).setUint32(0, Math.floor(i / 2) * 0x0101);
  key[1799] = i & 1;
  return key;
}

function childOf(pager: Pager, page: number, index: number): number {
  const place = pager.at(page);
  return childAt(pager.frames[place >>> 8]!, place & SLOT_MASK, index);
}

describe("checkTree()", () => {
  const lies: [string, "root" | "child", (frame: Frame, slot: number) => void][] = [
    ["is not linked", "child", (frame, slot) => header.setLink(frame, slot, 3)],
    ["is not linked", "child", (frame, slot) => header.setLink(frame, slot, 0)],
    ["twice", "root", (frame, slot) => {
      const entries = header.entriesOf(frame, slot);
      frame.u32[(slot << 11) + entries + 5]! = frame.u32[(slot << 11) + entries + 4]!;
    }],
    ["the parent says", "root", (frame, slot) => {
      const at = (slot << 11) + header.entriesOf(frame, slot);
      [frame.u32[at + 5], frame.u32[at + 6]] = [frame.u32[at + 6]!, frame.u32[at + 5]!];
    }],
    ["without entries", "child", (frame, slot) => {
      header.setEntries(frame, slot, 0);
      header.setPrefix(frame, slot, 0, 0);
      header.setCellStart(frame, slot, PAGE_BYTES);
      header.setGarbage(frame, slot, 0);
    }],
  ];
  for (const [rule, which, change] of lies) {
    it(`notices what each page alone does not show: ${rule}`, () => {
      const { tree } = damaged(which, change);
      assertThrows(() => checkTree(tree), CorruptionError, rule);
    });
  }

  it("notices a last leaf that is linked to another", () => {
    const { bed } = modelOf(numbers(0, 400), 200);
    transact(bed.pager, () => {
      const root = bed.pager.at(bed.tree.root);
      const last = header.entriesOf(bed.pager.frames[root >>> 8]!, root & 255) - 1;
      const place = bed.pager.at(childAt(bed.pager.frames[root >>> 8]!, root & 255, last));
      bed.pager.touch(place);
      header.setLink(bed.pager.frames[place >>> 8]!, place & 255, 4);
    });
    assertThrows(() => checkTree(bed.tree), CorruptionError, "the last leaf is linked");
  });

  it("reports depth, entries and every page", () => {
    const model = modelOf(numbers(0, 40), 8000);
    const report = checkTree(model.bed.tree);
    assertEquals([report.depth, report.entries, report.pages.size], [1, 40, 41]);
  });
});
