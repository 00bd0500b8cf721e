/**
 * What the crash tests know of an engine: opening it on a file, changing it, and reading all of it.
 *
 * Whatever an engine cannot do, or does under another name, is said in the adapter alone.
 */

import { Buffer } from "node:buffer";
import type { File } from "../../../pager/mod.ts";

/** How safe a commit is when it returns. */
export type Durability = "sync" | "buffered" | "none";

/** One entry that a commit sets, or removes. */
export interface Change {
  readonly tree: string;
  readonly key: Uint8Array;
  /** Undefined = the entry is removed. */
  readonly value: Uint8Array | undefined;
}

/** How a value ends that is written in parts: it is set, given back, or left as it is. */
export type StreamEnd = "finish" | "release" | "leave";

/** All entries: values by tree and key, as `stateKey` makes them. */
export type State = ReadonlyMap<string, Uint8Array>;

/** How to open an engine. */
export interface EngineOptions {
  readonly tornSectors?: "whole" | "protect";
  readonly cacheBytes?: number;
  readonly journalBytes?: number;
}

/** An open engine. */
export interface Handle {
  /** Makes one commit; whether it, and all before it, are on the medium now. */
  write(changes: readonly Change[], durability: Durability): boolean;
  /** Begins a commit, makes changes, and takes it back. */
  abort(changes: readonly Change[]): void;
  /** As `write`, by a bulk load of each tree: its changes set entries, in key order. */
  load(changes: readonly Change[], durability: Durability): boolean;
  /** As `write`, with changes in the middle of it that are made and taken back. */
  writeAround(changes: readonly Change[], undone: readonly Change[]): boolean;
  /** Writes a value in parts of so many bytes; whether it is set, and on the medium now. */
  stream(change: Change, partBytes: number, end: StreamEnd): boolean;
  /** Removes a tree; whether that is on the medium now. */
  drop(tree: string): boolean;
  /** Takes all commits to the medium, by a checkpoint. */
  checkpoint(): void;
  /** Takes a checkpoint one step further, and begins one if none is running. */
  checkpointStep(): void;
  /** The number of the last commit. */
  readonly version: number;
  /** The number of the last commit that is on the medium, as far as the engine knows. */
  readonly durableVersion: number;
  /** Everything there is. */
  state(): State;
  /** Keeps the state as it is for readers, until `release`. */
  keep(): void;
  /** The states that are kept, the oldest first, as readers see them. */
  kept(): State[];
  /** Lets go of the oldest state that is kept. */
  release(): void;
  /** Checks every rule there is; throws when one is broken. */
  check(): void;
  /** Closes it; then all commits are on the medium. */
  close(): void;
}

/** A kind of engine. */
export interface Engine {
  readonly name: string;
  /** Pages of which a bit may rot without loss. */
  readonly rotPages: readonly number[];
  /** Opens it on a file, which is made ready when it is empty. */
  open(file: File, options: EngineOptions): Handle;
  /**
   * Checks a file that nobody has open, and changes nothing; throws when it calls damage what a
   * power cut has left. Missing where an engine has no such check.
   */
  readonly verify?: (file: File) => void;
}

/** The name of an entry in a state. */
export function stateKey(tree: string, key: Uint8Array): string {
  return `${tree}/${key.toHex()}`;
}

/** The state after some changes. */
export function stateAfter(state: State, changes: readonly Change[]): State {
  const after = new Map(state);
  for (const { tree, key, value } of changes) {
    if (value === undefined) after.delete(stateKey(tree, key));
    else after.set(stateKey(tree, key), value);
  }
  return after;
}

/** The state without a tree. */
export function stateWithout(state: State, tree: string): State {
  return new Map([...state].filter(([key]) => !key.startsWith(`${tree}/`)));
}

/** Whether two states hold the same bytes. */
export function sameState(a: State, b: State): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  for (const [key, value] of a) {
    const other = b.get(key);
    if (other === undefined || !sameBytes(value, other)) return false;
  }
  return true;
}

/** Where two states differ, in a few words. */
export function describeDifference(found: State, expected: State): string {
  const lines: string[] = [];
  for (const [key, value] of expected) {
    const other = found.get(key);
    if (other === undefined) lines.push(`${key} is missing`);
    else if (!sameBytes(value, other)) lines.push(`${key} has another value`);
  }
  for (const key of found.keys()) if (!expected.has(key)) lines.push(`${key} should not be there`);
  const more = lines.length > 5 ? `, and ${lines.length - 5} more` : "";
  return lines.slice(0, 5).join(", ") + more;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}
