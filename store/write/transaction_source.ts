/**
 * Where the trees of a transaction are read and changed, until it ends.
 */

import { ClosedError, type PageSnapshot } from "../../pager/mod.ts";
import type { Slab } from "../read/slab.ts";
import type { FoundTree, TreeSource } from "../read/tree_source.ts";
import type { ViewGuard } from "../read/view_guard.ts";
import type { Session } from "./session.ts";

/** The epoch of a source that has ended: it differs from every other. */
const ENDED = -2;

/** Where the trees of a transaction are, until it ends. */
export class TransactionSource implements TreeSource {
  /** What the trees of the database share. */
  readonly session: Session;
  #ended = false;

  /**
   * The source of a transaction that has begun.
   *
   * @param session What the trees of the database share.
   */
  constructor(session: Session) {
    this.session = session;
  }

  /** Ends it: what its trees are asked from now on is an error. */
  end(): void {
    this.#ended = true;
  }

  /** Goes up whenever a tree found by name may be another one. */
  get epoch(): number {
    return this.#ended ? ENDED : this.session.epoch;
  }

  /** Memory for results. */
  get slab(): Slab {
    return this.session.slab;
  }

  /** Finds views that are used for too long, where that was asked for. */
  get views(): ViewGuard | undefined {
    return this.session.views;
  }

  /** Throws when the transaction has ended. */
  checkOpen(): void {
    if (this.#ended) throw new ClosedError("Cannot use the transaction: it has ended");
    this.session.checkOpen();
  }

  /** The tree of a name, or undefined. */
  findTree(name: string): FoundTree | undefined {
    return this.session.findTree(name);
  }

  /** Iterators follow the transaction's changes. */
  get followsChanges(): boolean {
    return true;
  }

  /** They keep no version. */
  keepVersion(): PageSnapshot | undefined {
    return undefined;
  }
}
