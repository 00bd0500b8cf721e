// The key between two siblings: its replacement, and the keys that are refused.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { CorruptionError, format } from "../../pager/mod.ts";
import { transact } from "../../tests/support/trees/pages.ts";
import { type Bed, bytesOf, keyOf, nameOf, plant } from "../../tests/support/trees/trees.ts";
import { childAt, copyKey, KEY_BYTES_MAX } from "../node/node.ts";
import { replaceSeparator } from "./separator.ts";

const { CHUNK_SHIFT, SLOT_MASK } = format;
const CHILDREN = 4;

/** A tree whose root has some leaves below it. */
function withLeaves(): Bed {
  const bed = plant();
  transact(bed.pager, () => {
    for (let i = 0; i < 16 * CHILDREN; i++) bed.tree.put(keyOf(i), new Uint8Array(400));
  });
  return bed;
}

/** The keys between the children of the root, and the children. */
function rootOf({ pager, tree }: Bed): { keys: string[]; children: number[] } {
  const place = pager.at(tree.root);
  const frame = pager.frames[place >>> CHUNK_SHIFT]!;
  const slot = place & SLOT_MASK;
  const key = new Uint8Array(KEY_BYTES_MAX);
  const indexes = Array.from({ length: CHILDREN }, (_, i) => i);
  return {
    keys: indexes.map((i) => nameOf(key.slice(0, copyKey(frame, slot, i, key)))),
    children: indexes.map((i) => childAt(frame, slot, i)),
  };
}

function replace({ pager, tree }: Bed, index: number, name: string): boolean {
  const key = bytesOf(name);
  return replaceSeparator(pager, tree.nodes.rootNode(), index, key, key.length);
}

describe("replaceSeparator()", () => {
  it("gives one entry another key and leaves all else", () => {
    const bed = withLeaves();
    const { keys, children } = rootOf(bed);
    const longer = `${keys[2]}more`;
    assert(transact(bed.pager, () => replace(bed, 2, longer)));
    assertEquals(rootOf(bed), { keys: [keys[0], keys[1], longer, keys[3]], children });
  });

  it("refuses a key that is not between those around it", () => {
    const bed = withLeaves();
    const before = rootOf(bed);
    bed.pager.begin();
    for (const other of [before.keys[1], before.keys[3], `${before.keys[3]}more`]) {
      assertThrows(() => replace(bed, 2, other!), CorruptionError, "not between");
    }
    assertThrows(() => replace(bed, 3, before.keys[2]!), CorruptionError, "not between");
    assertEquals(rootOf(bed), before);
    bed.pager.rollback();
  });
});
