/**
 * The version of Kysely that the dialect is for, in one place. A dialect consists of interfaces
 * only, so other versions of Kysely that have the same interfaces can use it too.
 */

export { SqliteAdapter, SqliteQueryCompiler } from "npm:kysely@0.29.9";
export type {
  ColumnMetadata,
  CompiledQuery,
  DatabaseConnection,
  DatabaseIntrospector,
  DatabaseMetadataOptions,
  Dialect,
  Driver,
  QueryResult,
  SchemaMetadata,
  TableMetadata,
  TransactionSettings,
} from "npm:kysely@0.29.9";
