/**
 * What the writer keeps in each state, and a reader checks: registers in many leaves that all have
 * the number of the commit, and the number and the sum of the other entries.
 */

import { bytes, type Database, keyBytes, type Snapshot, type Transaction } from "../../../mod.ts";

/** The tree of registers, and the trees of the other entries. */
export const REGISTERS = "registers";
export const FILLERS = ["few", "many"] as const;
/** The codecs of all of them. */
export const CODECS = { key: keyBytes, value: bytes };
/** The number of registers; one leaf has about as many as have a common tens digit. */
export const REGISTER_COUNT = 6;

/** What each register says. */
export interface Register {
  /** The number of the commit. */
  readonly commit: number;
  /** The number of the other entries, and the sum of their sums modulo 2^32. */
  readonly count: number;
  readonly sum: number;
}

/** The bytes of a register; they fill a good part of a leaf, so that registers are far apart. */
export function encodeRegister({ commit, count, sum }: Register): Uint8Array {
  const value = new Uint8Array(1200);
  const view = new DataView(value.buffer);
  view.setUint32(0, commit);
  view.setUint32(4, count);
  view.setUint32(8, sum);
  for (let i = 12; i < value.length; i++) value[i] = (commit + i) & 0xff;
  return value;
}

/** The register in the bytes of a value. */
export function decodeRegister(value: Uint8Array): Register {
  const view = new DataView(value.buffer, value.byteOffset);
  const commit = view.getUint32(0);
  for (let i = 12; i < value.length; i++) {
    if (value[i] !== ((commit + i) & 0xff)) throw new Error(`a register is torn at byte ${i}`);
  }
  return { commit, count: view.getUint32(4), sum: view.getUint32(8) };
}

/** The sum of an entry. */
export function sumOf(key: Uint8Array, value: Uint8Array): number {
  let sum = value.length;
  for (const byte of key) sum = (Math.imul(sum, 31) + byte) >>> 0;
  for (let i = 0; i < value.length; i += 97) sum = (Math.imul(sum, 31) + value[i]!) >>> 0;
  return sum;
}

/** The registers of a database or a snapshot: all the same, or it is no committed state. */
export function readRegisters(from: Database | Snapshot | Transaction): Register | undefined {
  const tree = from.tree(REGISTERS, CODECS);
  const found: Register[] = [];
  for (let i = 0; i < REGISTER_COUNT; i++) {
    const value = tree.get(`register ${i}`);
    if (value !== undefined) found.push(decodeRegister(value));
  }
  if (found.length === 0) return undefined;
  const [first] = found;
  const isWhole = found.length === REGISTER_COUNT &&
    found.every(({ commit, count, sum }) => {
      return commit === first!.commit && count === first!.count && sum === first!.sum;
    });
  if (!isWhole) throw new Error(`registers differ: ${JSON.stringify(found)}`);
  return first;
}

/** Compares all other entries of a snapshot with its registers. */
export function checkEntries(from: Snapshot): void {
  const register = readRegisters(from);
  let count = 0;
  let sum = 0;
  for (const name of FILLERS) {
    for (const [key, value] of from.tree(name, CODECS).entries()) {
      count++;
      sum = (sum + sumOf(key, value)) >>> 0;
    }
  }
  if (count === (register?.count ?? 0) && sum === (register?.sum ?? 0)) return;
  throw new Error(`${count} entries of sum ${sum}, and ${JSON.stringify(register)}`);
}
