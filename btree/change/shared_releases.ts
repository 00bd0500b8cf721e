/**
 * Releases values in shared pages for a range deletion: a page whose values all go is released
 * unread, like a leaf. Only the pages at the edges of the range lose single values.
 *
 * It holds the values of pages of which some have gone and not yet all. Values near each other
 * share pages, so these are few at a time; past a limit they are removed one by one.
 */

import { corrupt, corruptHeader, format, header, type PageNumber } from "../../pager/mod.ts";
import type { Reference } from "../value/reference.ts";
import { removeShared } from "../value/shared_page.ts";
import type { TreeContext } from "../walk/tree_context.ts";

const { HEADER, KIND_SHARED } = format;
const { entriesOf, kindOf, treeOf } = header;

const PAGES_MAX = 1024;

/** A value, and the key of the entry that refers to it. */
interface OwnedValue {
  readonly reference: Reference;
  readonly key: Uint8Array;
}

/** Releases values in shared pages of one tree. */
export class SharedReleases {
  readonly #context: TreeContext;
  readonly #tree: number;
  readonly #pages = new Map<PageNumber, OwnedValue[]>();

  /** Creates the releases of values of a tree. */
  constructor(context: TreeContext, tree: number) {
    this.#context = context;
    this.#tree = tree;
  }

  /** Adds a value; its page is released once all its values are added. */
  add(reference: Reference, key: Uint8Array): void {
    const { page, number } = reference;
    const values = this.#pages.get(page) ?? [];
    if (values.some((value) => value.reference.number === number)) {
      corrupt(page, 0, `two entries refer to value ${number}`);
    }
    values.push({ reference, key });
    if (values.length < this.#valuesIn(page)) {
      this.#pages.set(page, values);
      if (this.#pages.size > PAGES_MAX) this.finish();
    } else {
      this.#pages.delete(page);
      this.#context.allocator.release(page, 1);
    }
  }

  /** Removes the values whose pages keep others. */
  finish(): void {
    const { pager, allocator } = this.#context;
    for (const values of this.#pages.values()) {
      for (const { reference, key } of values) {
        removeShared(pager, allocator, this.#tree, reference, key, key.length);
      }
    }
    this.#pages.clear();
  }

  #valuesIn(page: PageNumber): number {
    const { pager } = this.#context;
    const frame = pager.peek(page);
    const slot = pager.peekedSlot;
    if (kindOf(frame, slot) !== KIND_SHARED || treeOf(frame, slot) !== this.#tree) {
      corruptHeader(page, HEADER.kind, `not a page of values of tree ${this.#tree}`);
    }
    return entriesOf(frame, slot);
  }
}
