/**
 * Releases fragments for a range deletion: a shared page whose fragments all go is released unread,
 * like a leaf. Only the pages at the edges of the range lose single fragments.
 *
 * It holds the fragments of pages of which some have gone and not yet all. Values near each other
 * share pages, so these are few at a time; past a limit they are removed one by one.
 */

import { corrupt, type PageNumber } from "../../pager/mod.ts";
import { fragmentedBytes } from "../value/body.ts";
import type { Reference } from "../value/reference.ts";
import { fragmentsIn, removeFragment } from "../value/shared_page.ts";
import type { TreeContext } from "../walk/tree_context.ts";

const PAGES_MAX = 1024;

/** A fragment, and the key of the entry that refers to it. */
interface OwnedFragment {
  readonly number: number;
  readonly key: Uint8Array;
  /** Its bytes, or -1 if they are not known. */
  readonly bytes: number;
}

/** Releases fragments of values of one tree. */
export class SharedReleases {
  readonly #context: TreeContext;
  readonly #tree: number;
  readonly #pages = new Map<PageNumber, OwnedFragment[]>();

  /** Creates the releases of fragments of a tree. */
  constructor(context: TreeContext, tree: number) {
    this.#context = context;
    this.#tree = tree;
  }

  /** Adds the fragments of a value; their pages are released once all their fragments are added. */
  add({ page, number, secondPage, secondNumber, length }: Reference, key: Uint8Array): void {
    const isSplit = secondPage !== 0 || secondNumber !== 0;
    this.#add(page, { number, key, bytes: isSplit ? -1 : fragmentedBytes(length) });
    if (isSplit) this.#add(secondPage, { number: secondNumber, key, bytes: -1 });
  }

  #add(page: PageNumber, fragment: OwnedFragment): void {
    const fragments = this.#pages.get(page) ?? [];
    if (fragments.some(({ number }) => number === fragment.number)) {
      corrupt(page, 0, `two entries refer to value ${fragment.number}`);
    }
    fragments.push(fragment);
    if (fragments.length < fragmentsIn(this.#context.pager, this.#tree, page)) {
      this.#pages.set(page, fragments);
      if (this.#pages.size > PAGES_MAX) this.finish();
    } else {
      this.#pages.delete(page);
      this.#context.allocator.release(page, 1);
    }
  }

  /** Removes the fragments whose pages keep others. */
  finish(): void {
    const { pager, allocator } = this.#context;
    for (const [page, fragments] of this.#pages) {
      for (const { number, key, bytes } of fragments) {
        removeFragment(pager, allocator, this.#tree, page, number, key, key.length, bytes);
      }
    }
    this.#pages.clear();
  }
}
