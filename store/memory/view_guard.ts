/**
 * The view guard reveals uses of expired views. With `debugViews`, `getView` returns a copy that is
 * overwritten as soon as the view expires, at the latest at the end of the turn of the event loop.
 */

import { setImmediate } from "node:timers";

/** The fill byte of expired views: an unlikely byte, and not valid UTF-8. */
export const POISON = 0xdb;

/** Lends copies as views, and overwrites them when they expire. */
export class ViewGuard {
  readonly #lent: Uint8Array[] = [];

  /** A copy of bytes, valid until `expire`. */
  lend(bytes: Uint8Array): Uint8Array {
    const copy = bytes.slice();
    if (this.#lent.push(copy) === 1) setImmediate(() => this.expire());
    return copy;
  }

  /** Overwrites all copies that were lent. */
  expire(): void {
    for (const copy of this.#lent) copy.fill(POISON);
    this.#lent.length = 0;
  }
}
