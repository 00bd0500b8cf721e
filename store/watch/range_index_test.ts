// The index of ranges finds what a loop over all ranges finds, and compares few of them.

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { utf8 } from "../../tests/support/databases/database.ts";
import { Random } from "../../tests/support/random.ts";
import { type KeySpan, RangeIndex } from "./range_index.ts";

function spanOf(lower?: string, upper?: string): KeySpan {
  const bytesOf = (text?: string) => text === undefined ? undefined : utf8(text);
  return { lower: bytesOf(lower), upper: bytesOf(upper) };
}

function findKey(index: RangeIndex<string>, key: string): string[] {
  const found: string[] = [];
  index.findKey(utf8(key), utf8(key).length, found);
  return found;
}

function findOverlaps(index: RangeIndex<string>, span: KeySpan): string[] {
  const found: string[] = [];
  index.findOverlaps(span, found);
  return found;
}

describe("an index of ranges", () => {
  it("finds the ranges that contain a key, also equal, nested and open ones", () => {
    const index = new RangeIndex<string>();
    index.add(spanOf(), "all");
    index.add(spanOf("b", "c"), "b");
    index.add(spanOf("b", "c"), "b again");
    index.add(spanOf("b/", "b0"), "b/");
    index.add(spanOf("b"), "from b");
    index.add(spanOf(undefined, "b"), "below b");
    index.add(spanOf("c", "b"), "none");
    assertEquals(findKey(index, "a").sort(), ["all", "below b"]);
    assertEquals(findKey(index, "b").sort(), ["all", "b", "b again", "from b"]);
    assertEquals(findKey(index, "b/x").sort(), ["all", "b", "b again", "b/", "from b"]);
    assertEquals(findKey(index, "c").sort(), ["all", "from b"]);
    index.remove(spanOf("b", "c"), "b");
    index.remove(spanOf(), "all");
    index.remove(spanOf("c", "b"), "none");
    assertEquals(findKey(index, "b/x").sort(), ["b again", "b/", "from b"]);
  });

  it("agrees with a loop over all ranges, while ranges come and go", () => {
    const random = new Random(17);
    const index = new RangeIndex<string>();
    const spans = new Map<string, { lower: string; upper: string; span: KeySpan }>();
    const word = () => `${random.below(500)}`;
    for (let i = 0; i < 3000; i++) {
      const gone = random.once(2) ? [...spans.keys()][random.below(spans.size)] : undefined;
      if (gone !== undefined) {
        index.remove(spans.get(gone)!.span, gone);
        spans.delete(gone);
      } else {
        const [lower, upper] = [word(), word()];
        spans.set(`${i}`, { lower, upper, span: spanOf(lower, upper) });
        index.add(spanOf(lower, upper), `${i}`);
      }
      const key = word();
      const holds = [...spans].filter(([, { lower, upper }]) => lower <= key && key < upper);
      assertEquals(findKey(index, key).sort(), holds.map(([name]) => name).sort());
      const [from, to] = [word(), word()].sort() as [string, string];
      const meets = [...spans].filter(([, { lower, upper }]) =>
        lower < upper && from < to && lower < to && from < upper
      );
      const found = findOverlaps(index, spanOf(from, to));
      assertEquals(found.sort(), meets.map(([name]) => name).sort());
    }
  });

  it("compares a few ranges of 10,000, whatever the order in which they were added", () => {
    const orders = [(i: number) => i, (i: number) => 9999 - i, (i: number) => i * 7919 % 10_000];
    for (const order of orders) {
      const index = new RangeIndex<string>();
      const name = (i: number) => `${10_000 + i}/`;
      for (let i = 0; i < 10_000; i++) {
        const prefix = name(order(i));
        index.add(spanOf(prefix, `${prefix.slice(0, -1)}0`), prefix);
      }
      let most = 0;
      for (let i = 0; i < 10_000; i += 7) {
        const found: string[] = [];
        const key = utf8(`${name(i)}key`);
        most = Math.max(most, index.findKey(key, key.length, found));
        assertEquals(found, [name(i)]);
      }
      assert(most < 60, `${most} compared`);
    }
  });
});
