/**
 * The pragmas that describe a schema. Others are refused by name.
 */

import type { Pragma } from "../parse/statement_ast.ts";
import { describedBy, type PragmaResult } from "../query/pragma_rows.ts";
import { refuse, unsupported } from "../value/error.ts";
import type { Engine } from "./engine.ts";

/** Runs a pragma. */
export function runPragma({ catalog }: Engine, { name, argument, at }: Pragma): PragmaResult {
  if (name === "foreign_keys") {
    if (argument !== undefined && !/^(1|on|true|yes)$/i.test(argument)) {
      refuse("foreign keys are always enforced", at);
    }
    return argument === undefined
      ? { columns: ["foreign_keys"], rows: [[1]] }
      : { columns: [], rows: [] };
  }
  return describedBy(catalog, name, argument) ?? unsupported(`PRAGMA ${name} is`, at);
}
