/**
 * The commands for copies: `backup` and `restore`. Neither changes a file that exists.
 */

import { CorruptionError, type Progress, restore as restoreArchive } from "../../mod.ts";
import { restoreChain } from "../../store/mod.ts";
import { storeAt } from "../io/archive_place.ts";
import { EXIT, Refusal, withPath } from "../io/exit.ts";
import { Interruption } from "../io/interruption.ts";
import { ProgressBar } from "../io/progress.ts";
import { count, countOf, oneLine } from "../io/text.ts";
import { type CommandSpec, textOf, wholeNumber } from "../spec/command_spec.ts";

/** The start of failures that concern the new file. */
const WRITES = /^Cannot (write|sync|make|remove|truncate)\b/;

/** Copies a database. */
export const backup: CommandSpec = {
  name: "backup",
  summary: "copy a database, or what changed in it since a version, to a new file",
  details: "Every page is checked while it is copied. A file that was not closed is recovered in " +
    "memory, and its copy is closed. With --since the new file is an increment, which 'restore' " +
    "applies to a copy of that version. The new file takes its name when it is complete.",
  file: "copy",
  args: [{ name: "to", what: "the path of the copy, which must not exist" }],
  options: [{
    flags: "--since <version>",
    what: "copy only the pages that changed after this version",
  }, {
    flags: "--compact",
    what: "build the copy anew: full pages in key order, and no free page",
  }],
  examples: [
    ["backup cities.quire monday.quire", "a copy, and the version that it shows"],
    ["backup cities.quire tuesday.increment --since 7", "what changed after version 7"],
    ["backup cities.quire small.quire --compact", "the smallest file with the same entries"],
  ],
  inShell: false,
  async run(context, [to], options) {
    const { db, out } = context;
    const given = textOf(options["since"]);
    const since = given === undefined ? undefined : wholeNumber("--since", given);
    using interruption = new Interruption();
    const { signal } = interruption;
    const bar = new ProgressBar({ label: "copying", unit: "pages", total: db.stats().pageCount });
    const onProgress = ({ done }: Progress) => bar.draw(done);
    const compact = options["compact"] === true;
    const result = await db.backup(to!, { since, compact, signal, onProgress })
      .catch((error) => {
        throw withPath(WRITES.test(String(error.message)) ? to! : context.path, error);
      })
      .finally(() => bar.stop());
    if (context.json) return out.json(result);
    const { version, pages, bytesRead, bytesWritten } = result;
    out.line(
      `Copied version ${version} to ${oneLine(to!)}: ${countOf(pages, "page")}, ` +
        `${count(bytesRead)} bytes read, ${count(bytesWritten)} written.`,
    );
  },
};

/** Builds a database from copies, or from an archive. */
export const restore: CommandSpec = {
  name: "restore",
  summary: "build a new database from a backup and increments, or from an archive",
  details:
    "Each increment must begin at the version where the one before it ends. An archive has " +
    "the state of each commit, by version and by time. Everything is checked. The new database " +
    "takes its name when it is complete.",
  file: "new",
  fileWhat: "the path of the new database, which must not exist",
  args: [
    { name: "base", what: "a copy made by 'backup' without --since", optional: true },
    { name: "increments", what: "increments, in order", optional: true, variadic: true },
  ],
  options: [
    { flags: "--from <store>", what: "restore from this archive, as 'archive' names it" },
    {
      flags: "--at <point>",
      what: "the state of a version, or at a time such as 2026-11-29T12:00Z; default the last",
    },
  ],
  examples: [
    ["restore new.quire monday.quire tuesday.increment", "the state of tuesday"],
    ["restore new.quire --from backups/cities --at 2026-11-29T12:00Z", "the state at noon"],
  ],
  inShell: false,
  async run({ path, out, json, lockTimeoutMs }, [base, ...increments], options) {
    using interruption = new Interruption();
    const { signal } = interruption;
    const from = textOf(options["from"]);
    const at = textOf(options["at"]);
    if ((from === undefined) === (base === undefined)) {
      throw new Refusal("Cannot restore: name either a BASE, or an archive with --from");
    }
    if (from === undefined && at !== undefined) {
      throw new Refusal("Cannot restore: --at needs an archive; name one with --from");
    }
    const result =
      await (from === undefined
        ? restoreChain(path, [base!, ...increments], { signal, lockTimeoutMs })
        : restoreArchive(path, { from: storeAt(from), at: pointOf(at), signal }))
        .catch((error) => {
          throw withRemedy(withPath(path, error), increments, from);
        });
    if (json) return out.json(result);
    out.line(
      `Restored version ${result.version} to ${oneLine(path)}: ` +
        `${countOf(result.pages, "page")} written.`,
    );
  },
};

/** The version or the time of `--at`. */
function pointOf(text: string | undefined): number | Date | undefined {
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text)) return wholeNumber("--at", text);
  const time = new Date(text);
  if (/^\d{4}-\d\d-\d\d/.test(text) && !Number.isNaN(time.getTime())) return time;
  throw new Refusal(`Cannot use --at ${text}: it is neither a version nor a time in ISO 8601`);
}

/** Adds the remedy for a damaged increment or archive: other commands cannot read one. */
function withRemedy(
  error: unknown,
  increments: readonly string[],
  archive: string | undefined,
): unknown {
  if (!(error instanceof CorruptionError)) return error;
  if (archive === undefined && !increments.includes(error.path ?? "")) return error;
  const remedy = archive === undefined
    ? "name an undamaged copy of it, or leave it and those after it out"
    : "name an undamaged copy of the archive, or an earlier state with --at";
  return new Refusal(`${error.message}; ${remedy}`, EXIT.damaged);
}
