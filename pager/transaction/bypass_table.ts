/**
 * The new pages of the open transaction that are already in the file, each with the scope of its
 * savepoint, and those that the transaction changes again.
 *
 * A page in the table has scope 0 in its frame and may leave memory. `take` returns it to its
 * savepoint before it changes.
 */

import { PageTable } from "../cache/page_table.ts";
import type { PageNumber } from "../format/units.ts";

/** The new pages of the open transaction that are already in the file. */
export class BypassTable {
  /** The scope of each page when it was written. */
  #scopes = new PageTable();
  /** Records of the undo log before this one hold no new page that was never written. */
  #done = 0;
  /** Pages that were written and change again. */
  #taken: number[] = [];

  /** Pages that were written and change again. */
  get taken(): readonly number[] {
    return this.#taken;
  }

  /** The first record of the undo log that the last write of new pages did not reach. */
  get done(): number {
    return this.#done;
  }

  /** Whether a page is new and in the file. */
  has(page: PageNumber): boolean {
    return this.#scopes.size > 0 && this.#scopes.get(page) >= 0;
  }

  /** Adds a page that was written, with its scope. */
  add(page: PageNumber, scope: number): void {
    this.#scopes.set(page, scope);
  }

  /** Removes a page that is about to change. Returns its scope, or 0 if it is not in the table. */
  take(page: PageNumber): number {
    if (this.#scopes.size === 0) return 0;
    const scope = this.#scopes.get(page);
    if (scope < 0) return 0;
    this.#scopes.delete(page);
    this.#taken.push(page);
    return scope;
  }

  /** Moves a page from one savepoint to another. */
  move(page: PageNumber, from: number, to: number): void {
    if (this.#scopes.size > 0 && this.#scopes.get(page) === from) this.#scopes.set(page, to);
  }

  /** Forgets a page that a rollback made free. */
  forget(page: PageNumber): void {
    if (this.#scopes.size > 0) this.#scopes.delete(page);
  }

  /** Notes that every new page of the first `records` records is in the file. */
  advance(records: number): void {
    this.#done = records;
    if (this.#taken.length > 0) this.#taken = [];
  }

  /** Notes that the undo log was truncated to `length` records. */
  truncate(length: number): void {
    this.#done = Math.min(this.#done, length);
  }

  /** Empties the table at the end of the transaction. */
  clear(): void {
    this.#done = 0;
    if (this.#taken.length > 0) this.#taken = [];
    if (this.#scopes.size > 0) this.#scopes = new PageTable();
  }
}
