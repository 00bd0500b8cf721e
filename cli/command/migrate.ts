/**
 * `migrate`: copies the entries of Deno KV from one database to another, and compares both.
 */

import { migrateKv, type Migration } from "../../kv/mod.ts";
import { EXIT, type ExitCode } from "../io/exit.ts";
import { note } from "../io/output.ts";
import { ProgressBar } from "../io/progress.ts";
import { countOf, oneLine } from "../io/text.ts";
import { type CommandSpec, textOf } from "../spec/command_spec.ts";

const FLAG = "--unstable-kv";

/** Copies entries of Deno KV. */
export const migrate: CommandSpec = {
  name: "migrate",
  summary: "copy entries of Deno KV between Quire files, its files and servers",
  details: "FILE and TO are paths of Quire files or of files of Deno KV, or URLs of servers. All " +
    `but Quire files need Deno KV: deno run ${FLAG}; servers need a token in ` +
    "DENO_KV_ACCESS_TOKEN. FILE is only read. At the end both are compared, entry by entry. It " +
    "may be interrupted at any moment, and continued with --resume.",
  file: "path",
  fileWhat: "the source: a path, or the URL of a server",
  args: [{ name: "to", what: "the target, without entries: a path, or the URL of a server" }],
  options: [
    { flags: "--resume", what: "continue a migration that was interrupted" },
    {
      flags: "--create <kind>",
      what: "the format of a TO that does not exist; default quire",
      choices: ["quire", "deno"],
    },
  ],
  examples: [
    ["migrate app.sqlite app.quire", "from Deno KV's own file to a Quire file"],
    ["migrate app.quire https://example.com/database", "from a Quire file to a server"],
  ],
  inShell: false,
  async run({ path, json, out, lockTimeoutMs }, [to], options) {
    const bar = new ProgressBar({ label: "copying", unit: "entries", total: undefined });
    const result = await migrateKv(path, to!, {
      resume: options["resume"] === true,
      create: textOf(options["create"]) === "deno" ? "deno" : "quire",
      lockTimeoutMs,
      onProgress: (entries) => bar.draw(entries),
    }).finally(() => bar.stop());
    if (json) out.json(result);
    else report(result, path, to!);
    return verdictOf(result);
  },
};

function report(result: Migration, from: string, to: string): void {
  const { added, found, messagesLeft, comparison: { source, target } } = result;
  const before = found === 0 ? "" : `, behind ${countOf(found, "entry")} of an earlier run`;
  note(`copied ${countOf(added, "entry")}${before}`);
  note(`${oneLine(from)}: ${countOf(source.entries, "entry")}, sha256 ${source.sha256}`);
  note(`${oneLine(to)}: ${countOf(target.entries, "entry")}, sha256 ${target.sha256}`);
  if (messagesLeft > 0) note(`not copied: ${countOf(messagesLeft, "message")} of the queue`);
}

function verdictOf({ difference }: Migration): ExitCode {
  if (difference === undefined) return EXIT.done;
  note(oneLine(`The two differ: ${difference}; was the source changed meanwhile?`));
  return EXIT.no;
}
