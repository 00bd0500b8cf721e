/**
 * Visits of views: a function is called for each entry of a range, with the value where it lies in
 * its page, and the key if it asks for it. Nothing is copied, so the function must not use the
 * database; a visit notices that and ends with an error.
 */

import { type BTree, KEY_BYTES_MAX, LeafViews, refuseMoved } from "../../btree/mod.ts";
import { refusePromise } from "./argument_checks.ts";
import type { Bounds } from "./range.ts";
import type { TreeSource } from "./tree_source.ts";
import type { Visitor } from "./visit.ts";

const NO_BYTES = new Uint8Array(0);

/** An entry as a visit of views shows it. It is valid until the function returns. */
export interface EntryView {
  /** The memory that has the value, which must not be changed. */
  readonly bytes: Uint8Array;
  /** Where the value begins. */
  readonly start: number;
  /** Where the value ends. */
  readonly end: number;
  /** The bytes of the key, which are put together when they are asked for. */
  readonly key: Uint8Array;
}

/** The function that a visit of views calls for each entry; `false` ends the visit. */
export type ViewVisitor = (entry: EntryView) => boolean | void;

/** An entry in its page. */
class PageEntry implements EntryView {
  bytes: Uint8Array = NO_BYTES;
  start = 0;
  end = 0;
  readonly #views: LeafViews;
  readonly #key = new Uint8Array(KEY_BYTES_MAX);
  /** Views of that memory, by their lengths. */
  readonly #keys: Uint8Array[] = [];

  constructor(views: LeafViews) {
    this.#views = views;
  }

  get key(): Uint8Array {
    const length = this.#views.copyKey(this.#key);
    return this.#keys[length] ??= this.#key.subarray(0, length);
  }
}

/** Visits the entries of a range, forward and to its end; returns their number. */
export function visitViews(
  source: TreeSource,
  btree: BTree,
  { lower, upper }: Bounds,
  visitor: ViewVisitor,
): number {
  const { epoch } = source;
  const views = new LeafViews(btree.nodes, lower, upper);
  const entry = new PageEntry(views);
  let count = 0;
  while (views.next()) {
    if (views.isReference) far(btree, views, entry);
    else {
      entry.bytes = views.bytes;
      entry.start = views.start;
      entry.end = views.end;
    }
    count++;
    const result = visitor(entry);
    if (result === false) break;
    if (result !== undefined && result !== true) refusePromise("visit: the function", result);
    if (source.epoch !== epoch) refuseMoved();
  }
  return count;
}

/** Shows a value outside of its leaf, which may leave memory meanwhile. */
function far(btree: BTree, views: LeafViews, entry: PageEntry): void {
  entry.bytes = btree.readReferenced(views.bytes, views.start);
  entry.start = 0;
  entry.end = entry.bytes.length;
  views.reload();
}

/** A visitor of views as one of copies. */
export function copiesOf(visitor: ViewVisitor): Visitor {
  return (key, value) => visitor({ bytes: value, start: 0, end: value.length, key });
}
