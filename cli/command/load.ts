/**
 * `load`: entries from newline-delimited JSON or CSV, from a file or standard input, as one
 * transaction, in memory for one of them.
 *
 * A line that is malformed, or that a codec refuses, is named by its number, and nothing has been
 * loaded.
 */

import { Buffer } from "node:buffer";
import { type CodecPair, codecsToWrite } from "../codecs.ts";
import {
  type AnyTransactionTree,
  type CommandSpec,
  type Context,
  type OptionValues,
  textOf,
  treeInside,
} from "../command.ts";
import { EXIT, messageOf, Refusal, withAction } from "../exit.ts";
import { LineError, LineReader } from "../lines.ts";
import { note } from "../output.ts";
import { ProgressBar } from "../progress.ts";
import { CODEC_OPTIONS } from "../range_options.ts";
import { type Entry, EntryReader, type Keys } from "../records.ts";
import { countOf, oneLine, pace } from "../text.ts";
import { formatOf, FORMATS } from "./dump.ts";

/** What forms and codecs throw at a value. */
const LINE_ERRORS = [Refusal, TypeError, RangeError];

/** Loads entries. */
export const load: CommandSpec = {
  name: "load",
  summary: "load entries from newline-delimited JSON or CSV, all or none",
  details: "Without --key and --number a line is what dump writes: " +
    '{"key": ..., "value": ...}, or in CSV the columns key and value. With them a line is a ' +
    "value; in CSV, an object of its columns, all texts. A key that is there already gets the " +
    "new value. A tree that is new has values of the codec json, and keys of string, of tuple " +
    "for several fields, or of u64 for numbers, unless told otherwise. " +
    "The file is made when it is missing, and gets its name when all is loaded.",
  file: "fill",
  filledFrom: ([, input]) => input,
  args: [
    { name: "tree", what: "which tree" },
    { name: "input", what: "the file to load; default standard input", optional: true },
  ],
  options: [
    {
      flags: "--format <format>",
      what: "default by the name of the input, else ndjson",
      choices: FORMATS,
    },
    { flags: "--key <fields>", what: "fields that make the key, as in country,name" },
    { flags: "--number", what: "the key is the number of the record, from 1" },
    ...CODEC_OPTIONS,
  ],
  examples: [
    ["load cities.quire cities cities.ndjson --key country,name", "objects, by two fields"],
    ["load log.quire log --number < log.ndjson", "whatever comes, numbered"],
    ["dump a.quire t | quire load b.quire t --codec tuple,json", "from one file to another"],
  ],
  inShell: true,
  run(context, [name, input], options) {
    if (input === undefined && context.inShell) {
      throw new Refusal("Cannot load: the shell reads statements from there; name a file");
    }
    const keys = keysOf(options);
    const codecs = codecsToWrite(context.db, name!, options, newTree(keys));
    const source = input === undefined ? Deno.stdin : openInput(input);
    try {
      const total = input === undefined ? undefined : sizeOf(source as Deno.FsFile);
      const lines = new LineReader(context.interruption?.reading(source) ?? source);
      const isCsv = formatOf(options, input) === "csv";
      const reader = new EntryReader(lines, { isCsv, keys, codecs });
      loadAll(context, { name: name!, codecs, input: input ?? "standard input" }, reader, total);
    } finally {
      if (source !== Deno.stdin) (source as Deno.FsFile).close();
    }
  },
};

/** What is loaded, and where to. */
interface Job {
  readonly name: string;
  readonly codecs: CodecPair;
  /** Where it comes from, for messages. */
  readonly input: string;
}

function loadAll(
  { db }: Context,
  { name, codecs, input }: Job,
  reader: EntryReader,
  total: number | undefined,
): void {
  const bar = new ProgressBar({ label: "loading", unit: "entries", total });
  const started = performance.now();
  let loaded = 0;
  try {
    const counted = function* (): Generator<Entry, void, undefined> {
      for (const entry of reader.entries()) {
        yield entry;
        loaded++;
        bar.update(total === undefined ? loaded : reader.bytesRead, loaded);
      }
    };
    loaded = db.writeSync((tx) => loadInto(treeInside(tx, name, codecs), codecs, counted()));
  } catch (error) {
    throw refusalOf(error, input, reader.line);
  } finally {
    bar.stop();
  }
  note(`loaded ${countOf(loaded, "entry")} in ${pace(loaded, performance.now() - started)}`);
}

/**
 * Puts entries into a tree: those that come in key order the fast way, and from the first that does
 * not one by one. How many there were.
 */
function loadInto(
  tree: AnyTransactionTree,
  { key }: CodecPair,
  entries: Generator<Entry, void, undefined>,
): number {
  // Other codecs are refused here, where no line is to blame.
  tree.count();
  let held: Entry | undefined;
  const ascending = function* (): Generator<Entry, void, undefined> {
    let last: Uint8Array | undefined;
    for (let next = entries.next(); !next.done; next = entries.next()) {
      const bytes = key.codec.encode(next.value[0]);
      if (last !== undefined && Buffer.compare(bytes, last) <= 0) {
        held = next.value;
        return;
      }
      last = bytes;
      yield next.value;
    }
  };
  let count = tree.load(ascending());
  for (let entry = held; entry !== undefined; entry = entries.next().value ?? undefined) {
    tree.set(entry[0], entry[1]);
    count++;
  }
  return count;
}

/** What the line has to do with an error; the system's errors are not the line's. */
function refusalOf(error: unknown, input: string, line: number): unknown {
  const isOfLine = error instanceof LineError;
  if (!isOfLine && line === 0) return error;
  if (!isOfLine && !LINE_ERRORS.some((kind) => error instanceof kind)) return error;
  const number = isOfLine ? error.line : line;
  return new Refusal(
    `Cannot load ${oneLine(input)}: line ${number}: ${messageOf(error)}; nothing was loaded`,
    EXIT.malformed,
  );
}

function keysOf(options: OptionValues): Keys {
  const fields = textOf(options["key"])?.split(",");
  const isNumber = options["number"] === true;
  if (fields !== undefined && isNumber) {
    throw new Refusal("Cannot load: --key and --number are two ways to make keys; give one");
  }
  if (fields?.includes("") === true) {
    throw new Refusal("Cannot use --key: a field has no name; name them as in country,name");
  }
  return { fields, isNumber };
}

/** The codecs of a tree that is made. */
function newTree({ fields, isNumber }: Keys): { key: string; value: string } {
  const key = isNumber ? "u64" : fields !== undefined && fields.length > 1 ? "tuple" : "string";
  return { key, value: "json" };
}

function openInput(path: string): Deno.FsFile {
  const file = openFile(path);
  if (!file.statSync().isDirectory) return file;
  file.close();
  throw new Refusal(`Cannot read ${oneLine(path)}: it is a folder; name a file`, EXIT.unusable);
}

function openFile(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw withAction(`read ${path}`, error);
    throw new Refusal(
      `Cannot read ${oneLine(path)}: there is no such file; check the path`,
      EXIT.unusable,
    );
  }
}

/** How long an input is; of a pipe nobody knows. */
function sizeOf(file: Deno.FsFile): number | undefined {
  const { isFile, size } = file.statSync();
  return isFile ? size : undefined;
}
