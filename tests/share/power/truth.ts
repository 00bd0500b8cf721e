/**
 * Which states a file may have at a moment of a log: those from the last number that somebody
 * knows to be durable to the last one that somebody attempted, each as its transactions left it.
 */

import { Buffer } from "node:buffer";
import type { Note, Write } from "./call_log.ts";
import { type State, valueOf } from "./state.ts";

/** What the notes up to a moment say. */
export class Truth {
  /** The last number that is durable, and the last one that was attempted. */
  durable = 0;
  attempted = 0;
  readonly #attempts = new Map<string, { readonly number: number; readonly writes: unknown }>();
  /** The names of durable transactions, as far as they are known, by number. */
  readonly #names = new Map<number, string>();

  /** Another one that says the same. */
  fork(): Truth {
    const other = new Truth();
    other.durable = this.durable;
    other.attempted = this.attempted;
    for (const [id, attempt] of this.#attempts) other.#attempts.set(id, attempt);
    for (const [number, id] of this.#names) other.#names.set(number, id);
    return other;
  }

  /** The log goes on by a note. */
  take(note: Note): void {
    if (note.is === "try") {
      this.#attempts.set(note.id, note);
      this.attempted = Math.max(this.attempted, note.number);
    } else {
      this.durable = note.is === "settled" ? note.number : Math.max(this.durable, note.number);
      if (note.is === "settled") this.attempted = note.number;
      else if (note.id !== undefined) this.#names.set(note.number, note.id);
    }
  }

  /** Throws an error unless a file may have a state. */
  check({ order, values }: State): void {
    const { durable, attempted } = this;
    if (order.length < durable || order.length > attempted) {
      throw new Error(`it has ${order.length} transactions: ${durable} to ${attempted} may be`);
    }
    const expected = new Map<string, readonly [string, number]>();
    order.forEach((id, i) => {
      const known = this.#names.get(i + 1) ?? id;
      const attempt = this.#attempts.get(id);
      if (known !== id || attempt?.number !== i + 1) throw new Error(`${i + 1} is ${id}`);
      for (const [key, length] of attempt.writes as readonly Write[]) {
        if (length < 0) expected.delete(key);
        else expected.set(key, [id, length]);
      }
    });
    if (values.size !== expected.size) {
      throw new Error(`after ${order.length} it has ${values.size} values, not ${expected.size}`);
    }
    for (const [key, [id, length]] of expected) {
      const value = values.get(key);
      const isRight = value !== undefined && Buffer.compare(value, valueOf(id, key, length)) === 0;
      if (!isRight) throw new Error(`after ${order.length}, ${key} is not that of ${id}`);
    }
  }
}
