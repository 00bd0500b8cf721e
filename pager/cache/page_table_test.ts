// Compares the page table with a Map, with page numbers chosen to collide and to repeat.

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { Random } from "../../tests/support/random.ts";
import { PageTable } from "./page_table.ts";

function expectSame(table: PageTable, model: Map<number, number>, pages: Iterable<number>): void {
  assertEquals(table.size, model.size);
  for (const page of pages) assertEquals(table.get(page), model.get(page) ?? -1, `page ${page}`);
}

describe("PageTable", () => {
  it("get is -1 for a page that was never there", () => {
    assertEquals(new PageTable().get(3), -1);
  });

  it("set moves a page that is there, and counts it once", () => {
    const table = new PageTable();
    table.set(7, 1);
    table.set(7, 2);
    assertEquals([table.get(7), table.size], [2, 1]);
  });

  it("clear removes all pages, and others can be added", () => {
    const table = new PageTable();
    for (let page = 1; page < 3000; page++) table.set(page, page);
    table.clear();
    expectSame(table, new Map(), [1, 2, 2999]);
    table.set(2, 9);
    expectSame(table, new Map([[2, 9]]), [1, 2, 3]);
  });

  it("delete of a page that is not there changes nothing", () => {
    const table = new PageTable();
    table.set(7, 1);
    table.delete(8);
    assertEquals([table.get(7), table.size], [1, 1]);
  });

  it("holds the largest page numbers", () => {
    const table = new PageTable();
    for (const page of [0x7fff_ffff, 0x8000_0000, 0xffff_fffd]) table.set(page, page & 0xff);
    for (const page of [0x7fff_ffff, 0x8000_0000, 0xffff_fffd]) {
      assertEquals(table.get(page), page & 0xff);
    }
  });

  it("agrees with a Map over many sets and deletes, through growth", () => {
    const random = new Random(1);
    const table = new PageTable();
    const model = new Map<number, number>();
    const pages = Array.from({ length: 4000 }, (_, i) => i < 2000 ? i : random.u32() % 0xffff_fffe);
    for (let step = 0; step < 60_000; step++) {
      const page = random.pick(pages);
      // More sets than deletes at first, so that it grows; then more deletes, so that it shrinks.
      if (random.below(10) < (step < 30_000 ? 7 : 3)) {
        table.set(page, step);
        model.set(page, step);
      } else {
        table.delete(page);
        model.delete(page);
      }
      if (step % 6000 === 0) expectSame(table, model, pages);
    }
    expectSame(table, model, pages);
  });

  it("agrees with a Map at every step of short histories", () => {
    const history = fc.array(fc.tuple(fc.boolean(), fc.nat({ max: 40 })), { maxLength: 200 });
    fc.assert(fc.property(history, (steps) => {
      const table = new PageTable();
      const model = new Map<number, number>();
      steps.forEach(([isSet, key], step) => {
        // Multiples of the table's initial length hash to few homes.
        const page = key * 1024;
        if (isSet) table.set(page, step), model.set(page, step);
        else table.delete(page), model.delete(page);
        assertEquals(table.get(page), model.get(page) ?? -1);
      });
      expectSame(table, model, Array.from({ length: 41 }, (_, key) => key * 1024));
    }));
  });
});
