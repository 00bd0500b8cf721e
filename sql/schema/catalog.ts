/**
 * The catalog: the objects of the schema in memory, as the tree of the schema has them, and the
 * temporary ones, which exist only here. Changes write the tree first, and another number of the
 * schema. `reload` reads it again, after a transaction that changed it has rolled back, or another
 * process has changed it.
 */

import type { Snapshot, Transaction } from "../../mod.ts";
import type { TriggerEvent } from "../parse/statement_ast.ts";
import { parseOne } from "../parse/statement_parser.ts";
import { PlacedError, SqlError } from "../value/error.ts";
import { buildIndex, buildTable } from "./build.ts";
import type { SqlTrees, StoredObject, StoredStatistics } from "./trees.ts";
import { type Index, keyOfName, type Table, type Trigger, type View } from "./types.ts";

/** An object with its number in the tree. */
interface Entry {
  readonly id: number;
  readonly stored: StoredObject;
}

/** The tables and indexes of a schema. */
export type KnownObjects = Pick<Catalog, "table" | "index" | "tables" | "temporary">;

/** The schema of a database. */
export class Catalog {
  readonly #trees: SqlTrees;
  #entries: Entry[] = [];
  /** The temporary objects, in the order of creation. */
  #temporary: readonly StoredObject[] = [];
  #tables = new Map<string, Table>();
  #views = new Map<string, View>();
  #indexes = new Map<string, { index: Index; table: Table }>();
  #triggers: Trigger[] = [];
  #statistics = new Map<string, StoredStatistics>();
  /** The number of the schema in memory; NaN if that may be none that the database has had. */
  #number = NaN;
  /** Increases whenever prepared statements must be compiled again. */
  generation = 0;

  /** Creates a catalog, which has to be loaded. */
  constructor(trees: SqlTrees) {
    this.#trees = trees;
  }

  /** Whether it is the schema of the database, or of a snapshot. */
  isStored(snapshot?: Snapshot): boolean {
    return this.#trees.schemaNumber(snapshot) === this.#number;
  }

  /** The temporary objects, in the order of creation. */
  get temporary(): readonly StoredObject[] {
    return this.#temporary;
  }

  /** Forgets what a transaction changed that has rolled back; the temporary objects are given. */
  forget(temporary: readonly StoredObject[]): void {
    this.#number = NaN;
    this.#temporary = temporary;
  }

  /**
   * Reads the schema again.
   *
   * @throws {SqlError} An entry of the tree is malformed, or has the name of a temporary object.
   */
  reload(): void {
    this.#number = NaN;
    const number = this.#trees.schemaNumber();
    this.#entries = this.#trees.schema.entries().map(([[id], stored]) => entryOf(id, stored))
      .toArray();
    this.#statistics = new Map(this.#trees.statistics.entries());
    this.#refuseClashes();
    this.#build();
    this.#number = number;
  }

  /** Refuses an object of another process that has the name of a temporary one. */
  #refuseClashes(): void {
    for (const { name, type } of this.#temporary) {
      const clash = this.#entries.find(({ stored }) =>
        keyOfName(stored.name) === keyOfName(name) &&
        (stored.type === "trigger") === (type === "trigger")
      );
      if (clash === undefined) continue;
      throw new SqlError(
        "CONFLICT",
        `another process has created the ${clash.stored.type} ${clash.stored.name}, and a ` +
          "temporary object has that name; drop it there, or open the database again",
      );
    }
  }

  /** Notes in a transaction that the schema has changed. */
  #changed(tx: Transaction): void {
    this.#number = this.#trees.renumberSchema(tx);
  }

  #build(): void {
    this.generation++;
    this.#tables = new Map();
    this.#views = new Map();
    this.#indexes = new Map();
    this.#triggers = [];
    const all = [...this.#entries.map(({ stored }) => stored), ...this.#temporary];
    for (const stored of all.sort((a, b) => rank(a) - rank(b))) {
      try {
        this.#add(stored);
      } catch (error) {
        if (!(error instanceof PlacedError) && !(error instanceof SqlError)) throw error;
        throw new SqlError("SYNTAX", `malformed schema (${stored.name}): ${error.message}`);
      }
    }
  }

  #add({ type, name, table, sql }: StoredObject): void {
    const statement = parseOne(sql);
    if (type === "table" && statement.kind === "create table") {
      return this.#setTable(buildTable(statement, sql));
    }
    if (type === "view" && statement.kind === "create view") {
      const { columns } = statement;
      this.#views.set(keyOfName(name), { kind: "view", name, columns, sql });
      return;
    }
    if (type === "trigger" && statement.kind === "create trigger") {
      const { time, event, columns } = statement;
      this.#triggers.push({ kind: "trigger", name, table, time, event, columns, sql });
      return;
    }
    const parent = this.#tables.get(keyOfName(table));
    if (type !== "index" || statement.kind !== "create index" || parent === undefined) {
      throw new SqlError("SYNTAX", `its statement creates no ${type}`);
    }
    const indexes = [...parent.indexes, buildIndex(statement, parent)];
    this.#setTable({ ...parent, indexes });
  }

  #setTable(table: Table): void {
    this.#tables.set(keyOfName(table.name), table);
    for (const index of table.indexes) this.#indexes.set(keyOfName(index.name), { index, table });
  }

  /** The tables and indexes as they are now, whatever changes later. */
  asItIs(): KnownObjects {
    const [tables, indexes, temporary] = [this.#tables, this.#indexes, this.#temporary];
    return {
      temporary,
      table: (name) => tables.get(keyOfName(name)),
      index: (name) => indexes.get(keyOfName(name)),
      tables: () => [...tables.values()],
    };
  }

  /** The table of a name, or undefined. */
  table(name: string): Table | undefined {
    return this.#tables.get(keyOfName(name));
  }

  /** The view of a name, or undefined. */
  view(name: string): View | undefined {
    return this.#views.get(keyOfName(name));
  }

  /** The index of a name with its table, or undefined. */
  index(name: string): { index: Index; table: Table } | undefined {
    return this.#indexes.get(keyOfName(name));
  }

  /** The trigger of a name, or undefined. */
  trigger(name: string): Trigger | undefined {
    return this.#triggers.find((trigger) => keyOfName(trigger.name) === keyOfName(name));
  }

  /** The triggers of a table or view for an event, the newest first, as SQLite runs them. */
  triggersOf(table: string, event: TriggerEvent): Trigger[] {
    if (this.#triggers.length === 0) return [];
    return this.#triggers.filter((trigger) =>
      trigger.event === event && keyOfName(trigger.table) === keyOfName(table)
    ).reverse();
  }

  /** All tables, in the order of creation. */
  tables(): Table[] {
    return [...this.#tables.values()];
  }

  /** The objects as the schema stores them, in the order of creation. */
  stored(): StoredObject[] {
    return this.#entries.map(({ stored }) => stored);
  }

  /** What ANALYZE found about a tree, or undefined. */
  statistics(tree: string): StoredStatistics | undefined {
    return this.#statistics.get(tree);
  }

  /** The foreign keys that refer to a table, with the tables that have them. */
  childrenOf(parent: Table): { child: Table; key: Table["foreignKeys"][number] }[] {
    const name = keyOfName(parent.name);
    return this.tables().flatMap((child) =>
      child.foreignKeys
        .filter((key) => keyOfName(key.parent) === name)
        .map((key) => ({ child, key }))
    );
  }

  /** Adds an object to the schema, or to the temporary ones. */
  create(tx: Transaction, stored: StoredObject, isTemporary = false): void {
    if (isTemporary) {
      this.#temporary = [...this.#temporary, stored];
      return this.#build();
    }
    const id = (this.#entries.at(-1)?.id ?? 0) + 1;
    tx.tree(this.#trees.schema).set([id], stored);
    this.#changed(tx);
    this.#entries.push({ id, stored });
    this.#build();
  }

  /** Removes the objects for which a condition holds. */
  remove(tx: Transaction, isGone: (stored: StoredObject) => boolean): void {
    const tree = tx.tree(this.#trees.schema);
    const gone = this.#entries.filter(({ stored }) => isGone(stored));
    for (const { id } of gone) tree.delete([id]);
    if (gone.length > 0) this.#changed(tx);
    this.#entries = this.#entries.filter(({ stored }) => !isGone(stored));
    this.#temporary = this.#temporary.filter((stored) => !isGone(stored));
    this.#build();
  }

  /** Replaces objects; `change` returns the object itself if it stays. */
  replace(tx: Transaction, change: (stored: StoredObject) => StoredObject): void {
    const tree = tx.tree(this.#trees.schema);
    let isChanged = false;
    this.#entries = this.#entries.map(({ id, stored }) => {
      const next = change(stored);
      if (next === stored) return { id, stored };
      isChanged = true;
      tree.set([id], next);
      return { id, stored: next };
    });
    if (isChanged) this.#changed(tx);
    this.#temporary = this.#temporary.map(change);
    this.#build();
  }

  /** Stores what ANALYZE found about a tree. */
  setStatistics(tx: Transaction, tree: string, found: StoredStatistics): void {
    tx.tree(this.#trees.statistics).set(tree, found);
    this.#changed(tx);
    this.#statistics.set(tree, found);
    this.generation++;
  }
}

const FIELDS = ["type", "name", "table", "sql"] as const;

/** An entry of the tree, which others may have written. */
function entryOf(id: unknown, stored: StoredObject | null): Entry {
  const isObject = FIELDS.every((field) => typeof stored?.[field] === "string");
  if (Number.isSafeInteger(id) && isObject) return { id: id as number, stored: stored! };
  throw new SqlError("SYNTAX", `malformed schema: the entry of key ${id} is not an object`);
}

function rank({ type }: StoredObject): number {
  return type === "index" ? 1 : type === "trigger" ? 2 : 0;
}
