/**
 * The commands that describe a file: `info`, `trees` and `stats`.
 *
 * All figures except the entries of `trees` come from page headers: 1/256 of the file is read.
 */

import type { Census } from "../../inspect.ts";
import type { Database, DatabaseStats, SharingState } from "../../mod.ts";
import { format } from "../../pager/mod.ts";
import { codecsOfTree } from "../form/codecs.ts";
import { HEADER_PAGES, PARTS } from "../inspect/kinds.ts";
import type { Inspection } from "../inspect/mod.ts";
import { alignPairs, alignTable, count, oneLine, percent, sizeAndBytes } from "../io/text.ts";
import { type CommandSpec, type Context, openTree, textOf } from "../spec/command_spec.ts";
import { completionWords, SHELLS } from "../spec/completion.ts";

/** The figures of one part of a file. */
interface PartFigures {
  readonly name: string;
  readonly pages: number;
  readonly bytes: number;
  readonly usedBytes: number;
  readonly entries: number;
}

/** Summarizes a file. */
export const info: CommandSpec = {
  name: "info",
  summary: "summarize a file: its size, version, trees and pages by kind",
  file: "read",
  args: [],
  options: [],
  examples: [["info cities.quire", "a summary, and a table of pages by kind"]],
  inShell: true,
  run({ db, inspect, path, out, json, isFollowed }) {
    const { version, fileBytes, pageCount, recovery, sharing } = db.stats();
    const census = db.census();
    const trees = db.trees().length;
    const parts = partsOf(census);
    if (json) {
      const pages = { pageBytes: format.PAGE_BYTES, pageCount, chunks: census.chunks };
      const closed = recovery === undefined && !isFollowed;
      return out.json({ path, fileBytes, ...pages, version, trees, closed, sharing, parts });
    }
    out.lines(alignPairs([
      ["file", oneLine(path)],
      ["size", sizeAndBytes(fileBytes)],
      [
        "pages",
        `${count(pageCount)} of ${format.PAGE_BYTES} bytes, in ${count(census.chunks)} ` +
        (census.chunks === 1 ? "chunk" : "chunks"),
      ],
      ["version", `${version}, the last commit`],
      ["trees", count(trees)],
      ["closed", isFollowed ? `no: ${openIn(sharing)}` : closedAs(db)],
      ["superblocks", superblocksOf(inspect())],
    ]));
    out.line();
    out.lines(partTable(parts, census));
    if (sharing === undefined) return;
    out.line();
    out.lines(sharerTable(sharing));
  },
};

/** The processes that share a file. */
function sharerTable({ participants }: SharingState): string[] {
  const rows = participants.map(({ process, version, waits }) => {
    return [String(process), count(version), waits ? "waits to write" : ""];
  });
  return alignTable([["shared by process", "keeps version", ""], ...rows]);
}

/** Lists the trees. */
export const trees: CommandSpec = {
  name: "trees",
  summary: "list the trees, with their codecs and how many entries they have",
  file: "read",
  args: [],
  options: [
    { flags: "--names", what: "only the names, one a line" },
    {
      flags: "--words <shell>",
      what: "only the names, quoted as words of a shell, for its completion",
      choices: SHELLS,
    },
    { flags: "--begin <text>", what: "with --words: names that begin with this" },
  ],
  examples: [
    ["trees cities.quire", "a table"],
    ["trees cities.quire --names", "for a script"],
  ],
  inShell: true,
  run(context, _args, options) {
    const { db, out, json } = context;
    const names = db.trees();
    const shell = textOf(options["words"]);
    if (shell !== undefined) {
      return out.lines(completionWords(shell, names, textOf(options["begin"]) ?? ""));
    }
    if (options["names"] === true) return out.lines(names.map(oneLine));
    const found = names.map((name) => {
      const { key, value } = db.codecsOf(name)!;
      return { name, key, value, entries: entriesOf(context, name) };
    });
    if (json) return found.forEach((tree) => out.json(tree));
    if (found.length === 0) return out.line("There are no trees.");
    const rows = found.map(({ name, key, value, entries }) => {
      return [oneLine(name), codecName(key), codecName(value), count(entries)];
    });
    out.lines(alignTable([["tree", "keys", "values", "entries"], ...rows]));
  },
};

/** Shows the figures of the database, or of a tree. */
export const stats: CommandSpec = {
  name: "stats",
  summary: "show the figures of a tree, or of the whole file",
  details: "In the shell, the figures of the file include what the session has read, written and " +
    "cached.",
  file: "read",
  args: [{ name: "tree", what: "which tree; default the whole file", optional: true }],
  options: [],
  examples: [
    ["stats cities.quire cities", "levels, pages and fill of a tree"],
    ["stats cities.quire --json", "the figures of the file, for a script"],
  ],
  inShell: true,
  run(context, [given]) {
    if (given === undefined) return printFileStats(context);
    printTreeStats(context, given);
  },
};

function printTreeStats({ db, out, json }: Context, name: string): void {
  const figures = openTree(db, name, codecsOfTree(db, name, {})).stats();
  if (json) return out.json({ name, ...figures });
  const { entries, levels, leafPages, branchPages, sharedPages, runPages, usedBytes } = figures;
  const pages = leafPages + branchPages + sharedPages + runPages;
  out.lines(alignPairs([
    ["tree", oneLine(name)],
    ["entries", count(entries)],
    ["levels", count(levels)],
    ["leaf pages", count(leafPages)],
    ["branch pages", count(branchPages)],
    ["shared pages", count(sharedPages)],
    ["run pages", count(runPages)],
    ["used", sizeAndBytes(usedBytes)],
    ["fill", percent(usedBytes, pages * format.PAGE_BYTES)],
  ]));
}

function printFileStats({ db, out, json, inShell }: Context): void {
  const figures = inShell ? db.stats() : figuresAtOpening(db);
  if (json) return out.json(figures);
  const pairs = Object.entries(figures).map(([name, value]): [string, string] => {
    return [name, typeof value === "number" ? count(value) : JSON.stringify(value) ?? "none"];
  });
  out.lines(alignPairs(pairs));
}

/** The figures of a file opened by this command: counters of work and of snapshots would be 0. */
function figuresAtOpening(db: Database): Partial<DatabaseStats> {
  const { version, recovery, pageCount, fileBytes, cacheLimitBytes } = db.stats();
  return { version, recovery, pageCount, fileBytes, cacheLimitBytes };
}

function partsOf(census: Census): PartFigures[] {
  return PARTS.map(({ name, kinds }, part) => {
    const sum = (ofKind: readonly number[]) => kinds.reduce((all, kind) => all + ofKind[kind]!, 0);
    const pages = part === HEADER_PAGES ? census.chunks : sum(census.pagesOfKind);
    const [usedBytes, entries] = [sum(census.usedBytesOfKind), sum(census.entriesOfKind)];
    return { name, pages, bytes: pages * format.PAGE_BYTES, usedBytes, entries };
  });
}

function partTable(parts: readonly PartFigures[], census: Census): string[] {
  const rows = parts.map(({ name, pages, bytes, usedBytes, entries }, part) => [
    name,
    count(pages),
    count(bytes),
    PARTS[part]!.hasFill ? percent(usedBytes, bytes) : "-",
    PARTS[part]!.hasEntries ? count(entries) : "-",
  ]);
  const total = ["total", count(census.pages), count(census.pages * format.PAGE_BYTES), "-", "-"];
  return alignTable([["kind", "pages", "bytes", "fill", "entries"], ...rows, total]);
}

function openIn(sharing: SharingState | undefined): string {
  const sharers = sharing?.participants.length ?? 0;
  if (sharers === 0) return "another process has it open";
  return sharers === 1 ? "a process shares it" : `${count(sharers)} processes share it`;
}

function closedAs(db: Database): string {
  const { recovery } = db.stats();
  if (recovery === undefined) return "clean";
  return `no: ${count(recovery.records)} records of the journal are recovered when it is opened`;
}

function entriesOf({ db, read }: Context, name: string): number {
  return read(name, codecsOfTree(db, name, {})).count();
}

/** The state of both copies of the superblock. */
function superblocksOf(inspection: Inspection): string {
  const damaged = inspection.file().superblocks.filter(({ damage }) => damage !== undefined);
  if (damaged.length === 0) return "both are whole";
  return damaged.map(({ page, damage }) => `page ${page}: ${oneLine(damage!)}`).join(", ");
}

function codecName(name: string): string {
  return name === "" ? "(none)" : oneLine(name);
}
