/**
 * The version of Kysely that the dialect is for, in one place. What takes a dialect sees interfaces
 * alone, so that other versions with the same ones may use it too.
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
