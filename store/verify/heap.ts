/**
 * A binary heap of any items, by an order that does not change while they are in it.
 */

/** Items, of which the first in their order is known. */
export class Heap<T> {
  readonly #isBefore: (a: T, b: T) => boolean;
  readonly #items: T[] = [];

  /**
   * Begins without an item.
   *
   * @param isBefore Whether one item is before another.
   */
  constructor(isBefore: (a: T, b: T) => boolean) {
    this.#isBefore = isBefore;
  }

  /** The first item, if there is one. */
  get first(): T | undefined {
    return this.#items[0];
  }

  /** Adds an item. */
  add(item: T): void {
    const items = this.#items;
    let at = items.push(item) - 1;
    while (at > 0) {
      const above = (at - 1) >>> 1;
      if (!this.#isBefore(item, items[above]!)) break;
      items[at] = items[above]!;
      at = above;
    }
    items[at] = item;
  }

  /** Removes the first item. There must be one. */
  removeFirst(): void {
    const items = this.#items;
    const moved = items.pop()!;
    if (items.length === 0) return;
    let at = 0;
    for (let child = 1; child < items.length; child = 2 * at + 1) {
      if (child + 1 < items.length && this.#isBefore(items[child + 1]!, items[child]!)) child++;
      if (!this.#isBefore(items[child]!, moved)) break;
      items[at] = items[child]!;
      at = child;
    }
    items[at] = moved;
  }

  /** Removes all items. */
  clear(): void {
    this.#items.length = 0;
  }
}
