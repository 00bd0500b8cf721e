/**
 * Looks up several keys in step, so that their waits for memory overlap: all paths take one level
 * before any takes the next, and the memory lines of all leaves, then of all cells, are read before
 * any leaf is searched.
 *
 * A place stays valid for 64 misses. Each step makes as many as the batch has keys, and the next
 * step uses its places, so a batch of half of that is safe. Nothing else may read pages or change
 * the tree between `descend` and the last use of a leaf.
 */

import { format } from "../../pager/mod.ts";
import { warmCell, warmHeader, warmLeaf } from "../node/cache_warming.ts";
import { boundOfHead, isKeyAt, KEY_BYTES_MAX, searchLeaf } from "../node/node.ts";
import { NodeView } from "../node/node_view.ts";
import type { TreeNodes } from "./tree_nodes.ts";

const { CHUNK_SHIFT, SLOT_MASK } = format;

/** The most keys of a batch. */
export const LOOKUPS_MAX = 32;

/** Looks up several keys in step. */
export class LookupBatch {
  readonly #keys = Array.from({ length: LOOKUPS_MAX }, () => new Uint8Array(KEY_BYTES_MAX));
  readonly #lengths = new Uint32Array(LOOKUPS_MAX);
  /** The places of the nodes that the paths have reached. */
  readonly #places = new Uint32Array(LOOKUPS_MAX);
  /** Their pages. */
  readonly #pages = new Uint32Array(LOOKUPS_MAX);
  /** In each leaf, the first entry whose head is not below that of the key. */
  readonly #bounds = new Uint32Array(LOOKUPS_MAX);
  readonly #view = new NodeView();
  #count = 0;

  /** The number of keys. */
  get count(): number {
    return this.#count;
  }

  /** Whether it has room for no more keys. */
  get isFull(): boolean {
    return this.#count === LOOKUPS_MAX;
  }

  /** Removes all keys. */
  clear(): void {
    this.#count = 0;
  }

  /** Adds a copy of a key. */
  add(key: Uint8Array, length: number): void {
    const copy = this.#keys[this.#count]!;
    for (let i = 0; i < length; i++) copy[i]! = key[i]!;
    this.#lengths[this.#count++] = length;
  }

  /** A key: valid until the batch is filled again. */
  key(index: number): Uint8Array {
    return this.#keys[index]!;
  }

  /** The length of a key. */
  keyLength(index: number): number {
    return this.#lengths[index]!;
  }

  /** Finds the leaf of each key, and reads the memory lines that a search of it needs. */
  descend(nodes: TreeNodes): void {
    const root = nodes.rootNode();
    const { level } = root;
    this.#places.fill(root.place);
    const { frames } = nodes.reader;
    for (let below = level - 1; below >= 0; below--) this.#stepDown(nodes, below);
    for (let index = 0; index < this.#count; index++) {
      const place = this.#places[index]!;
      const frame = frames[place >>> CHUNK_SHIFT]!;
      const key = this.#keys[index]!;
      this.#bounds[index] = boundOfHead(frame, place & SLOT_MASK, key, this.#lengths[index]!);
    }
    for (let index = 0; index < this.#count; index++) {
      const place = this.#places[index]!;
      warmCell(frames[place >>> CHUNK_SHIFT]!, place & SLOT_MASK, this.#bounds[index]!);
    }
  }

  /** The leaf of a key, after `descend`: valid until the next call. */
  leaf(nodes: TreeNodes, index: number): NodeView {
    return this.#view.at(nodes.reader.frames, this.#places[index]!);
  }

  /** The index of a key in its leaf, or the complement (~) of its insertion point. */
  search({ frame, slot }: NodeView, index: number): number {
    const key = this.#keys[index]!;
    const length = this.#lengths[index]!;
    const at = this.#bounds[index]!;
    if (isKeyAt(frame, slot, at, key, length)) return at;
    return searchLeaf(frame, slot, key, length);
  }

  /** Moves all paths to the children at a level, in loops that are short enough to overlap. */
  #stepDown(nodes: TreeNodes, level: number): void {
    const { reader } = nodes;
    const { frames } = reader;
    const pages = this.#pages;
    const places = this.#places;
    const view = this.#view;
    for (let index = 0; index < this.#count; index++) {
      view.at(frames, places[index]!);
      pages[index] = view.child(view.childFor(this.#keys[index]!, this.#lengths[index]!));
    }
    for (let index = 0; index < this.#count; index++) places[index] = reader.at(pages[index]!);
    for (let index = 0; index < this.#count; index++) {
      const place = places[index]!;
      warmHeader(frames[place >>> CHUNK_SHIFT]!, place & SLOT_MASK);
      if (level === 0) warmLeaf(frames[place >>> CHUNK_SHIFT]!, place & SLOT_MASK);
    }
    for (let index = 0; index < this.#count; index++) {
      nodes.check(places[index]!, pages[index]!, level);
    }
  }
}
