/**
 * The keys of large values at the end of the file. A run does not name its key, so a search over
 * the leaves of the tree finds it.
 *
 * The search reads some leaves a step, and others may change the tree between two steps, or once it
 * has ended. So what it found is a hint: `keyOf` looks at the value again. Runs that others wrote
 * behind the search are not found.
 */

import { format, header, type PageNumber } from "../../pager/mod.ts";
import { copyKey, KEY_BYTES_MAX, LeafCell, REFERENCE_TAG } from "../node/node.ts";
import type { NodeView } from "../node/node_view.ts";
import type { BTree } from "../tree.ts";
import { decodeReference, type Reference } from "../value/reference.ts";
import { runsOf } from "../value/runs.ts";
import { TreePath } from "../walk/tree_path.ts";

const { FLAG_HOLDS_RUNS } = format;

/** The leaves that one step of a search reads. */
const STEP_LEAVES = 8;
const LOWEST = new Uint8Array(0);

/** A key, and the reference that is its value. */
interface Owner {
  readonly key: Uint8Array;
  readonly reference: Reference;
}

/** The keys of the values of a tree that have a run at or behind a page. */
export class ValueOwners {
  readonly #from: PageNumber;
  /** The leaves that the search may still read. */
  #leavesLeft: number;
  /** The keys by the first page of each run. */
  readonly #keys = new Map<PageNumber, Uint8Array>();
  /** The key where the search continues; undefined once it has ended. */
  #next: Uint8Array | undefined = LOWEST;

  /**
   * Creates the keys of a tree; none is known before a search.
   *
   * @param from The page from which on runs matter.
   * @param leavesMax The most leaves that are read.
   */
  constructor(from: PageNumber, leavesMax: number) {
    this.#from = from;
    this.#leavesLeft = leavesMax;
  }

  /** The key of the value that a run belongs to now, if it is known. */
  keyOf(tree: BTree, run: PageNumber): Uint8Array | undefined {
    const key = this.#keys.get(run);
    const found = key === undefined ? undefined : tree.find(key);
    if (found === undefined || found.length >= 0) return undefined;
    const reference = decodeReference(found.bytes, found.at);
    for (const { page } of runsOf(tree.reader, tree.id, reference)) if (page === run) return key;
    return undefined;
  }

  /** Adds a key whose value has moved. */
  add(tree: BTree, key: Uint8Array): void {
    const found = tree.find(key);
    if (found === undefined || found.length >= 0) return;
    this.#add(tree, { key, reference: decodeReference(found.bytes, found.at) });
  }

  /** Reads the next leaves of the tree. Returns false if the search had ended before. */
  search(tree: BTree): boolean {
    if (this.#next === undefined || this.#leavesLeft <= 0) return false;
    const path = new TreePath();
    let leaf: NodeView | undefined = tree.nodes.descend(path, this.#next, this.#next.length);
    for (let leaves = 0; leaf !== undefined && leaves < STEP_LEAVES; leaves++) {
      for (const owner of ownersIn(leaf)) this.#add(tree, owner);
      leaf = tree.nodes.walkOn(path, true);
    }
    this.#leavesLeft -= STEP_LEAVES;
    this.#next = leaf === undefined ? undefined : keyAt(leaf, 0);
    return true;
  }

  #add(tree: BTree, { key, reference }: Owner): void {
    for (const { page } of runsOf(tree.reader, tree.id, reference)) {
      if (page >= this.#from) this.#keys.set(page, key);
    }
  }
}

/** The references in a leaf. They are copies: the leaf may leave memory while runs are read. */
function ownersIn(leaf: NodeView): Owner[] {
  const { frame, slot, entries } = leaf;
  if ((header.flagsOf(frame, slot) & FLAG_HOLDS_RUNS) === 0) return [];
  const cell = new LeafCell();
  const owners: Owner[] = [];
  for (let index = 0; index < entries; index++) {
    cell.read(frame.u8, leaf.cell(index));
    if (cell.tag !== REFERENCE_TAG) continue;
    const reference = decodeReference(frame.u8, cell.valueAt);
    owners.push({ key: keyAt(leaf, index), reference });
  }
  return owners;
}

function keyAt({ frame, slot }: NodeView, index: number): Uint8Array {
  const key = new Uint8Array(KEY_BYTES_MAX);
  return key.slice(0, copyKey(frame, slot, index, key));
}
