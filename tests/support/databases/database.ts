/**
 * Whole databases for tests: opening one on any `File`, reading all of its content in every way,
 * and checking that each page in use has exactly one owner.
 */

import { Buffer } from "node:buffer";
import { assertEquals } from "@std/assert";
import { chunkCensus } from "../../../btree/mod.ts";
import {
  type Durability,
  type File,
  format,
  Pager,
  type PagerOptions,
} from "../../../pager/mod.ts";
import { Database } from "../../../store/database.ts";
import { FollowingSession } from "../../../store/follow/following_session.ts";
import type { Sync } from "../../../store/read/argument_checks.ts";
import type { Tree } from "../../../store/tree.ts";
import type { FlushPolicy } from "../../../store/write/flush_policy.ts";
import { Session } from "../../../store/write/session.ts";
import type { TransactionTree } from "../../../store/write/transaction_tree.ts";
import { ownersOf } from "../trees/owners.ts";

const { CHUNK_PAGES, FRESH_PAGES, KIND_FREE, KIND_JOURNAL, KIND_SUPERBLOCK } = format;

/** A database and its internals. */
export interface Opened {
  readonly db: Database;
  readonly session: Session;
}

/** The entries of every tree, in key order. */
export type Content = Map<string, [Uint8Array, Uint8Array][]>;

/** Opens a database on a file that is already locked. */
export function openOn(file: File, options: PagerOptions = {}): Database {
  return openBoth(file, options).db;
}

/** Opens a database that follows a file, and returns its session too. */
export function openFollowing(
  file: File,
  options: PagerOptions = {},
): { readonly db: Database; readonly session: FollowingSession } {
  const session = new FollowingSession(new Pager(file, { ...options, follow: true }));
  return { db: new Database(session), session };
}

/** As `openOn`, and returns the internals too. */
export function openBoth(
  file: File,
  options: PagerOptions = {},
  durability: Durability = "sync",
  policy?: FlushPolicy,
): Opened {
  const session = new Session(new Pager(file, options), durability, false, policy);
  return { db: new Database(session), session };
}

/** Changes a tree in a transaction of its own, durable when it returns. */
export function change<T>(
  db: Database,
  tree: Tree | string,
  action: (tree: TransactionTree) => Sync<T>,
): T {
  return db.writeSync((tx) => action(tx.tree(tree)));
}

/** Every entry of every tree, or of some. */
export function contentOf(db: Database, names: readonly string[] = db.trees()): Content {
  return new Map(names.map((name) => [name, [...db.tree(name)]]));
}

/** Fails unless two contents are equal; much faster than a deep comparison. */
export function assertContent(actual: Content, expected: Content, message = ""): void {
  assertEquals([...actual.keys()], [...expected.keys()], `trees ${message}`);
  for (const [name, entries] of expected) {
    const found = actual.get(name)!;
    assertEquals(found.length, entries.length, `entries of ${name} ${message}`);
    for (let i = 0; i < entries.length; i++) {
      const same = sameBytes(found[i]![0], entries[i]![0]) &&
        sameBytes(found[i]![1], entries[i]![1]);
      if (!same) assertEquals(found[i], entries[i], `entry ${i} of ${name} ${message}`);
    }
  }
}

/** Whether two arrays hold the same bytes. */
export function sameBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return Buffer.compare(a, b) === 0;
}

/** Bytes that depend only on a seed and a length. */
export function bytesOf(seed: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = Math.imul(seed ^ 0x5bd1e995, 0x9e3779b1) | 1;
  for (let i = 0; i < length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = state;
  }
  return bytes;
}

/** A text as bytes. */
export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/**
 * Checks every tree, and that each page in use belongs only to the tree that its header names.
 *
 * @returns The number of data pages in use.
 */
export function checkDatabase({ session }: Opened): number {
  const owners = ownersOf(session);
  let used = 0;
  for (const { chunk, pages, kinds, trees } of chunkCensus(session.pager)) {
    for (let slot = 1; slot < pages; slot++) {
      const page = chunk * CHUNK_PAGES + slot;
      const owner = owners.get(page);
      if (kinds[slot] === KIND_FREE) {
        assertEquals(owner, undefined, `page ${page} is free and in a tree`);
      } else if (kinds[slot] === KIND_JOURNAL) {
        assertEquals(owner, undefined, `page ${page} is of the journal and in a tree`);
      } else if (page < FRESH_PAGES) {
        assertEquals(kinds[slot], KIND_SUPERBLOCK);
      } else {
        used++;
        assertEquals(owner, trees[slot], `page ${page} is in use, its owner another or none`);
      }
    }
  }
  return used;
}
