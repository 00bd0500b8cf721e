/**
 * Finding views that are used for too long: with `debugViews` what `getView` hands out is a copy
 * that is overwritten as soon as the view is no longer good, at the end of the turn of the event
 * loop if not before.
 */

import { setImmediate } from "node:timers";

/** What stale views are filled with: an unlikely byte, and no valid UTF-8. */
const POISON = 0xdb;

/** Hands out views and overwrites them when they are no longer good. */
export class ViewGuard {
  readonly #lent: Uint8Array[] = [];

  /** A copy of bytes, good until `expire`. */
  lend(bytes: Uint8Array): Uint8Array {
    const copy = bytes.slice();
    if (this.#lent.push(copy) === 1) setImmediate(() => this.expire());
    return copy;
  }

  /** Overwrites all that was handed out. */
  expire(): void {
    for (const copy of this.#lent) copy.fill(POISON);
    this.#lent.length = 0;
  }
}
