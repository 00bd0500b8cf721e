/**
 * `dump`: the entries of a tree as newline-delimited JSON or CSV, to standard output or a new file,
 * in memory for one of them.
 */

import { type CodecPair, codecsOfTree } from "../codecs.ts";
import { type CommandSpec, type Context, type OptionValues, textOf, treeName } from "../command.ts";
import { csvLine, csvLineForSpreadsheets } from "../csv.ts";
import { Refusal } from "../exit.ts";
import { writeNewFile } from "../new_file.ts";
import { note, type Output } from "../output.ts";
import { ProgressBar } from "../progress.ts";
import { CODEC_OPTIONS, RANGE_OPTIONS, rangeOf } from "../range_options.ts";
import { countOf, pace } from "../text.ts";

/** The formats that there are. */
export const FORMATS: readonly string[] = ["ndjson", "csv"];

/** Makes a line of an entry, without what ends it. */
type LineOf = (key: unknown, value: unknown) => string;

/** Writes the entries of a tree. */
export const dump: CommandSpec = {
  name: "dump",
  summary: "write the entries of a tree as newline-delimited JSON or CSV",
  details: 'A line is {"key": ..., "value": ...}, or in CSV the columns key and value, and load ' +
    "takes it back exactly. With --values it is the value alone; in CSV --fields then says which " +
    "fields of the value are the columns.",
  file: "read",
  args: [{ name: "tree", what: "which tree; may be left out where there is one", optional: true }],
  options: [
    { flags: "--output <file>", what: "a new file; default standard output" },
    {
      flags: "--format <format>",
      what: "default by the name of the file, else ndjson",
      choices: FORMATS,
    },
    { flags: "--values", what: "values without their keys" },
    { flags: "--fields <names>", what: "with --format csv: fields of the values, as in name,lat" },
    {
      flags: "--escape-formulas",
      what: "with CSV: a quote mark before cells that a spreadsheet would compute",
    },
    ...RANGE_OPTIONS,
    ...CODEC_OPTIONS,
  ],
  examples: [
    ["dump cities.quire cities > cities.ndjson", "a whole tree"],
    ["dump cities.quire cities --output cities.csv --fields name,lat,lng", "a table"],
  ],
  inShell: true,
  run(context, [given], options) {
    const name = treeName(context.db, given);
    const codecs = codecsOfTree(context.db, name, options);
    const range = rangeOf(options, codecs.key);
    const isCsv = formatOf(options, textOf(options["output"])) === "csv";
    const [header, lineOf] = shapeOf(codecs, options, isCsv);
    const tree = context.read(name, codecs);
    const { limit, reverse: _, ...keyRange } = range;
    const total = Math.min(tree.count(keyRange), limit ?? Infinity);
    // Lines and a bar on one terminal would overwrite each other.
    const isHidden = options["output"] === undefined && Deno.stdout.isTerminal();
    const bar = new ProgressBar({ label: "dumping", unit: "entries", total, isHidden });
    const started = performance.now();
    const write = (out: Output) => {
      if (header !== undefined) out.text(header);
      writeEntries(out, tree.entries(range), lineOf, isCsv ? "\r\n" : "\n", bar);
    };
    try {
      toOutput(context, options, write);
    } finally {
      bar.stop();
    }
    if (options["output"] === undefined) return;
    note(`dumped ${countOf(total, "entry")} in ${pace(total, performance.now() - started)}`);
  },
};

/** The format that an option names, or else a file by its name. */
export function formatOf(options: OptionValues, path: string | undefined): string {
  const named = textOf(options["format"]);
  if (named !== undefined) return named;
  const hasFields = options["fields"] !== undefined;
  return hasFields || path?.toLowerCase().endsWith(".csv") === true ? "csv" : "ndjson";
}

/** The first line, if there is one, and how the others are made. */
function shapeOf(
  { key, value }: CodecPair,
  options: OptionValues,
  isCsv: boolean,
): [header: string | undefined, lineOf: LineOf] {
  const fields = textOf(options["fields"])?.split(",");
  const line = options["escapeFormulas"] === true ? csvLineForSpreadsheets : csvLine;
  if (!isCsv && line !== csvLine) {
    throw new Refusal("Cannot use --escape-formulas: it is for CSV; add --format csv");
  }
  if (fields !== undefined) {
    if (!isCsv) throw new Refusal("Cannot use --fields: it is for CSV; add --format csv");
    return [`${line(fields)}\r\n`, (_, v) => line(cellsOf(value.form.toJson(v), fields))];
  }
  if (isCsv) {
    const texts = (k: unknown, v: unknown) => line([key.form.toText(k), value.form.toText(v)]);
    if (options["values"] !== true) return [`${line(["key", "value"])}\r\n`, texts];
    return [`${line(["value"])}\r\n`, (_, v) => line([value.form.toText(v)])];
  }
  if (options["values"] === true) {
    return [undefined, (_, v) => JSON.stringify(value.form.toJson(v))];
  }
  return [
    undefined,
    (k, v) => JSON.stringify({ key: key.form.toJson(k), value: value.form.toJson(v) }),
  ];
}

/** Fields of a value as cells: text as it is, nothing for what is not there, else JSON. */
function cellsOf(value: unknown, fields: readonly string[]): string[] {
  const object = typeof value === "object" && value !== null ? value : {};
  return fields.map((field) => {
    const own = Object.hasOwn(object, field) ? (object as Record<string, unknown>)[field] : "";
    return typeof own === "string" ? own : JSON.stringify(own);
  });
}

function writeEntries(
  out: Output,
  entries: Iterable<[unknown, unknown]>,
  lineOf: LineOf,
  end: string,
  bar: ProgressBar,
): void {
  let done = 0;
  for (const [key, value] of entries) {
    out.text(lineOf(key, value));
    out.text(end);
    bar.update(++done);
  }
}

/** Writes to standard output, or to a new file. */
function toOutput({ out, path }: Context, options: OptionValues, write: (out: Output) => void) {
  const target = textOf(options["output"]);
  if (target === undefined) write(out);
  else writeNewFile(target, path, write);
}
