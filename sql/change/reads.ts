/**
 * Whether a query may read the table to which its rows are added. If so, they are kept until the
 * query has ended.
 */

import type { Query } from "../parse/ast.ts";
import { parseOne } from "../parse/statement_parser.ts";
import { tablesIn } from "../parse/walk.ts";
import type { Catalog } from "../schema/catalog.ts";
import { keyOfName, type Table } from "../schema/types.ts";

/** Names of tables that read other trees too: the sequences, and the functions of pragmas. */
const READS_OTHERS = /^(sqlite_|pragma_)/;

/** Whether a query may read a table, itself or through its views. */
export function mayRead(catalog: Catalog, query: Query, table: Table): boolean {
  const own = keyOfName(table.name);
  const seen = new Set<string>();
  const queries = [query];
  for (let next = queries.pop(); next !== undefined; next = queries.pop()) {
    for (const name of tablesIn(next)) {
      if (name === own || READS_OTHERS.test(name)) return true;
      if (seen.has(name)) continue;
      seen.add(name);
      const view = catalog.view(name);
      const statement = view && parseOne(view.sql);
      if (statement?.kind === "create view") queries.push(statement.query);
    }
  }
  return false;
}
