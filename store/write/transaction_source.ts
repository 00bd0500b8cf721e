/**
 * The source of the trees of a transaction, until it ends.
 */

import { ClosedError, type PageSnapshot } from "../../pager/mod.ts";
import type { Slab } from "../memory/slab.ts";
import type { ViewGuard } from "../memory/view_guard.ts";
import type { FoundTree, TreeSource } from "../read/tree_source.ts";
import type { Session } from "./session.ts";

/** The epoch of a source that has ended; no other source has it. */
const ENDED = -2;

/** The source of the trees of a transaction, until it ends. */
export class TransactionSource implements TreeSource {
  /** The session of the database. */
  readonly session: Session;
  #ended = false;

  /**
   * Creates the source of an open transaction.
   *
   * @param session The session of the database.
   */
  constructor(session: Session) {
    this.session = session;
  }

  /** Ends the source: every later use of its trees throws. */
  end(): void {
    this.#ended = true;
  }

  /** Changes whenever a name may refer to another tree. */
  get epoch(): number {
    return this.#ended ? ENDED : this.session.epoch;
  }

  /** Memory for results. */
  get slab(): Slab {
    return this.session.slab;
  }

  /** Overwrites expired views, with the option `debugViews`. */
  get views(): ViewGuard | undefined {
    return this.session.views;
  }

  /** Throws if the transaction has ended. */
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

  /** Iterators keep no version. */
  keepVersion(): PageSnapshot | undefined {
    return undefined;
  }
}
