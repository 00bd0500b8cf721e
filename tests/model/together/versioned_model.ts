/**
 * What the trees of a database hold at each version: every change by its version, in order.
 *
 * It does not know the database, and forgets nothing.
 */

import { Buffer } from "node:buffer";
import type { Database, Snapshot } from "../../../mod.ts";

/** The trees whose content is known at each version. */
export const NAMES = ["a", "b"] as const;

/** The name of such a tree. */
export type Name = typeof NAMES[number];

/** The values of each tree by key. */
export type State = Record<Name, Map<string, Uint8Array>>;

/** A change of one key; no value removes it. */
export interface KeySet {
  readonly name: Name;
  readonly key: string;
  readonly value: Uint8Array | undefined;
}

interface LoggedChange extends KeySet {
  readonly version: number;
}

/** The content of the trees at each version. */
export class VersionedModel {
  /** The content after the last change. */
  readonly now: State = emptyState();
  readonly #log: LoggedChange[] = [];

  /** Notes a change of a version, which is not before that of the last one. */
  note(version: number, change: KeySet): void {
    apply(this.now, change);
    this.#log.push({ version, ...change });
  }

  /** The content at a version. */
  at(version: number): State {
    const state = emptyState();
    for (const change of this.#log) {
      if (change.version > version) break;
      apply(state, change);
    }
    return state;
  }

  /** A copy of the content after the last change. */
  copy(): State {
    return { a: new Map(this.now.a), b: new Map(this.now.b) };
  }
}

/** What differs between a state and what a database or a snapshot shows; undefined if nothing. */
export function differenceOf(shown: Database | Snapshot, state: State): string | undefined {
  for (const name of NAMES) {
    const tree = shown.tree(name);
    const keys = [...state[name].keys()].sort();
    let index = 0;
    for (const [bytes, value] of tree.entries()) {
      const key = textOf(bytes);
      if (key !== keys[index]) return `tree ${name} has ${short(key)}, not ${short(keys[index])}`;
      if (!sameValue(value, state[name].get(key))) return `${short(key)} has another value`;
      index++;
    }
    if (index !== keys.length) return `tree ${name} has ${index} of ${keys.length} entries`;
    if (tree.count() !== index) return `tree ${name} counts ${tree.count()} of ${index}`;
  }
  return undefined;
}

/** Whether two values are the same bytes, or both are missing. */
export function sameValue(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return Buffer.compare(one, other) === 0;
}

/** A key as text. */
export function textOf(key: Uint8Array): string {
  return new TextDecoder().decode(key);
}

function emptyState(): State {
  return { a: new Map(), b: new Map() };
}

function apply(state: State, { name, key, value }: KeySet): void {
  if (value === undefined) state[name].delete(key);
  else state[name].set(key, value);
}

function short(key: string | undefined): string {
  return key === undefined ? "nothing" : key.slice(0, 8);
}
