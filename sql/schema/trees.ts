/**
 * The trees of SQL in a database: those of rows and indexes, whose keys and values are tuples, and
 * those of the schema.
 *
 * Keys and rows pass through the codecs here as bytes. The bytes are those of tuples, so every tool
 * that knows the codec `tuple` can read them.
 */

import {
  type Codec,
  type Database,
  json,
  type KeyCodec,
  type ReadTree,
  type Snapshot,
  string,
  type Transaction,
  type TransactionTree,
  type Tree,
  tuple,
} from "../../mod.ts";
import { lowerAscii } from "../value/compare.ts";
import { SqlError } from "../value/error.ts";
import type { Integer } from "../value/value.ts";
import { sequenceCodec } from "./sequence_codec.ts";

/** A tree of rows or of the entries of an index, for reading. */
export type Rows = ReadTree<Uint8Array, Uint8Array, Uint8Array, Uint8Array>;
/** The same in a transaction. */
export type WritableRows = TransactionTree<
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array
>;

const LOOP_BYTES_MAX = 32;

/** The key of a tree, whose bytes are those of a tuple. */
const partsOfKey: KeyCodec<Uint8Array> = {
  name: "tuple",
  ordered: true,
  encode: (bytes) => bytes,
  encodeInto(bytes, into) {
    if (bytes.length > into.length) return -1;
    const { length } = bytes;
    // A loop takes less than a call.
    if (length > LOOP_BYTES_MAX) into.set(bytes);
    else for (let i = 0; i < length; i++) into[i] = bytes[i]!;
    return length;
  },
  decode: (bytes) => bytes,
};

/** The value of a tree, whose bytes are those of a tuple. */
const partsOfRow: Codec<Uint8Array> = {
  name: "tuple",
  encode: (bytes) => bytes,
  decode: (bytes) => bytes,
};

/** An object as the schema stores it. */
export interface StoredObject {
  /** What it is. */
  readonly type: "table" | "index" | "view" | "trigger";
  /** Its name, as it was written. */
  readonly name: string;
  /** The table of an index, or the table or view of a trigger; else the name. */
  readonly table: string;
  /** The statement that creates it. */
  readonly sql: string;
}

/** What ANALYZE found about a table or an index. */
export interface StoredStatistics {
  /** The number of rows. */
  readonly rows: number;
  /** How many distinct values the first parts have, by the number of parts. */
  readonly distinct: readonly number[];
}

const schemaCodecs = { key: tuple.as<[number]>(), value: json.as<StoredObject>() };
const statisticsCodecs = { key: string, value: json.as<StoredStatistics>() };
const sequenceCodecs = { key: string, value: sequenceCodec };
const settingCodecs = { key: string, value: json.as<number>() };

/** The names of trees that do not belong to one table or index. */
export const TREE = {
  schema: "sql/schema",
  statistics: "sql/statistics",
  sequences: "sql/sequences",
  settings: "sql/settings",
} as const;

const TEMPORARY = "sql/temp/";
/** The key of the number of the schema in the settings. */
const SCHEMA_NUMBER = "schema";

/**
 * A number for a schema, which no other one has: counted numbers would be used twice after a
 * rollback. It always has 16 digits.
 */
function drawnNumber(): number {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2));
  return 2 ** 52 + (high! >>> 12) * 2 ** 32 + low!;
}

/** The name of the tree of a table or an index. */
export function treeName(what: "table" | "index", name: string, isTemporary: boolean): string {
  return `${isTemporary ? TEMPORARY : "sql/"}${what}/${lowerAscii(name)}`;
}

/** Whether a tree belongs to a temporary table, in a database of its own. */
export function isTemporaryTree(tree: string): boolean {
  return tree.startsWith(TEMPORARY);
}

/** The trees of SQL in a database. */
export class SqlTrees {
  /** The database. */
  readonly db: Database;
  /** The objects of the schema, by their numbers. */
  readonly schema: Tree<[number], StoredObject, Readonly<[number]>>;
  /** What ANALYZE found, by tree. */
  readonly statistics: Tree<string, StoredStatistics>;
  /** The greatest rowids of tables with AUTOINCREMENT. */
  readonly sequences: Tree<string, Integer | null, string, Integer>;
  /** The number of the schema, and those that programs keep with it. */
  readonly settings: Tree<string, number>;
  readonly #rows = new Map<string, Tree<Uint8Array, Uint8Array, Uint8Array>>();
  /** The transaction whose trees are known. */
  #tx: Transaction | undefined;
  readonly #writable = new Map<string, WritableRows>();
  #sequencesTx: Transaction | undefined;
  #sequencesInside: { set(tree: string, rowid: Integer): void } | undefined;

  /**
   * Opens the trees of the schema.
   *
   * @throws {TypeError} A tree of its names has other codecs.
   */
  constructor(db: Database) {
    this.db = db;
    this.schema = db.tree(TREE.schema, schemaCodecs) as unknown as SqlTrees["schema"];
    this.statistics = db.tree(TREE.statistics, statisticsCodecs);
    this.sequences = db.tree(TREE.sequences, sequenceCodecs);
    this.settings = db.tree(TREE.settings, settingCodecs);
  }

  /** The number of the schema, in the database or in a snapshot; 0 if it has none. */
  schemaNumber(snapshot?: Snapshot): number {
    const settings = snapshot === undefined ? this.settings : snapshot.tree(this.settings);
    return settings.get(SCHEMA_NUMBER) ?? 0;
  }

  /** Gives the schema another number, in a transaction that changes it. */
  renumberSchema(tx: Transaction): number {
    const number = drawnNumber();
    tx.tree(this.settings).set(SCHEMA_NUMBER, number);
    return number;
  }

  /** A tree of rows or entries, which shows the open transaction. */
  rows(name: string): Tree<Uint8Array, Uint8Array, Uint8Array> {
    let tree = this.#rows.get(name);
    if (tree === undefined) {
      tree = this.db.tree(name, { key: partsOfKey, value: partsOfRow });
      this.#rows.set(name, tree);
    }
    return tree;
  }

  /** The same tree in a transaction. */
  writable(tx: Transaction, name: string): WritableRows {
    if (tx !== this.#tx) {
      this.#tx = tx;
      this.#writable.clear();
    }
    let tree = this.#writable.get(name);
    if (tree === undefined) {
      tree = tx.tree(this.rows(name)) as unknown as WritableRows;
      this.#writable.set(name, tree);
    }
    return tree;
  }

  /**
   * The greatest rowid that a table has had, in the database or in a snapshot; undefined if it has
   * had none.
   *
   * @throws {SqlError} It is not an integer of 64 bits.
   */
  sequence(tree: string, snapshot?: Snapshot): Integer | undefined {
    const sequences = snapshot === undefined ? this.sequences : snapshot.tree(this.sequences);
    const kept = sequences.get(tree);
    if (kept === undefined) return undefined;
    if (kept !== null) return kept;
    throw new SqlError("VALUE", `the sequence of ${tree} is not a rowid`);
  }

  /** Sets the greatest rowid that a table has had, in a transaction. */
  setSequence(tx: Transaction, tree: string, rowid: Integer): void {
    if (tx !== this.#sequencesTx) {
      this.#sequencesTx = tx;
      this.#sequencesInside = tx.tree(this.sequences);
    }
    this.#sequencesInside!.set(tree, rowid);
  }

  /** Forgets a tree that was dropped or renamed. */
  forget(name: string): void {
    this.#rows.delete(name);
    this.#writable.delete(name);
  }
}
