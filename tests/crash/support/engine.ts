/**
 * The interface between the crash tests and an engine: open it on a file, change it, and read all
 * of it.
 *
 * Only the adapter of an engine knows what the engine lacks or calls by another name.
 */

import { Buffer } from "node:buffer";
import type { File, Io } from "../../../pager/mod.ts";

/** The durability of a commit when it returns. */
export type Durability = "sync" | "buffered" | "none";

/** One entry that a commit sets or deletes. */
export interface Change {
  readonly tree: string;
  readonly key: Uint8Array;
  /** Undefined = the entry is deleted. */
  readonly value: Uint8Array | undefined;
}

/** How the upload of a value ends: the value is set, discarded, or left unfinished. */
export type StreamEnd = "finish" | "release" | "leave";

/** All entries: values by tree and key, as `stateKey` names them. */
export type State = ReadonlyMap<string, Uint8Array>;

/** How to open an engine. */
export interface EngineOptions {
  readonly tornSectors?: "whole" | "protect";
  readonly cacheBytes?: number;
  readonly journalBytes?: number;
  readonly io?: Io;
  readonly tailBytes?: number;
  readonly replayRecords?: number;
}

/** An open engine. */
export interface Handle {
  /** Makes one commit. Returns whether it and all before it are on the medium. */
  write(changes: readonly Change[], durability: Durability): boolean;
  /** Begins a commit, makes changes, and rolls back. */
  abort(changes: readonly Change[]): void;
  /** As `write`, by a bulk load of each tree; all changes set entries, in key order. */
  load(changes: readonly Change[], durability: Durability): boolean;
  /** As `write`, with changes in between that are made and rolled back. */
  writeAround(changes: readonly Change[], undone: readonly Change[]): boolean;
  /** Writes a value in parts of a number of bytes. Returns whether it is set, and on the medium. */
  stream(change: Change, partBytes: number, end: StreamEnd): boolean;
  /** Drops a tree. Returns whether that is on the medium. */
  drop(tree: string): boolean;
  /** Makes all commits durable by a checkpoint. */
  checkpoint(): void;
  /** Advances a checkpoint by one step, and begins one if none is running. */
  checkpointStep(): void;
  /** Writes a slice of a running checkpoint for which no sync is needed. */
  sliceConfirmed(): void;
  /**
   * Starts a sync off the thread, which takes all commits to the medium, unless one runs. Resolves
   * when the sync has ended.
   */
  takeOff(): Promise<void>;
  /** Whether such a sync runs. */
  readonly isFlying: boolean;
  /** Notes that the sync has ended. */
  land(): void;
  /** Takes a step of a compaction, or all that remain of it. */
  compact(steps: "step" | "all"): void;
  /** Lets the next of these syncs take a checkpoint. */
  requestCheckpoint(): void;
  /** Begins to create an empty journal anew with the next of these syncs. */
  beginMove(): void;
  /** The number of the last commit. */
  readonly version: number;
  /** The number of the last commit that the engine knows to be on the medium. */
  readonly durableVersion: number;
  /** All entries. */
  state(): State;
  /** Keeps the current state for readers, until `release`. */
  keep(): void;
  /** The kept states as readers see them, the oldest first. */
  kept(): State[];
  /** Releases the oldest kept state. */
  release(): void;
  /** Checks every rule. Throws if one is broken. */
  check(): void;
  /** Closes it, after which all commits are on the medium. */
  close(): void;
}

/** A kind of engine. */
export interface Engine {
  readonly name: string;
  /** Pages in which a bit may rot without loss. */
  readonly rotPages: readonly number[];
  /** Opens it on a file, which is initialised if it is empty. */
  open(file: File, options: EngineOptions): Handle;
  /**
   * Checks a file that is not open, and changes nothing. Throws if it reports damage after a
   * power cut. Missing if an engine has no such check.
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

/** A short description of the difference between two states. */
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
