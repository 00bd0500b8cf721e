/**
 * The state of the open transaction: its undo log, its size, its savepoints, its version, and the
 * new pages that it wrote straight to the file.
 *
 * Each savepoint has a *scope*, a number that `Frame.scopes` holds for the pages it touched first.
 *
 * Invariants:
 * 1. Scopes differ among the open savepoints, and none is 0: a page with scope 0 is untouched.
 * 2. Savepoint `d` owns the records of the undo log from its `undoLength` to that of savepoint
 *    `d + 1`.
 * 3. Outside a transaction the undo log, the table of bypassed pages and the counts are empty.
 *
 * It holds state and changes no page.
 */

import { assert } from "../format/assert.ts";
import { LimitError } from "../format/errors.ts";
import { VERSION_MAX } from "../format/format.ts";
import { Meta } from "../format/meta.ts";
import { BypassTable } from "./bypass_table.ts";
import { TransactionSize } from "./transaction_size.ts";
import { HEADERS, PATCHED, UndoLog } from "./undo_log.ts";

const SCOPE_MAX = 2 ** 30;
/** Of a transaction that changed some words of one page, the undo record of its header page. */
export const HEADERS_RECORD = 0;
/** Of the same transaction, the undo record of the page. */
export const PATCH_RECORD = 1;

interface Savepoint {
  scope: number;
  undoLength: number;
  meta: Meta;
}

/** The state of the open transaction. */
export class OpenTransaction {
  /** The changes to pages, in order. */
  readonly undo: UndoLog = new UndoLog();
  /** The new pages that are in the file already. */
  readonly bypassed: BypassTable = new BypassTable();
  /** The memory that it keeps. */
  readonly size: TransactionSize;
  /** The number of open savepoints; the outermost one is the transaction. */
  depth = 0;
  /** The scope of the innermost savepoint, 0 = no transaction. */
  scope = 0;
  /** The version that its commit becomes. */
  version = 0;

  readonly #meta: Meta;
  /** Savepoints by depth; those from `depth` on are kept for reuse. */
  readonly #savepoints: Savepoint[] = [];
  #lastScope = 0;

  /**
   * Creates the state without a transaction.
   *
   * @param meta The meta of the pager, which savepoints copy.
   * @param bytesMax The most bytes of pages that a transaction may keep in memory.
   */
  constructor(meta: Meta, bytesMax: number) {
    this.#meta = meta;
    this.size = new TransactionSize(bytesMax);
  }

  /**
   * Begins a transaction, or a savepoint in the open one.
   *
   * @throws {LimitError} No version is left.
   */
  begin(): void {
    if (this.depth === 0) {
      if (this.#meta.version >= VERSION_MAX) {
        throw new LimitError(`Cannot begin: version ${VERSION_MAX} was the last`);
      }
      this.version = this.#meta.version + 1;
    }
    this.#lastScope = this.#lastScope >= SCOPE_MAX ? 1 : this.#lastScope + 1;
    this.scope = this.#lastScope;
    if (this.depth === this.#savepoints.length) {
      this.#savepoints.push({ scope: 0, undoLength: 0, meta: new Meta() });
    }
    const savepoint = this.#savepoints[this.depth++]!;
    savepoint.scope = this.scope;
    savepoint.undoLength = this.undo.length;
    savepoint.meta.assign(this.#meta);
  }

  /** Whether it changed some words of one page, and nothing else. */
  get isPatch(): boolean {
    return this.undo.length === 2 && this.undo.typeAt(PATCH_RECORD) === PATCHED &&
      this.undo.typeAt(HEADERS_RECORD) === HEADERS;
  }

  /** Whether it changed a page, or the meta that a commit logs. */
  get hasChanges(): boolean {
    if (this.undo.length > 0) return true;
    const { meta } = this.#savepoints[0]!;
    return meta.pageCount !== this.#meta.pageCount || meta.catalogRoot !== this.#meta.catalogRoot ||
      meta.nextTreeId !== this.#meta.nextTreeId;
  }

  /** The first record of the undo log that belongs to the innermost savepoint. */
  get savepointStart(): number {
    return this.#innermost.undoLength;
  }

  /** The scope of the savepoint around the innermost one. */
  get outerScope(): number {
    assert(this.depth > 1, "a savepoint is inside a transaction");
    return this.#savepoints[this.depth - 2]!.scope;
  }

  /** The scope of the savepoint that a record of the undo log belongs to. */
  scopeOf(record: number): number {
    let depth = this.depth - 1;
    while (this.#savepoints[depth]!.undoLength > record) depth--;
    return this.#savepoints[depth]!.scope;
  }

  /** Restores the meta as it was when the innermost savepoint began. */
  restoreMeta(): void {
    this.#meta.assign(this.#innermost.meta);
  }

  /** Forgets the changes of the innermost savepoint, which were undone. */
  forgetChanges(): void {
    this.undo.truncate(this.savepointStart);
    this.bypassed.truncate(this.savepointStart);
  }

  /** Ends the innermost savepoint; the end of the outermost one empties the state. */
  end(): void {
    this.depth--;
    this.scope = this.depth === 0 ? 0 : this.#innermost.scope;
    if (this.depth > 0) return;
    this.undo.truncate(0);
    this.bypassed.clear();
    this.size.reset();
  }

  get #innermost(): Savepoint {
    return this.#savepoints[this.depth - 1]!;
  }
}
