/**
 * What the processes write, and how a state is read back: each transaction adds one to the number
 * of those before it, names itself in the tree `order`, and sets or deletes some values, whose
 * bytes tell whose they are. So a state tells which transactions led to it.
 */

import { bytes, type ReadTree, string, type Transaction, u64 } from "../../../mod.ts";
import type { Random } from "../../support/random.ts";
import type { Write } from "./call_log.ts";

/** The codecs of the tree `order`: from numbers to names. */
export const ORDER = { key: u64, value: string };
/** The codecs of the tree `values`. */
export const VALUES = { key: string, value: bytes };
const KEYS = 60;

/** What has trees: a database, a snapshot, or a transaction. */
export interface Trees {
  tree(name: "order", codecs: typeof ORDER): ReadTree<bigint, string>;
  tree(name: "values", codecs: typeof VALUES): ReadTree<string, Uint8Array>;
}

/** A state: the names of its transactions, in order, and the values. */
export interface State {
  readonly order: readonly string[];
  readonly values: ReadonlyMap<string, Uint8Array>;
}

/** The bytes of a value. */
export function valueOf(id: string, key: string, length: number): Uint8Array {
  const text = `${id} ${key} ${length} `;
  const value = new Uint8Array(length);
  for (let i = 0; i < length; i++) value[i] = text.charCodeAt(i % text.length);
  return value;
}

/** Chooses the changes of a transaction; now and then all keys go. */
export function chooseWrites(random: Random): Write[] {
  const keyOf = (i: number) => `key ${i}`;
  if (random.once(40)) return Array.from({ length: KEYS }, (_, i): Write => [keyOf(i), -1]);
  return Array.from({ length: 1 + random.below(4) }, (): Write => {
    const key = keyOf(random.below(KEYS));
    if (random.once(6)) return [key, -1];
    const bound = random.once(12) ? 60_000 : random.once(4) ? 5000 : 300;
    return [key, random.below(bound)];
  });
}

/** Makes the changes of the transaction of a name, which `tell` hears of before; its number. */
export function changeState(
  tx: Transaction,
  id: string,
  writes: readonly Write[],
  tell: (number: number) => void,
): number {
  const order = tx.tree("order", ORDER);
  const number = Number(order.last()?.[0] ?? 0) + 1;
  tell(number);
  const values = tx.tree("values", VALUES);
  for (const [key, length] of writes) {
    if (length < 0) values.delete(key);
    else values.set(key, valueOf(id, key, length));
  }
  order.set(BigInt(number), id);
  return number;
}

/** The number of transactions of a state. */
export function numberOf(from: Trees): number {
  return Number(from.tree("order", ORDER).last()?.[0] ?? 0);
}

/** Reads a state. */
export function readState(from: Trees): State {
  const entries = [...from.tree("order", ORDER).entries()];
  const isInOrder = entries.every(([number], i) => number === BigInt(i + 1));
  if (!isInOrder) throw new Error(`it has the transactions ${entries.map(([number]) => number)}`);
  const order = entries.map(([, id]) => id);
  return { order, values: new Map(from.tree("values", VALUES).entries()) };
}
