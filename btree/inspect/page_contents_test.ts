// The content of a page as plain data: regions that cover the page, and the entries of the tree.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { format, openPager, type Pager } from "../../pager/mod.ts";
import { Catalog, NAME_BYTES_MAX } from "../catalog.ts";
import { BTree } from "../tree.ts";
import { UnfinishedValues } from "../unfinished_values.ts";
import { TreeContext } from "../walk/tree_context.ts";
import { type PageContents, pageContents } from "./page_contents.ts";

const { CHUNK_SHIFT, PAGE_BYTES, SLOT_MASK } = format;
const encoder = new TextEncoder();

function contentsOf(pager: Pager, page: number): PageContents {
  const place = pager.at(page);
  return pageContents(pager.frames[place >>> CHUNK_SHIFT]!, place & SLOT_MASK);
}

/** Fails unless regions cover the page, and every cell lies in the cells or keys. */
function assertCovers({ regions, cells }: PageContents): void {
  let end = 0;
  for (const { offset, bytes } of regions) {
    assertEquals(offset, end);
    assert(bytes > 0);
    end += bytes;
  }
  assertEquals(end, PAGE_BYTES);
  for (const { offset, bytes } of cells) {
    const region = regions.find((region) => offset < region.offset + region.bytes)!;
    assert(["cells", "keys"].includes(region.name), region.name);
    assert(offset + bytes <= region.offset + region.bytes);
  }
}

describe("pageContents", () => {
  it("has the keys and values of a leaf, and where values in runs begin", () => {
    const context = new TreeContext(openPager(":memory:"));
    const { pager } = context;
    pager.begin();
    const tree = BTree.create(context, 1);
    for (let i = 0; i < 9; i++) tree.put(encoder.encode(`prefix ${i}`), new Uint8Array(i).fill(i));
    tree.put(encoder.encode("prefix large"), new Uint8Array(16_000));
    pager.commit();
    const contents = contentsOf(pager, tree.root);
    assertCovers(contents);
    const names = contents.regions.map(({ name }) => name);
    assertEquals(names, ["heads", "offsets", "free", "cells"]);
    assertEquals(contents.regions.slice(0, 2).map(({ bytes }) => bytes), [40, 20]);
    contents.cells.forEach(({ index, key, value, valueBytes, target }, i) => {
      assertEquals(index, i);
      assertEquals(new TextDecoder().decode(key), i < 9 ? `prefix ${i}` : "prefix large");
      assertEquals([valueBytes, value.length], i < 9 ? [i, i] : [16_000, 0]);
      assertEquals(target === 0, i < 9);
    });
    const run = contentsOf(pager, contents.cells[9]!.target);
    assertEquals(run.regions, [{ name: "bytes", offset: 0, bytes: PAGE_BYTES }]);
  });

  it("has the separators and children of a branch, the first without a key", () => {
    const context = new TreeContext(openPager(":memory:"));
    const { pager } = context;
    pager.begin();
    const tree = BTree.create(context, 1);
    for (let i = 0; i < 2000; i++) tree.put(encoder.encode(`all/${i}`), new Uint8Array(50));
    pager.commit();
    const contents = contentsOf(pager, tree.root);
    assertCovers(contents);
    assertEquals(contents.cells[0]!.key.length, 0);
    const { length } = contents.cells;
    const arrays = contents.regions.slice(0, 3).map(({ name, bytes }) => `${name} ${bytes}`);
    assertEquals(arrays, [
      `heads ${4 * length}`,
      `children ${4 * length}`,
      `offsets ${2 * length}`,
    ]);
    for (const { key, target, valueBytes } of contents.cells.slice(1)) {
      assertEquals(valueBytes, -1);
      const child = contentsOf(pager, target);
      assertCovers(child);
      assertEquals(child.regions.at(-1)!.name, "prefix");
      assertEquals(new TextDecoder().decode(child.prefix).slice(0, 4), "all/");
      assert(compare(child.cells[0]!.key, key) >= 0);
    }
  });

  it("says of the catalog which trees it names", () => {
    const context = new TreeContext(openPager(":memory:"));
    const { pager } = context;
    pager.begin();
    const catalog = new Catalog(context, pager);
    const { root } = catalog.create("cities");
    catalog.create("numbers");
    catalog.create("old");
    catalog.drop("old");
    pager.commit();
    const { cells } = contentsOf(pager, pager.meta.catalogRoot);
    const notes = cells.map(({ note }) => note);
    assertEquals(notes, ["dropped tree 3", "tree 1: cities", "tree 2: numbers"]);
    assertEquals(cells[1]!.target, root);
    pager.begin();
    catalog.tree()!.put(new Uint8Array([1, 97]), new Uint8Array(3));
    pager.commit();
    assertStringIncludes(contentsOf(pager, pager.meta.catalogRoot).cells[1]!.note, "damaged: ");
  });

  it("says where a record of the catalog is that is outside of its leaf", () => {
    const context = new TreeContext(openPager(":memory:"));
    const { pager } = context;
    const name = "n".repeat(NAME_BYTES_MAX);
    const catalog = new Catalog(context);
    const unfinished = new UnfinishedValues(context, catalog);
    pager.begin();
    const { id } = catalog.create(name);
    unfinished.append(unfinished.begin(), 0, id, new Uint8Array(PAGE_BYTES), name);
    pager.commit();
    const { target, note, valueBytes } = contentsOf(pager, pager.meta.catalogRoot).cells.at(-1)!;
    assertEquals([note, valueBytes], ["", 24 + NAME_BYTES_MAX]);
    assertEquals(contentsOf(pager, target).cells[0]!.valueBytes, valueBytes);
  });
});

function compare(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}
