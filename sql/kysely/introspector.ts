/**
 * The introspector: tables and views with their columns, from the pragmas that describe them.
 */

import { quotedName } from "../schema/types.ts";
import type { Sql } from "../sql.ts";
import type {
  ColumnMetadata,
  DatabaseIntrospector,
  DatabaseMetadataOptions,
  SchemaMetadata,
  TableMetadata,
} from "./kysely.ts";

/** The tables in which Kysely keeps what has been migrated. */
const INTERNAL = ["kysely_migration", "kysely_migration_lock"];

/** A row of PRAGMA table_info. */
interface ColumnRow {
  readonly name: string;
  readonly type: string;
  readonly notnull: number;
  readonly dflt_value: string | null;
  readonly pk: number;
}

/** Describes the tables of a database. */
export class QuireIntrospector implements DatabaseIntrospector {
  readonly #query: Sql;

  /** Creates an introspector. */
  constructor(query: Sql) {
    this.#query = query;
  }

  /** There are no schemas. */
  async getSchemas(): Promise<SchemaMetadata[]> {
    return await Promise.resolve([]);
  }

  /** The tables and views, by name. */
  async getTables(
    options: DatabaseMetadataOptions = { withInternalKyselyTables: false },
  ): Promise<TableMetadata[]> {
    const objects = this.#query.schema().filter(({ type, name }) =>
      (type === "table" || type === "view") &&
      (options.withInternalKyselyTables || !INTERNAL.includes(name))
    );
    const tables = objects.map(({ type, name }) => ({
      name,
      isView: type === "view",
      isForeign: false,
      columns: type === "view" ? this.#viewColumns(name) : this.#tableColumns(name),
    }));
    const sorted = tables.sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
    return await Promise.resolve(sorted);
  }

  #tableColumns(table: string): ColumnMetadata[] {
    const rows = this.#query.all<ColumnRow>(`PRAGMA table_info(${quotedName(table)})`);
    const keys = rows.filter(({ pk }) => pk > 0);
    return rows.map(({ name, type, notnull, dflt_value, pk }) => ({
      name,
      dataType: type,
      isNullable: notnull === 0,
      isAutoIncrementing: pk > 0 && keys.length === 1 && type.toLowerCase() === "integer",
      hasDefaultValue: dflt_value !== null,
    }));
  }

  #viewColumns(view: string): ColumnMetadata[] {
    return this.#query.prepare(`SELECT * FROM ${quotedName(view)}`).columns().map((
      { name, type },
    ) => ({
      name,
      dataType: type ?? "",
      isNullable: true,
      isAutoIncrementing: false,
      hasDefaultValue: false,
    }));
  }
}
