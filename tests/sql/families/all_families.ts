/**
 * All families by name.
 */

import { changeFamily } from "./change_family.ts";
import type { MakeFamily } from "./family.ts";
import { foreignFamily } from "./foreign_family.ts";
import { indexFamily, orderedFamily } from "./index_family.ts";
import { compoundFamily, manyTablesFamily } from "./join_family.ts";
import { languageFamily } from "./language_family.ts";
import { randomFamily } from "./random_family.ts";
import { searchFamily } from "./search_family.ts";
import { selectFamily } from "./select_family.ts";
import { sideFamily } from "./side_family.ts";
import { triggerFamily } from "./trigger_family.ts";
import { windowFamily } from "./window_family.ts";

/** The families. */
export const FAMILIES: Readonly<Record<string, MakeFamily>> = {
  "select1": selectFamily(false),
  "select2 and select3": selectFamily(true),
  "select4": compoundFamily,
  "select5": manyTablesFamily,
  "random/expr": randomFamily("expr"),
  "random/aggregates": randomFamily("aggregates"),
  "random/groupby": randomFamily("groupby"),
  "random/select": randomFamily("select"),
  "index": indexFamily,
  "orders of indexes": orderedFamily,
  "searches": searchFamily,
  "changes": changeFamily,
  "foreign keys": foreignFamily,
  "triggers": triggerFamily,
  "windows": windowFamily,
  "right and full joins": sideFamily,
  "language": languageFamily,
};
