/**
 * Trees in files in memory, a model of them, and keys and values for both.
 *
 * The model maps keys, as strings of one character a byte, to the length and the salt of a value.
 * Such strings sort as the keys do, and the model of a large tree takes little memory.
 */

import { Buffer } from "node:buffer";
import { assertEquals } from "@std/assert";
import { BTree, BulkLoad, TreeContext } from "../../../btree/mod.ts";
import { MemoryFile, Pager, type PagerOptions } from "../../../pager/mod.ts";
import { Random } from "../random.ts";
import { transact } from "./pages.ts";
import { usedPages } from "./space.ts";
import { checkTree, type TreeReport } from "./tree_check.ts";

/** A tree, with its pager and allocator. */
export interface Bed {
  file: MemoryFile;
  pager: Pager;
  context: TreeContext;
  tree: BTree;
}

/** The parameters of a value. */
export interface Value {
  readonly bytes: number;
  readonly salt: number;
}

const TREE_ID = 1;

/** A new file with an empty tree. */
export function plant(options: PagerOptions = {}): Bed {
  const file = new MemoryFile();
  const pager = new Pager(file, options);
  const context = new TreeContext(pager);
  return { file, pager, context, tree: transact(pager, () => BTree.create(context, TREE_ID)) };
}

/** Closes the file of a tree and opens a copy of it. */
export function replant(bed: Bed, options: PagerOptions = {}): Bed {
  bed.pager.close();
  const file = new MemoryFile(bed.file.content());
  const pager = new Pager(file, options);
  const context = new TreeContext(pager);
  return { file, pager, context, tree: new BTree(context, TREE_ID, bed.tree.root) };
}

/** Fills an empty tree from entries in key order, inside a transaction; how many there were. */
export function bulkLoad(
  tree: BTree,
  entries: Iterable<readonly [Uint8Array, Uint8Array]>,
  fill?: number,
): number {
  const load = new BulkLoad(tree, fill);
  for (const [key, value] of entries) load.add(key, value);
  return load.finish();
}

/** The bytes of a string of one character a byte. */
export function bytesOf(name: string): Uint8Array {
  const bytes = new Uint8Array(name.length);
  for (let i = 0; i < name.length; i++) bytes[i] = name.charCodeAt(i);
  return bytes;
}

/** Bytes as a string of one character a byte. */
export function nameOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

/** A key of 4 bytes that sorts as its number does. */
export function keyOf(number: number): Uint8Array {
  return new Uint8Array([number >>> 24, number >>> 16, number >>> 8, number]);
}

/** The value for a length and a salt; no two of its pages are alike. */
export function valueOf({ bytes, salt }: Value): Uint8Array {
  const words = new Uint32Array(Math.ceil(bytes / 4));
  let word = Math.imul(salt + 1, 0x85ebca6b);
  for (let i = 0; i < words.length; i++) words[i] = word = (word + 0x9e3779b1) | 0;
  return new Uint8Array(words.buffer, 0, bytes);
}

/** Whether bytes are equal; fast for millions of bytes. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** Fails unless bytes are the value for a length and a salt. */
export function expectValue(actual: Uint8Array | undefined, value: Value, what = "value"): void {
  assertEquals(actual?.length, value.bytes, `length of ${what}`);
  assertEquals(sameBytes(actual!, valueOf(value)), true, `bytes of ${what}`);
}

/** Checks the tree, and that it owns every page in use. */
export function expectSound({ tree, context }: Bed): TreeReport {
  const report = checkTree(tree);
  assertEquals(usedPages(context), [...report.pages].sort((a, b) => a - b), "pages in use");
  return report;
}

/** Runs a test with several seeds, and names the one that fails. */
export function eachSeed(count: number, body: (random: Random, seed: number) => void): void {
  for (let seed = 1; seed <= count; seed++) {
    try {
      body(new Random(seed * 7919), seed);
    } catch (error) {
      throw new Error(`with seed ${seed}: ${error instanceof Error ? error.message : error}`, {
        cause: error,
      });
    }
  }
}

const LONG = bytesOf("long shared prefix / ".repeat(100)).subarray(0, 2048);

function bytesFrom(random: Random, length: number, letters: number, first = 0): Uint8Array {
  return Uint8Array.from({ length }, () => first + random.below(letters));
}

/** A part of `LONG`, followed by up to 8 other bytes. */
function longKey(random: Random): Uint8Array {
  const own = bytesFrom(random, random.below(9), 256);
  const shared = random.once(3) ? random.below(LONG.length - 8) : LONG.length - 8 - random.below(3);
  const key = LONG.slice(0, shared + own.length);
  key.set(own, shared);
  return key;
}

function edgeKey(random: Random): Uint8Array {
  return Uint8Array.from({ length: random.below(24) }, () => random.pick([0, 0, 0, 1, 0xff]));
}

/** Ways to make keys, by name. */
export const KEY_FAMILIES: Readonly<Record<string, (random: Random) => Uint8Array>> = {
  "short keys": (random) => bytesFrom(random, random.below(4), 40, 60),
  "random keys of 16 bytes": (random) => bytesFrom(random, 16, 256),
  "keys with long shared prefixes": longKey,
  "keys of all lengths": (random) => bytesFrom(random, random.below(2049), 3),
  "keys of zeros and 0xff": edgeKey,
  "keys of 4 bytes in a row": (random) => keyOf(0x01020000 + random.below(4000)),
};

/** A tree and its model, to which the same changes apply. */
export class TreeModel {
  /** The tree. */
  bed: Bed;
  /** The expected entries. */
  entries = new Map<string, Value>();
  readonly #saved: Map<string, Value>[] = [];
  #salt = 0;

  /** The model of an empty tree. */
  constructor(bed: Bed) {
    this.bed = bed;
  }

  /** Begins a transaction or a savepoint. */
  begin(): void {
    this.#saved.push(new Map(this.entries));
    this.bed.pager.begin();
  }

  /** Keeps what has changed since `begin`. */
  commit(): void {
    this.#saved.pop();
    this.bed.pager.commit();
  }

  /** Undoes what has changed since `begin`. */
  rollback(): void {
    this.entries = this.#saved.pop()!;
    this.bed.pager.rollback();
  }

  /** Sets a key to a new value of a length. */
  put(key: Uint8Array, bytes: number): void {
    const name = nameOf(key);
    const value = { bytes, salt: this.#salt++ };
    assertEquals(this.bed.tree.put(key, valueOf(value)), !this.entries.has(name), "key is new");
    this.entries.set(name, value);
  }

  /** Removes a key. */
  delete(key: Uint8Array): void {
    assertEquals(this.bed.tree.delete(key), this.entries.delete(nameOf(key)), "key was there");
  }

  /** Removes the keys between bounds. */
  deleteRange(from?: Uint8Array, to?: Uint8Array): void {
    const first = from === undefined ? "" : nameOf(from);
    const end = to === undefined ? undefined : nameOf(to);
    let count = 0;
    for (const name of [...this.entries.keys()]) {
      if (name < first || (end !== undefined && name >= end)) continue;
      this.entries.delete(name);
      count++;
    }
    assertEquals(this.bed.tree.deleteRange(from, to), count, "keys removed");
  }

  /** The keys in order. */
  names(): string[] {
    return [...this.entries.keys()].sort();
  }

  /** Fails unless the tree is valid, has the expected entries, and no page is lost. */
  check(): TreeReport {
    const report = expectSound(this.bed);
    const { tree } = this.bed;
    assertEquals(report.entries, this.entries.size, "entries");
    assertEquals(tree.count(), this.entries.size, "count");
    const names = this.names();
    const cursor = tree.cursor();
    let index = 0;
    for (let found = cursor.first(); found; found = cursor.next(), index++) {
      if (nameOf(cursor.key()) !== names[index]) throw new Error(`key ${index} is another`);
    }
    assertEquals(index, names.length, "keys forward");
    for (let found = cursor.last(); found; found = cursor.previous()) {
      if (nameOf(cursor.key()) !== names[--index]) throw new Error(`key ${index} is another`);
    }
    assertEquals(index, 0, "keys backward");
    for (const [name, value] of this.entries) {
      const found = tree.get(bytesOf(name));
      if (found !== undefined && sameBytes(found, valueOf(value))) continue;
      expectValue(found, value, `of the key of ${name.length} bytes`);
    }
    return report;
  }

  /** Closes the file, and continues with a copy of it. */
  reopen(options: PagerOptions = {}): void {
    this.bed = replant(this.bed, options);
  }
}
