/**
 * EXPLAIN: the instructions of a program, or its plan, as rows.
 */

import { quoted } from "./function/text.ts";
import type { PragmaResult } from "./query/pragma_rows.ts";
import { textOf } from "./value/number_text.ts";
import { Real, type SqlValue } from "./value/value.ts";
import type { Program } from "./vm/machine.ts";

/** The instructions of a program, then the registers that it begins with. */
export function explained(program: Program): PragmaResult {
  const rows: SqlValue[][] = program.instructions.map(
    ({ opcode, p1, p2, p3, p4, note }, addr) => [addr, opcode, p1, p2, p3, shown(p4), note],
  );
  program.registers.forEach((value, register) => {
    if (value !== null) rows.push([null, "Constant", register, 0, 0, quoted(value), ""]);
  });
  for (const { number, register } of program.parameters) {
    rows.push([null, "Parameter", register, number, 0, "", `?${number}`]);
  }
  return { columns: ["addr", "opcode", "p1", "p2", "p3", "p4", "comment"], rows };
}

/** The plan of a program. */
export function planned(program: Program): PragmaResult {
  const rows = program.plan.map(({ depth, detail }, id) => [id, depth, detail]);
  return { columns: ["id", "depth", "detail"], rows };
}

/** The object of an instruction as a short text. */
function shown(p4: unknown): string {
  if (p4 === undefined || p4 === null) return "";
  if (typeof p4 === "string" || typeof p4 === "number") return textOf(p4);
  if (typeof p4 === "function") return "(program)";
  if (p4 instanceof Real || p4 instanceof Uint8Array) return quoted(p4);
  if (Array.isArray(p4)) return p4.map((part) => typeof part === "string" ? part : "").join(",");
  const { name, collation, left, table, tree } = p4 as Record<string, unknown>;
  if (typeof tree === "string") return tree;
  if (collation !== undefined) return [left, collation].filter(Boolean).join(" ");
  const named = (table as { name?: string } | undefined)?.name ?? name;
  return typeof named === "string" ? named : rangeOf(p4 as Record<string, unknown>);
}

function rangeOf(range: Record<string, unknown>): string {
  const { equal, lower, upper, isReverse, distinct, skip } = range;
  if (!Array.isArray(equal)) return "";
  const bound = (given: unknown) =>
    given === undefined ? "" : `r${(given as { register: number }).register}`;
  const parts = [
    equal.length > 0 ? `= ${equal.map((register) => `r${register}`).join(",")}` : "",
    lower === undefined ? "" : `> ${bound(lower)}`,
    upper === undefined ? "" : `< ${bound(upper)}`,
    isReverse === true ? "reverse" : "",
    distinct === undefined || distinct === 0 ? "" : `distinct ${distinct}`,
    skip === undefined ? "" : `skip r${skip}`,
  ];
  return parts.filter((part) => part !== "").join(" ");
}
