/**
 * Opcodes that change rows and indexes, and that check constraints.
 */

import type { Table } from "../schema/types.ts";
import { type Affinity, applyAffinity, isOfType, type StrictType } from "../value/affinity.ts";
import { type Collation, compareBytes } from "../value/compare.ts";
import { ConflictError, type ErrorAction, foreignError, SqlError } from "../value/error.ts";
import { textOf } from "../value/number_text.ts";
import { classOf, type SqlValue } from "../value/value.ts";
import { keyAfter, type RowChange, rowidKey, type TableCursor } from "./cursor.ts";
import { integerOnly, KEY_BYTES_MAX, partsKey, rowBytes } from "./key_range.ts";
import type { Handler, Machine, Program } from "./machine.ts";
import type { RowInsertion } from "./row_insertion.ts";
import { keepRowid, nextRowid, noteRowid } from "./rowids.ts";

/** A tree and the collations of its parts. */
export interface KeyedTree {
  readonly tree: string;
  /** For messages. */
  readonly name: string;
  readonly collations: readonly Collation[];
}

/** A search for a row that has the same values in a unique index. */
export interface UniqueSearch extends KeyedTree {
  /** The register of the key of the row itself, which is no conflict; undefined if it has none. */
  readonly own: number | undefined;
}

/** A trigger that is run. */
export interface CalledTrigger {
  readonly program: () => Program;
  /** Its name in lower case. */
  readonly name: string;
}

/** RAISE(IGNORE): the row that a trigger runs for is left out. */
class IgnoredRow extends Error {}

/** A program that checks a foreign key. */
export interface ForeignCheck {
  /** The program, which has a row if something was found. */
  readonly program: () => Program;
  /** Whether a row must be found; else none may be. */
  readonly mustFind: boolean;
  /** Whether it is enough that the check holds at the end of the statement. */
  readonly mayWait: boolean;
  /** Whether it is enough that it holds at the end of the transaction. */
  readonly isDeferred: boolean;
  /** The query that finds a child without its parent then. */
  readonly orphans: string;
}

const NO_BYTES = new Uint8Array(0);

function bytesIn(m: Machine, register: number): Uint8Array {
  return m.registers[register] as Uint8Array;
}

function checkKey(key: Uint8Array, name: string): Uint8Array {
  if (key.length <= KEY_BYTES_MAX) return key;
  throw new SqlError(
    "VALUE",
    `the key in ${name} has ${key.length} bytes, more than ${KEY_BYTES_MAX}`,
  );
}

/** The opcodes that write. */
export const WRITE_OPS = {
  /** Sets p3 to a row of the registers from p1 on, as bytes; p4 has which of them are stored. */
  MakeRow(m, i) {
    m.registers[i.p3] = rowBytes(m.registers, i.p1, i.p4 as readonly boolean[]);
  },
  /** Applies the affinities p4 to the registers from p1 on. */
  Affinities(m, i) {
    const affinities = i.p4 as readonly Affinity[];
    for (let at = 0; at < affinities.length; at++) {
      const register = i.p1 + at;
      m.registers[register] = applyAffinity(m.registers[register]!, affinities[at]!);
    }
  },
  /** Sets p3 to the key of the rowid in p1. */
  RowidKey(m, i) {
    m.registers[i.p3] = rowidKey(m.registers[i.p1] as number);
  },
  /** Sets p3 to the key of values from p1 on, in the tree p4. */
  MakeKey(m, i) {
    const { name, collations } = i.p4 as KeyedTree;
    m.registers[i.p3] = checkKey(partsKey(m.registers, i.p1, collations), name);
  },
  /** Sets p1 to a new rowid of the table p4. */
  NewRowid(m, i) {
    m.registers[i.p1] = nextRowid(m.store, i.p4 as Table);
  },
  /** Converts p1 to a rowid; throws if it is not one. */
  CheckRowid(m, i) {
    const rowid = integerOnly(m.registers[i.p1]!);
    if (rowid === undefined) throw new SqlError("VALUE", "datatype mismatch");
    m.registers[i.p1] = rowid;
  },
  /** Keeps the rowid in p1 as used in the table p4, whatever becomes of its row. */
  KeepRowid(m, i) {
    keepRowid(m.store, i.p4 as Table, m.registers[i.p1] as number | bigint);
  },
  /** Notes the rowid in p1 as the last one of the table p4. */
  NoteRowid(m, i) {
    noteRowid(m.store, i.p4 as Table, m.registers[i.p1] as number | bigint);
  },

  /** Jumps to p2 if the tree p4 has no entry with the key in p1. */
  UnlessRow(m, i) {
    if (!m.store.writable(i.p4 as string).has(bytesIn(m, i.p1))) m.pc = i.p2;
  },
  /** Jumps to p2 if p1 and p3 are the same key. */
  SameKey(m, i) {
    if (compareBytes(bytesIn(m, i.p1), bytesIn(m, i.p3)) === 0) m.pc = i.p2;
  },
  /**
   * Sets p3 to the key of the row that has the values from p1 on in the unique index p4; jumps to
   * p2 if there is none.
   */
  FindUnique(m, i) {
    const { tree, collations, own } = i.p4 as UniqueSearch;
    for (let at = 0; at < collations.length; at++) {
      if (m.registers[i.p1 + at] === null) return void (m.pc = i.p2);
    }
    const prefix = partsKey(m.registers, i.p1, collations);
    if (prefix.length > KEY_BYTES_MAX) return void (m.pc = i.p2);
    // A unique index has one entry of these values at most.
    const entry = m.store.writable(tree).first({ prefix });
    if (entry === undefined) return void (m.pc = i.p2);
    const found = keyAfter(entry[0], collations.length);
    const isOwn = own !== undefined && compareBytes(found, bytesIn(m, own)) === 0;
    if (isOwn) m.pc = i.p2;
    else m.registers[i.p3] = found.slice();
  },

  /** Inserts, by p4, the row whose columns are from p1 on and whose rowid is in p3. */
  InsertRow(m, i) {
    (i.p4 as RowInsertion).insert(m, i.p1, i.p3);
  },
  /** Sets in the tree p4 the row in p2 of the key in p1. */
  PutRow(m, i) {
    m.store.writable(i.p4 as string).set(bytesIn(m, i.p1), bytesIn(m, i.p2));
  },
  /** Sets for the key in p3 the row of the table p2 with the columns p4 from p1 on. */
  ChangeRow(m, i) {
    const cursor = m.cursors[i.p2] as TableCursor;
    const row = cursor.rowWith(m.registers, i.p1, i.p4 as RowChange);
    m.store.writable(cursor.table.tree).set(bytesIn(m, i.p3), row);
  },
  /** Removes from the tree p4 the row of the key in p1. */
  DeleteRow(m, i) {
    m.store.writable(i.p4 as string).delete(bytesIn(m, i.p1));
  },
  /** Sets p2 to the entry of the values from p1 on in the index p4, for the row with key p3. */
  MakeEntry(m, i) {
    const { name, collations } = i.p4 as KeyedTree;
    const key = partsKey(m.registers, i.p1, collations, bytesIn(m, i.p3));
    m.registers[i.p2] = checkKey(key, name);
  },
  /** Adds to the index p4 the entry in p1, unless it is NULL. */
  PutEntry(m, i) {
    const key = m.registers[i.p1]!;
    if (key !== null) m.store.writable(i.p4 as string).set(key as Uint8Array, NO_BYTES);
  },
  /** Removes from the index p4 the entry of the values from p1 on, for the row with key p3. */
  DeleteEntry(m, i) {
    const { tree, collations } = i.p4 as KeyedTree;
    const key = partsKey(m.registers, i.p1, collations, bytesIn(m, i.p3));
    if (key.length <= KEY_BYTES_MAX) m.store.writable(tree).delete(key);
  },
  /** Removes all entries of the tree p4. */
  Clear(m, i) {
    const rows = m.store.writable(i.p4 as string);
    m.changed += i.p1 === 1 ? rows.clear() : (rows.clear(), 0);
  },

  /** Counts a row as changed. */
  Changed(m) {
    m.changed++;
  },
  /** Throws the error p4; p1 is 1 if the changes before it stay, 2 if all of them roll back. */
  Fail(_, i) {
    const message = i.p4 as string;
    if (i.p1 === 0) throw new SqlError("CONSTRAINT", message);
    throw new ConflictError(i.p1 === 1 ? "fail" : "rollback", message);
  },
  /** Ends a trigger with the error of the message in p1, or leaves its row out; p4 says which. */
  Raise(m, i) {
    const action = i.p4 as ErrorAction | "ignore";
    if (action === "ignore") throw new IgnoredRow();
    const value = m.registers[i.p1]!;
    throw new ConflictError(action, value === null ? "" : textOf(value));
  },
  /**
   * Runs the trigger p4 with the values in p3 registers from p1 on; jumps to p2 if it leaves the
   * row out. A trigger that is running does not run again inside itself.
   */
  Trigger(m, i) {
    const { program, name } = i.p4 as CalledTrigger;
    const { triggers, counts } = m.store;
    if (triggers.has(name)) return;
    const { lastRowid } = counts;
    m.greatest = undefined;
    triggers.add(name);
    try {
      m.store.call(program(), m.registers.slice(i.p1, i.p1 + i.p3), m);
    } catch (error) {
      if (!(error instanceof IgnoredRow)) throw error;
      m.pc = i.p2;
    } finally {
      triggers.delete(name);
      counts.lastRowid = lastRowid;
    }
  },
  /** Refuses p1 unless it is of a type of STRICT tables; p4 has type and name. */
  CheckType(m, i) {
    const [type, name] = i.p4 as readonly [StrictType, string];
    const value: SqlValue = m.registers[i.p1]!;
    if (isOfType(value, type)) return;
    const found = classOf(value).toUpperCase();
    throw new SqlError("CONSTRAINT", `cannot store ${found} value in ${type} column ${name}`);
  },
  /** Runs the program p4 with the values in p2 registers from p1 on. */
  Call(m, i) {
    const program = (i.p4 as () => Program)();
    m.store.call(program, m.registers.slice(i.p1, i.p1 + i.p2), m);
  },
  /** Checks a foreign key, with the values in p2 registers from p1 on. */
  CheckForeign(m, i) {
    const { program, mustFind, mayWait, isDeferred, orphans } = i.p4 as ForeignCheck;
    const values = m.registers.slice(i.p1, i.p1 + i.p2);
    const holds = () => (m.store.call(program(), values) !== undefined) === mustFind;
    if (holds()) return;
    if (isDeferred || m.store.deferred.isForAll) return m.store.deferred.add(orphans, values);
    if (!mayWait) throw foreignError();
    (m.whole.late ??= []).push(() => {
      if (!holds()) throw foreignError();
    });
  },
} satisfies Record<string, Handler>;
