/**
 * The keys of large values at the end of the file. A run does not name its key, so a walk over the
 * leaves of the tree finds it.
 */

import { format, header, type PageNumber } from "../../pager/mod.ts";
import { copyKey, KEY_BYTES_MAX, LeafCell, REFERENCE_TAG } from "../node/node.ts";
import type { NodeView } from "../node/node_view.ts";
import type { BTree } from "../tree.ts";
import { decodeReference, type Reference, runsOf } from "../value/value.ts";
import { Path } from "../walk/path.ts";

const { FLAG_HOLDS_RUNS } = format;

/** A key, and the reference that is its value. */
interface Owner {
  readonly key: Uint8Array;
  readonly reference: Reference;
}

/**
 * The keys of the values of a tree that have a run at or behind a page, by the first page of each
 * such run. Values in leaves after the first `leavesMax` are not found.
 */
export function valueOwners(
  tree: BTree,
  from: PageNumber,
  leavesMax: number,
): Map<PageNumber, Uint8Array> {
  const owners = new Map<PageNumber, Uint8Array>();
  const path = new Path();
  let leaf: NodeView | undefined = tree.nodes.descendToEdge(path, false);
  for (let leaves = 0; leaf !== undefined && leaves < leavesMax; leaves++) {
    for (const { key, reference } of ownersIn(leaf)) {
      for (const { page } of runsOf(tree.reader, tree.id, reference)) {
        if (page >= from) owners.set(page, key);
      }
    }
    leaf = tree.nodes.neighbour(path, true);
  }
  return owners;
}

/** The references in a leaf. They are copies: the leaf may leave memory while runs are read. */
function ownersIn(leaf: NodeView): Owner[] {
  const { frame, slot, entries } = leaf;
  if ((header.flagsOf(frame, slot) & FLAG_HOLDS_RUNS) === 0) return [];
  const cell = new LeafCell();
  const key = new Uint8Array(KEY_BYTES_MAX);
  const owners: Owner[] = [];
  for (let index = 0; index < entries; index++) {
    cell.read(frame.u8, leaf.cell(index));
    if (cell.tag !== REFERENCE_TAG) continue;
    const reference = decodeReference(frame.u8, cell.valueAt);
    owners.push({ key: key.slice(0, copyKey(frame, slot, index, key)), reference });
  }
  return owners;
}
