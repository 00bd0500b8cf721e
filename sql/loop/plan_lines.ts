/**
 * The lines of EXPLAIN QUERY PLAN for a loop.
 */

import type { Builder } from "../expression/builder.ts";
import type { Source } from "../expression/scope.ts";
import type { KeyAccess } from "../plan/key_access.ts";
import type { Planned } from "../plan/order.ts";
import type { Index } from "../schema/types.ts";

/**
 * Adds a loop to the plan.
 *
 * @param scanned The index that a scan reads instead of the table.
 */
export function describeLoop(
  builder: Builder,
  { loop: { source, isLeft }, access }: Planned,
  scanned: Index | undefined,
): void {
  const table = nameOf(source);
  const left = isLeft ? " LEFT-JOIN" : "";
  const search = (key: KeyAccess) => `SEARCH ${table} USING ${describeKey(key, source)}${left}`;
  switch (access.kind) {
    case "hash":
      return builder.planLine(`HASH ${table}${left}`);
    case "scan": {
      const using = scanned === undefined ? "" : ` USING INDEX ${scanned.name}`;
      return builder.planLine(`SCAN ${table}${using}${left}`);
    }
    case "key":
      return builder.planLine(search(access));
    case "union":
      builder.planLine(`MULTI-INDEX OR ${table}${left}`);
      builder.planDepth++;
      for (const key of access.ranges) builder.planLine(search(key));
      builder.planDepth--;
  }
}

function nameOf({ name, place }: Source): string {
  const isAlias = place.kind === "table" && place.table.name !== name;
  return isAlias ? `${place.table.name} AS ${name}` : name || "(subquery)";
}

function describeKey(
  { index, isRowid, equal, lower, upper, prefix }: KeyAccess,
  { place }: Source,
): string {
  const table = place.kind === "table" ? place.table : undefined;
  const names = index?.parts.map(({ column }) => table?.columns[column]?.name ?? "<expr>") ??
    (isRowid ? ["rowid"] : table?.primaryKey.map((column) => table.columns[column]!.name) ?? []);
  const bounds = equal.map((_, i) => `${names[i]}=?`);
  const next = names[equal.length];
  if ((lower ?? prefix) !== undefined) bounds.push(`${next}>?`);
  if ((upper ?? prefix) !== undefined) bounds.push(`${next}<?`);
  const key = index === undefined ? "PRIMARY KEY" : `INDEX ${index.name}`;
  return `${key} (${bounds.join(" AND ")})`;
}
