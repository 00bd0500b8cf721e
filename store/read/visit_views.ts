/**
 * Visits of views: a function is called for each entry of a range, with the value where it lies in
 * its page, and the key if it asks for it. Nothing is copied, so the function must not use the
 * database; a visit notices that and ends with an error.
 *
 * Where another process may replace pages meanwhile, the function gets copies, as in other visits.
 */

import { type BTree, KEY_BYTES_MAX, LeafViews, refuseMoved } from "../../btree/mod.ts";
import { newShared } from "../memory/slab.ts";
import { refusePromise } from "./argument_checks.ts";
import type { Bounds } from "./range.ts";
import type { Scan } from "./scan.ts";
import type { Steps, TreeSource } from "./tree_source.ts";
import { farValue, type Visitor } from "./visit.ts";

const NO_BYTES = new Uint8Array(0);
/** The entry that the last visit has given back: its memory costs more than a short visit. */
let idle: PageEntry | undefined;

/** An entry as a visit of views shows it. It is valid until the function returns. */
export interface EntryView {
  /** The memory that has the value, which must not be changed. */
  readonly bytes: Uint8Array;
  /** Where the value begins. */
  readonly start: number;
  /** Where the value ends. */
  readonly end: number;
  /**
   * The bytes of the key, which are put together when they are asked for. They must not be changed
   * either.
   */
  readonly key: Uint8Array;
}

/** The function that a visit of views calls for each entry; `false` ends the visit. */
export type ViewVisitor = (entry: EntryView) => boolean | void;

/** An entry in its page. */
class PageEntry implements EntryView {
  bytes: Uint8Array = NO_BYTES;
  start = 0;
  end = 0;
  /** The walk that it shows. */
  readonly walk: LeafViews = new LeafViews();
  /** Later visits use it, so no visitor may take it away. */
  readonly #key = new Uint8Array(newShared(KEY_BYTES_MAX));
  /** Views of that memory, by their lengths. */
  readonly #keys: Uint8Array[] = [];

  get key(): Uint8Array {
    const length = this.walk.copyKey(this.#key);
    return this.#keys[length] ??= this.#key.subarray(0, length);
  }

  /** Lets go of the tree. */
  detach(): void {
    this.walk.detach();
    this.bytes = NO_BYTES;
  }
}

/** Visits the entries of a range; returns their number. */
export function visitViews(
  source: TreeSource,
  btree: BTree,
  bounds: Bounds,
  visitor: ViewVisitor,
): number {
  const entry = idle ?? new PageEntry();
  // A visitor that visits another tree, which it must not do, gets memory of its own.
  idle = undefined;
  try {
    return visitWith(entry, source, btree, bounds, visitor);
  } finally {
    entry.detach();
    idle = entry;
  }
}

function visitWith(
  entry: PageEntry,
  source: TreeSource,
  btree: BTree,
  { lower, upper, forward, limit }: Bounds,
  visitor: ViewVisitor,
): number {
  const { epoch } = source;
  const views = entry.walk;
  views.begin(btree.nodes, lower, upper, forward);
  let count = 0;
  while (count < limit && views.next()) {
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

/** An entry that a scan has copied. */
class CopiedEntry implements EntryView {
  bytes: Uint8Array = NO_BYTES;
  start = 0;
  end = 0;
  #scan: Scan | undefined;
  #at = 0;

  get key(): Uint8Array {
    return this.#scan!.lentKey(this.#at);
  }

  /** Shows an entry of the leaf of a scan. */
  show(scan: Scan, at: number, tree: string): void {
    this.#scan = scan;
    this.#at = at;
    if (scan.isInline(at)) {
      this.bytes = scan.lentValues;
      this.start = scan.valueStart(at);
      this.end = this.start + scan.valueBytes(at);
    } else {
      this.bytes = farValue(scan, at, tree);
      this.start = 0;
      this.end = this.bytes.length;
    }
  }
}

/** Visits copies of the entries that remain in the steps, as `visitAll` does. */
export function visitCopies(steps: Steps, visitor: ViewVisitor, tree: string): number {
  const entry = new CopiedEntry();
  let count = 0;
  try {
    for (let scan = steps.next(); scan !== undefined; scan = steps.next()) {
      entry.show(scan, steps.at, tree);
      count++;
      const result = visitor(entry);
      if (result === false) break;
      if (result !== undefined && result !== true) refusePromise("visit: the function", result);
    }
  } finally {
    steps.end();
  }
  return count;
}

/** A visitor of views as one of copies. */
export function copiesOf(visitor: ViewVisitor): Visitor {
  return (key, value) => visitor({ bytes: value, start: 0, end: value.length, key });
}
