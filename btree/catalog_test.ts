// The catalog: creates, finds, renames and lists trees by any name, drops them and releases their
// pages slice by slice until none is lost, all in transactions; and damaged records.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { CorruptionError, LimitError, MemoryFile, Pager } from "../pager/mod.ts";
import { Random } from "../tests/support/random.ts";
import { transact } from "../tests/support/trees/pages.ts";
import { usedPages } from "../tests/support/trees/space.ts";
import { checkTree } from "../tests/support/trees/tree_check.ts";
import { bulkLoad, bytesOf, expectValue, keyOf, valueOf } from "../tests/support/trees/trees.ts";
import { Catalog, NAME_BYTES_MAX, readCatalogEntry, type TreeEntry } from "./catalog.ts";
import { BTree } from "./tree.ts";
import { TreeContext } from "./walk/tree_context.ts";

interface Library {
  file: MemoryFile;
  pager: Pager;
  context: TreeContext;
  catalog: Catalog;
}

function open(file = new MemoryFile()): Library {
  const pager = new Pager(file, {});
  const context = new TreeContext(pager);
  return { file, pager, context, catalog: new Catalog(context) };
}

function reopen(library: Library): Library {
  library.pager.close();
  return open(new MemoryFile(library.file.content()));
}

function treeOf({ context }: Library, { id, root }: TreeEntry): BTree {
  return new BTree(context, id, root);
}

/** A new tree with entries, some in runs. */
function grow(library: Library, name: string, count: number): TreeEntry {
  return transact(library.pager, () => {
    const entry = library.catalog.create(name);
    const tree = treeOf(library, entry);
    for (let i = 0; i < count; i++) {
      tree.put(keyOf(i), valueOf({ bytes: i % 20 === 0 ? 9000 : 1000, salt: i }));
    }
    return entry;
  });
}

/** Every page in use is the catalog's or of a tree that it names, and each tree is sound. */
function expectNothingLost(library: Library): void {
  const { pager, context, catalog } = library;
  const pages = new Set<number>();
  const add = (tree: BTree) => checkTree(tree).pages.forEach((page) => pages.add(page));
  if (pager.meta.catalogRoot !== 0) add(new BTree(context, 0, pager.meta.catalogRoot));
  for (const name of catalog.names()) {
    add(treeOf(library, catalog.get(name)!));
  }
  assertEquals(usedPages(context), [...pages].sort((a, b) => a - b));
}

/** Sweeps to the end, each slice in a transaction. Returns the number of slices. */
function sweepAll({ pager, catalog }: Library, leaves?: number): number {
  for (let slices = 0;; slices++) {
    assert(slices < 10_000, "a sweep ends");
    if (!transact(pager, () => catalog.sweep(leaves))) return slices;
  }
}

describe("Catalog", () => {
  it("of a fresh file names nothing and takes no page", () => {
    const { catalog, pager } = open();
    assertEquals([catalog.names(), catalog.get("a")], [[], undefined]);
    transact(pager, () => assertEquals(catalog.sweep(), false));
    assertEquals([pager.meta.pageCount, pager.meta.catalogRoot], [3, 0]);
  });

  it("keeps trees with their numbers and attributes", () => {
    let library = open();
    const attributes = bytesOf("key: tuple");
    const large = valueOf({ bytes: 5000, salt: 1 });
    transact(library.pager, () => {
      library.catalog.create("plain");
      library.catalog.create("noted", { attributes });
      library.catalog.create("large", { attributes: large });
    });
    for (let round = 0; round < 2; round++) {
      const { catalog } = library;
      const [plain, noted, heavy] = ["plain", "noted", "large"].map((name) => catalog.get(name)!);
      assertEquals([plain!.id, noted!.id, heavy!.id], [1, 2, 3]);
      assertEquals([plain!.attributes, noted!.attributes], [new Uint8Array(0), attributes]);
      assertEquals(heavy!.attributes, large);
      assertEquals(new Set([plain!.root, noted!.root, heavy!.root]).size, 3);
      expectNothingLost(library);
      library = reopen(library);
    }
  });

  it("refuses a second tree of a name, and changes nothing", () => {
    const library = open();
    const { pager, catalog } = library;
    const entry = transact(pager, () => catalog.create("a"));
    transact(pager, () => {
      assertThrows(() => catalog.create("a"), RangeError, "it exists");
    });
    assertEquals([catalog.get("a")?.id, pager.meta.nextTreeId], [entry.id, 2]);
    expectNothingLost(library);
  });

  it("refuses a tree when all tree ids are used, and changes nothing", () => {
    const library = open();
    transact(library.pager, () => library.catalog.create("first"));
    const used = usedPages(library.context);
    library.pager.meta.nextTreeId = 0xffff_ffff;
    assertThrows(
      () => transact(library.pager, () => library.catalog.create("last")),
      LimitError,
      "Cannot create tree last: all tree ids are used",
    );
    assertEquals(library.pager.meta.nextTreeId, 0xffff_ffff);
    assertEquals([library.catalog.names(), usedPages(library.context)], [["first"], used]);
  });

  it("lists names in the order of their bytes", () => {
    let library = open();
    const names = ["z", "a", "A", "aa", "", "\u00e9", "e", "\u{1f600}", "\uffff", "10", "9", "a\0"]
      .filter((name) => name !== "");
    transact(library.pager, () => names.forEach((name) => library.catalog.create(name)));
    library = reopen(library);
    const bytes = (name: string) => String.fromCharCode(...new TextEncoder().encode(name));
    assertEquals(library.catalog.names(), names.toSorted((a, b) => bytes(a) < bytes(b) ? -1 : 1));
  });

  it("returns every unusual name unchanged", () => {
    const library = open();
    const names = [
      ...[" ", "\0", "\n", "\ufeff", "\ufeffname", "na\ufeffme", "\ufffd", "../x", "\u{10ffff}"],
      ...["x".repeat(NAME_BYTES_MAX), "\u00e9".repeat(NAME_BYTES_MAX / 2), "e\u0301", "__proto__"],
    ];
    transact(library.pager, () => names.forEach((name) => library.catalog.create(name)));
    assertEquals(new Set(library.catalog.names()), new Set(names));
    names.forEach((name, i) => assertEquals(library.catalog.get(name)?.id, i + 1));
    for (const name of names) transact(library.pager, () => library.catalog.drop(name));
    assertEquals(library.catalog.names(), []);
  });

  it("refuses names that are empty or too long", () => {
    const { catalog, pager } = open();
    transact(pager, () => {
      for (const name of ["", "x".repeat(NAME_BYTES_MAX + 1), "\u00e9".repeat(513)]) {
        assertThrows(() => catalog.create(name), RangeError, "Cannot name a tree");
        assertThrows(() => catalog.get(name), RangeError, "Cannot name a tree");
      }
    });
    assertEquals(pager.meta.nextTreeId, 1);
  });

  it("goes back with a rollback, the first tree and the catalog itself too", () => {
    const library = open();
    const { pager, catalog } = library;
    pager.begin();
    catalog.create("first");
    pager.rollback();
    assertEquals([catalog.names(), pager.meta.catalogRoot, pager.meta.nextTreeId], [[], 0, 1]);
    grow(library, "second", 10);
    pager.begin();
    catalog.create("third");
    catalog.rename("second", "other");
    catalog.drop("other");
    pager.rollback();
    assertEquals(catalog.names(), ["second"]);
    assertEquals(treeOf(library, catalog.get("second")!).count(), 10);
    expectNothingLost(library);
  });

  it("keeps hundreds of trees", () => {
    let library = open();
    const random = new Random(5);
    const names = new Map<string, number>();
    transact(library.pager, () => {
      for (let i = 0; i < 400; i++) {
        const name = `tree ${random.u32()} ${"n".repeat(random.below(200))}`;
        names.set(name, library.catalog.create(name).id);
      }
    });
    library = reopen(library);
    assertEquals(library.catalog.names(), [...names.keys()].sort());
    for (const [name, id] of names) assertEquals(library.catalog.get(name)?.id, id);
    expectNothingLost(library);
  });
});

describe("Catalog.rename()", () => {
  it("moves a tree, attributes and all, to a free name only", () => {
    const library = open();
    const { pager, catalog } = library;
    const entry = grow(library, "old", 50);
    transact(pager, () => catalog.create("taken"));
    transact(pager, () => {
      assertThrows(() => catalog.rename("none", "new"), RangeError, "it does not exist");
      assertThrows(() => catalog.rename("old", "taken"), RangeError, "it exists");
      assertThrows(() => catalog.rename("old", "old"), RangeError, "it exists");
      assertThrows(() => catalog.rename("old", ""), RangeError, "Cannot name");
      catalog.rename("old", "new");
    });
    assertEquals(catalog.names(), ["new", "taken"]);
    assertEquals([catalog.get("old"), catalog.get("new")], [undefined, entry]);
    assertEquals(treeOf(library, entry).count(), 50);
    expectNothingLost(library);
  });
});

describe("Catalog.drop() and sweep()", () => {
  it("free the name at once, and the pages slice by slice", () => {
    for (const leaves of [1, 2, 7, 100, undefined]) {
      let library = open();
      transact(library.pager, () => library.catalog.create("stays"));
      const before = usedPages(library.context).length;
      grow(library, "goes", 600);
      const full = usedPages(library.context).length;
      transact(library.pager, () => assertEquals(library.catalog.drop("goes"), true));
      assertEquals(library.catalog.names(), ["stays"]);
      assertEquals(usedPages(library.context).length, full);
      transact(library.pager, () => assert(library.catalog.sweep(leaves)));
      library = reopen(library);
      const slices = sweepAll(library, leaves);
      if (leaves === 1) assert(slices > 50, `${slices} slices`);
      assertEquals(usedPages(library.context).length, before);
      expectNothingLost(library);
    }
  });

  it("take no page of a fresh file for a tree that is not there", () => {
    const { catalog, pager } = open();
    transact(pager, () => {
      assertEquals(catalog.drop("a"), false);
      assertThrows(() => catalog.rename("a", "b"), RangeError, "it does not exist");
    });
    assertEquals([pager.meta.pageCount, pager.meta.catalogRoot, pager.meta.version], [3, 0, 0]);
  });

  it("do nothing for a name that is not there, and for nothing to sweep", () => {
    const library = open();
    grow(library, "a", 5);
    transact(library.pager, () => {
      assertEquals(library.catalog.drop("b"), false);
      assertEquals(library.catalog.sweep(), false);
      assertEquals(library.catalog.drop("a"), true);
      assertEquals(library.catalog.drop("a"), false);
    });
  });

  it("let the name be used again before the old tree is gone", () => {
    const library = open();
    const old = grow(library, "name", 300);
    transact(library.pager, () => library.catalog.drop("name"));
    const fresh = grow(library, "name", 40);
    assert(fresh.id !== old.id && fresh.root !== old.root);
    sweepAll(library, 3);
    assertEquals(treeOf(library, fresh).count(), 40);
    expectNothingLost(library);
  });

  it("sweep several trees, also of three levels", () => {
    const library = open();
    const { pager, context, catalog } = library;
    transact(pager, () => {
      const deep = catalog.create("deep");
      const value = valueOf({ bytes: 1020, salt: 9 });
      const entries = Array.from({ length: 8000 }, (_, i) => [keyOf(i), value] as const);
      bulkLoad(treeOf(library, deep), entries);
      assertEquals(checkTree(treeOf(library, deep)).depth, 3);
    });
    grow(library, "flat", 3);
    transact(pager, () => ["deep", "flat"].forEach((name) => catalog.drop(name)));
    for (let used = usedPages(context).length, more = true; more;) {
      more = transact(pager, () => catalog.sweep(400));
      const left = usedPages(context).length;
      assert(used - left <= 410, `a slice of ${used - left} pages`);
      used = left;
    }
    assertEquals(usedPages(context), [pager.meta.catalogRoot]);
  });

  it("go back with a rollback, in the middle of a tree too", () => {
    const library = open();
    const { pager, catalog } = library;
    const entry = grow(library, "a", 400);
    pager.begin();
    catalog.drop("a");
    catalog.sweep(5);
    catalog.sweep(5);
    pager.rollback();
    assertEquals(treeOf(library, catalog.get("a")!).count(), 400);
    for (let i = 0; i < 400; i += 20) {
      expectValue(treeOf(library, entry).get(keyOf(i)), { bytes: 9000, salt: i });
    }
    expectNothingLost(library);
  });
});

/** A catalog with one tree, whose record is put as `change` makes it. */
function lying(change: (record: Uint8Array, view: DataView) => Uint8Array | void): Library {
  const library = open();
  const { pager, context } = library;
  grow(library, "a", 10);
  transact(pager, () => {
    const tree = new BTree(context, 0, pager.meta.catalogRoot);
    const record = tree.get(bytesOf("\x01a"))!.slice();
    tree.put(bytesOf("\x01a"), change(record, new DataView(record.buffer)) ?? record);
  });
  return library;
}

describe("Catalog: records", () => {
  const lies: [string, (record: Uint8Array, view: DataView) => Uint8Array | void][] = [
    ["too short", (record) => record.slice(0, 11)],
    ["too short", () => new Uint8Array(0)],
    ["a tree 0", (_, view) => view.setUint32(4, 0, true)],
    ["a tree 2", (_, view) => view.setUint32(4, 2, true)],
    ["a tree 4294967295", (_, view) => view.setUint32(4, 0xffffffff, true)],
    ["reserved", (_, view) => view.setUint8(8, 1)],
    ["reserved", (_, view) => view.setUint8(9, 1)],
    ["reserved", (_, view) => view.setUint8(11, 0x80)],
  ];
  for (const [rule, change] of lies) {
    it(`that break a rule are CorruptionError: ${rule}`, () => {
      const { catalog, pager } = lying(change);
      assertThrows(() => catalog.get("a"), CorruptionError, rule);
      pager.begin();
      assertThrows(() => catalog.drop("a"), CorruptionError, rule);
      pager.rollback();
    });
  }

  for (const [rule, name] of [["not UTF-8", "\xff"], ["0 bytes", ""], ["1025", "a".repeat(1025)]]) {
    it(`of a name that no tree can have are CorruptionError: ${rule}`, () => {
      const { catalog, context, pager } = lying(() => undefined);
      transact(pager, () => {
        const tree = new BTree(context, 0, pager.meta.catalogRoot);
        tree.put(bytesOf(`\x01${name}`), tree.get(bytesOf("\x01a"))!.slice());
      });
      assertThrows(() => catalog.names(), CorruptionError, rule);
    });
  }

  it("that are listed, and that a search does not find, are CorruptionError", () => {
    const { catalog } = lying(() => undefined);
    assertEquals(catalog.listed("a"), catalog.get("a"));
    assertThrows(() => catalog.listed("b"), CorruptionError, "out of order");
  });

  it("that name a root which is not the tree's are CorruptionError when the tree is swept", () => {
    const roots = [0, 1, 2, 3, 256, 0xffffffff];
    for (const root of roots) {
      const library = lying((_, view) => view.setUint32(0, root, true));
      const { catalog, pager } = library;
      assertThrows(() => treeOf(library, catalog.get("a")!).count(), CorruptionError);
      transact(pager, () => catalog.drop("a"));
      pager.begin();
      assertThrows(() => catalog.sweep(), CorruptionError);
      pager.rollback();
    }
  });
});

describe("readCatalogEntry()", () => {
  /** The keys and records in the tree of the catalog. */
  function stored(): [Uint8Array, Uint8Array][] {
    const { catalog, context, pager } = open();
    transact(pager, () => {
      catalog.create("a", { attributes: bytesOf("more") });
      catalog.create("b");
      catalog.create("c");
      catalog.drop("c");
    });
    const cursor = new BTree(context, 0, pager.meta.catalogRoot).cursor();
    const entries: [Uint8Array, Uint8Array][] = [];
    for (let found = cursor.first(); found; found = cursor.next()) {
      entries.push([cursor.key().slice(), cursor.value()!.slice()]);
    }
    return entries;
  }

  it("reads names, numbers and attributes, and no name of what was dropped", () => {
    const read = stored().map(([key, record]) => readCatalogEntry(key, record, 3, 4));
    assertEquals(read.map(({ name, id }) => [name, id]), [[undefined, 3], ["a", 1], ["b", 2]]);
    assertEquals(read[1]!.attributes, bytesOf("more"));
  });

  it("refuses what breaks a rule, and names the page", () => {
    const all = stored();
    const [[dropped, record], [name, living]] = [all[0]!, all[1]!];
    const lies: [string, Uint8Array, Uint8Array, number?][] = [
      ["neither a name nor", dropped, living],
      ["neither a name nor", dropped.subarray(0, 4), record],
      ["neither a name nor", new Uint8Array(0), record],
      ["neither a name nor", new Uint8Array([2, 65]), record],
      ["a name of 0 bytes", name.subarray(0, 1), living],
      ["a name of 1025 bytes", new Uint8Array(NAME_BYTES_MAX + 2).fill(1), living],
      ["not UTF-8", new Uint8Array([1, 0xff]), living],
      ["too short", name, living.subarray(0, 11)],
      ["names a tree 1", name, living, 1],
      ["reserved bytes", name, living.map((byte, at) => at === 8 ? 1 : byte)],
    ];
    for (const [rule, key, value, next = 9] of lies) {
      const error = assertThrows(
        () => readCatalogEntry(key, value, 7, next),
        CorruptionError,
        rule,
      );
      assertEquals(error.page, 7);
    }
  });
});
