/**
 * The transactions of the writer: random changes of entries, which keep the registers right.
 */

import type { Transaction } from "../../../mod.ts";
import type { Random } from "../../support/random.ts";
import {
  CODECS,
  encodeRegister,
  FILLERS,
  readRegisters,
  REGISTER_COUNT,
  REGISTERS,
  sumOf,
} from "./register.ts";

/** The most keys of a filler tree. */
const KEYS: Readonly<Record<string, number>> = { few: 20, many: 3000 };

/** The sums of a transaction so far. */
class Sums {
  count: number;
  sum: number;

  constructor(register: { count: number; sum: number } | undefined) {
    this.count = register?.count ?? 0;
    this.sum = register?.sum ?? 0;
  }

  add(key: Uint8Array, value: Uint8Array | undefined, by: 1 | -1): void {
    if (value === undefined) return;
    this.count += by;
    this.sum = (this.sum + by * sumOf(key, value)) >>> 0;
  }
}

function keyOf(i: number): Uint8Array {
  return new TextEncoder().encode(`key ${String(i).padStart(5, "0")}`);
}

function valueOf(random: Random): Uint8Array {
  const length = random.once(40) ? random.below(60_000) : random.once(8) ? 3000 : random.below(300);
  return new Uint8Array(length).fill(random.below(256));
}

function change(tx: Transaction, sums: Sums, random: Random): void {
  const name = random.pick(FILLERS);
  const tree = tx.tree(name, CODECS);
  const first = random.below(KEYS[name]!);
  if (random.once(12)) {
    const range = { gte: keyOf(first), lt: keyOf(first + random.below(KEYS[name]! / 4)) };
    for (const [key, value] of tree.entries(range)) sums.add(key, value, -1);
    tree.deleteRange(range);
    return;
  }
  const many = random.once(10) ? 400 : 1 + random.below(8);
  for (let i = 0; i < many; i++) {
    const key = keyOf(random.once(2) ? first + i : random.below(KEYS[name]!));
    sums.add(key, tree.get(key), -1);
    const value = random.once(4) ? undefined : valueOf(random);
    if (value === undefined) tree.delete(key);
    else tree.set(key, value);
    sums.add(key, value, 1);
  }
}

/** Changes some entries in a transaction, and the registers accordingly. */
export function changeState(tx: Transaction, random: Random): void {
  const before = readRegisters(tx);
  const sums = new Sums(before);
  change(tx, sums, random);
  const commit = (before?.commit ?? 0) + 1;
  const register = encodeRegister({ commit, count: sums.count, sum: sums.sum });
  const tree = tx.tree(REGISTERS, CODECS);
  for (let i = 0; i < REGISTER_COUNT; i++) tree.set(`register ${i}`, register);
}
