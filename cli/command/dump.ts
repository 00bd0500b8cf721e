/**
 * `dump`: the entries of a tree as newline-delimited JSON or CSV, to standard output or a new file.
 * Memory is bounded by one entry.
 */

import {
  type CodecNames,
  type CodecPair,
  codecsOfTree,
  dumpedName,
  rawCodec,
} from "../form/codecs.ts";
import { csvHeader, csvLine, csvLineForSpreadsheets } from "../form/csv.ts";
import { fileHeaderLine, treeHeaderLine } from "../form/dump_header.ts";
import { linesOfEntry } from "../form/entry_line.ts";
import { Refusal } from "../io/exit.ts";
import { namedFile } from "../io/named_file.ts";
import { writeDevice, writeNewFile } from "../io/new_file.ts";
import { note, type Output } from "../io/output.ts";
import { ProgressBar } from "../io/progress.ts";
import { countOf, oneLine, pace } from "../io/text.ts";
import {
  type CommandSpec,
  type Context,
  type OptionValues,
  textOf,
  treeName,
} from "../spec/command_spec.ts";
import {
  CODEC_OPTIONS,
  hasKeyRange,
  keptRange,
  RANGE_OPTIONS,
  rangeOf,
} from "../spec/range_options.ts";

/** The formats of a dump. */
export const FORMATS: readonly string[] = ["ndjson", "csv"];
const STDOUT = "-";
/** Options that require a single tree. */
const OF_ONE_TREE = [
  "values",
  "fields",
  "reverse",
  "limit",
  "codec",
  "keyCodec",
  "valueCodec",
  "escapeFormulas",
];

/** Formats an entry as a line, without its terminator. */
type LineOf = (key: unknown, value: unknown) => string;

/** The entries of a tree, and their format. */
interface Table {
  /** The number of entries. */
  readonly total: number;
  /** The first line, if any. */
  readonly header: string | undefined;
  readonly entries: Iterable<[unknown, unknown]>;
  /** Formats an entry as lines, without their terminators. */
  readonly linesOf: (key: unknown, value: unknown) => Iterable<string>;
  /** The line terminator. */
  readonly end: string;
}

/** Writes the entries of a tree. */
export const dump: CommandSpec = {
  name: "dump",
  summary: "write the entries of a tree, or of all, as newline-delimited JSON or CSV",
  details: "load restores it exactly, with the codecs: JSON has them in its first line, CSV in " +
    'the names of the columns key and value. A line is {"key": ..., "value": ...}, or where a ' +
    'value has no exact JSON, {"key": ..., "rawValue": "base64"}. With --values it is the value ' +
    "alone; in CSV --fields then says which fields of the value are the columns.",
  file: "read",
  args: [{ name: "tree", what: "which tree; may be omitted if there is only one", optional: true }],
  options: [
    { flags: "--all", what: "every tree, with its name; load without TREE restores them" },
    { flags: "--output <file>", what: "a new file, or - for standard output, the default" },
    {
      flags: "--format <format>",
      what: "default by the name of the file, else ndjson",
      choices: FORMATS,
    },
    { flags: "--values", what: "values without their keys" },
    { flags: "--fields <names>", what: "with --format csv: fields of the values, as in name,lat" },
    {
      flags: "--escape-formulas",
      what: "with CSV: a quote mark before cells that a spreadsheet would evaluate",
    },
    ...RANGE_OPTIONS,
    ...CODEC_OPTIONS,
  ],
  examples: [
    ["dump cities.quire cities > cities.ndjson", "a whole tree"],
    ["dump cities.quire --all --output all.ndjson", "the whole file"],
    ["dump cities.quire cities --output cities.csv --fields name,lat,lng", "a table"],
  ],
  inShell: true,
  run(context, [given], options) {
    const first = options["all"] === true ? fileHeaderLine(context.db.trees().length) : undefined;
    const tables = options["all"] === true
      ? allTables(context, given, options)
      : [tableOf(context, treeName(context.db, given), options)];
    const total = tables.reduce((sum, table) => sum + table.total, 0);
    // Lines and a bar on one terminal would overwrite each other.
    const path = outputOf(options);
    const isHidden = path === undefined && Deno.stdout.isTerminal();
    const bar = new ProgressBar({ label: "dumping", unit: "entries", total, isHidden });
    const started = performance.now();
    try {
      toOutput(context, path, (out) => {
        if (first !== undefined) out.line(first);
        let done = 0;
        for (const table of tables) writeTable(out, table, () => bar.update(++done));
      });
    } finally {
      bar.stop();
    }
    if (path === undefined) return;
    const of = first === undefined ? "" : ` of ${countOf(tables.length, "tree")}`;
    note(`dumped ${countOf(total, "entry")}${of} in ${pace(total, performance.now() - started)}`);
  },
};

/** Dumps every tree, each with its header line for `load`. */
function allTables(context: Context, given: string | undefined, options: OptionValues): Table[] {
  const path = outputOf(options);
  const isOther = OF_ONE_TREE.some((name) => options[name] !== undefined) ||
    hasKeyRange(options) || formatOf(options, path) === "csv";
  if (given !== undefined || isOther) {
    throw new Refusal(
      "Cannot dump --all: it is every tree as newline-delimited JSON; leave out TREE, and the " +
        "options that are for one",
    );
  }
  return context.db.trees().map((name) => tableOf(context, name, {}));
}

function outputOf(options: OptionValues): string | undefined {
  const path = textOf(options["output"]);
  return path === undefined || path === STDOUT ? undefined : namedFile("dump", path);
}

/** The output of a tree. */
function tableOf(context: Context, name: string, options: OptionValues): Table {
  const codecs = codecsOfTree(context.db, name, options);
  const range = rangeOf(options, codecs.key);
  const isCsv = formatOf(options, outputOf(options)) === "csv";
  const fields = textOf(options["fields"])?.split(",");
  if (fields !== undefined && !isCsv) {
    throw new Refusal("Cannot use --fields: it is for CSV; add --format csv");
  }
  if (options["escapeFormulas"] === true && !isCsv) {
    throw new Refusal("Cannot use --escape-formulas: it is for CSV; add --format csv");
  }
  const tree = context.read(name, codecs);
  const { limit, reverse: _, ...keyRange } = range;
  const total = Math.min(tree.count(keyRange), limit ?? Infinity);
  if (fields !== undefined) checkFields(fields, tree.values(range), codecs);
  const { key, value } = context.db.codecsOf(name)!;
  const names = { key: dumpedName(codecs.key, key), value: dumpedName(codecs.value, value) };
  if (isCsv || options["values"] === true) {
    const [header, lineOf] = shapeOf(codecs, names, fields, isCsv, options);
    const linesOf = (k: unknown, v: unknown) => [lineOf(k, v)];
    return { total, header, entries: tree.entries(range), linesOf, end: isCsv ? "\r\n" : "\n" };
  }
  const kept = context.read(name, { key: rawCodec(), value: rawCodec() });
  return {
    total,
    header: treeHeaderLine({ tree: name, ...names, entries: total }),
    entries: kept.entries(keptRange(range, codecs.key)),
    linesOf: (k, v) => linesOfEntry(codecs, k as Uint8Array, v as Uint8Array),
    end: "\n",
  };
}

/** The format of the option, or else of the extension of the file. */
export function formatOf(options: OptionValues, path: string | undefined): string {
  const named = textOf(options["format"]);
  if (named !== undefined) return named;
  const hasFields = options["fields"] !== undefined;
  return hasFields || path?.toLowerCase().endsWith(".csv") === true ? "csv" : "ndjson";
}

/** The first line, if any, and the formatter of the others. */
function shapeOf(
  { key, value }: CodecPair,
  names: CodecNames,
  fields: readonly string[] | undefined,
  isCsv: boolean,
  options: OptionValues,
): [header: string | undefined, lineOf: LineOf] {
  const { form } = value;
  const escapes = options["escapeFormulas"] === true;
  const [header, line] = escapes
    ? [csvLineForSpreadsheets, csvLineForSpreadsheets]
    : [csvHeader, csvLine];
  if (fields !== undefined) {
    return [header(fields), (_, v) => line(cellsOf(form.toJson(v), fields))];
  }
  if (!isCsv) return [undefined, (_, v) => JSON.stringify(form.toJson(v))];
  if (options["values"] === true) return [header(["value"]), (_, v) => line([form.toText(v)])];
  // Escaped output cannot be loaded back exactly, so it needs no codecs.
  const columns = escapes ? ["key", "value"] : [`key:${names.key}`, `value:${names.value}`];
  return [header(columns), (k, v) => line([key.form.toText(k), form.toText(v)])];
}

/** Refuses fields that no value has: an empty column is a mistyped name. */
function checkFields(
  fields: readonly string[],
  values: Iterable<unknown>,
  { value: { form } }: CodecPair,
): void {
  const missing = new Set(fields);
  let first: readonly string[] | undefined;
  for (const value of values) {
    const json = form.toJson(value);
    const own = typeof json === "object" && json !== null ? Object.keys(json) : [];
    first ??= own;
    for (const name of own) missing.delete(name);
    if (missing.size === 0) return;
  }
  if (first === undefined) return;
  const there = first.length === 0
    ? "it is not an object"
    : `it has ${first.map(oneLine).join(", ")}`;
  throw new Refusal(
    `Cannot use --fields ${
      oneLine([...missing].join())
    }: no value has that; of the first, ${there}`,
  );
}

/** Fields of a value as cells: strings unchanged, missing fields empty, others as JSON. */
function cellsOf(value: unknown, fields: readonly string[]): string[] {
  const object = typeof value === "object" && value !== null ? value : {};
  return fields.map((field) => {
    const own = Object.hasOwn(object, field) ? (object as Record<string, unknown>)[field] : "";
    return typeof own === "string" ? own : JSON.stringify(own);
  });
}

function writeTable(
  out: Output,
  { header, entries, linesOf, end }: Table,
  onEntry: () => void,
): void {
  if (header !== undefined) out.text(header + end);
  for (const [key, value] of entries) {
    for (const line of linesOf(key, value)) {
      out.text(line);
      out.text(end);
    }
    onEntry();
  }
}

/** Writes to standard output, an existing device or pipe, or a new file. */
function toOutput(
  { out, path: source }: Context,
  path: string | undefined,
  write: (out: Output) => void,
): void {
  if (path === undefined) write(out);
  else if (isDevice(path)) writeDevice(path, write);
  else writeNewFile(path, source, write);
}

/** Whether a path is a device or a pipe, such as `/dev/null`. */
function isDevice(path: string): boolean {
  try {
    const { isFile, isDirectory } = Deno.statSync(path);
    return !isFile && !isDirectory;
  } catch {
    return false;
  }
}
