/**
 * `load`: entries from newline-delimited JSON or CSV, from a file or standard input, as one
 * transaction. Memory is bounded by one entry, and by the sort of entries that are out of order.
 *
 * If a line is malformed, or a codec refuses it, the error names its number and nothing is loaded.
 * A dump names its trees and their codecs.
 */

import { Buffer } from "node:buffer";
import type { Database } from "../../mod.ts";
import {
  type CodecNames,
  type CodecPair,
  codecsForDump,
  codecsToWrite,
  keptCodecs,
} from "../form/codecs.ts";
import { DELIMITERS } from "../form/csv.ts";
import { type Entry, EntryReader, type Keys, type Section } from "../form/records.ts";
import { EXIT, messageOf, Refusal, withAction } from "../io/exit.ts";
import { LineError, LineReader } from "../io/lines.ts";
import { namedFile } from "../io/named_file.ts";
import { note } from "../io/output.ts";
import { ProgressBar } from "../io/progress.ts";
import { count, countOf, oneLine, pace } from "../io/text.ts";
import {
  type AnyTransactionTree,
  type CommandSpec,
  type Context,
  makeEmptyTree,
  type OptionValues,
  textOf,
  treeInside,
} from "../spec/command_spec.ts";
import { CODEC_OPTIONS } from "../spec/range_options.ts";
import { formatOf, FORMATS } from "./dump.ts";

const STDIN = "-";
const STDIN_NAME = "standard input";
/** File names of inputs; a missing tree with such a name is probably a mistyped file. */
const DATA_FILE = /\.(ndjson|jsonl|json|csv|tsv)$/i;

/** Loads entries. */
export const load: CommandSpec = {
  name: "load",
  summary: "load entries from newline-delimited JSON or CSV, all or none",
  details: "A line is what dump writes, and the first line of a dump names tree and codecs; " +
    "TREE gives the tree another name. Without such a line, a line is " +
    '{"key": ..., "value": ...}, or in CSV the columns key and value. With --key or --number a ' +
    "line is a value; in CSV, an object of its columns, all texts. A key that is there already " +
    "gets the new value. A tree that is new has values of the codec json, and keys of string, of " +
    "tuple for several fields, or of u64 for numbers, unless an option names others. A single " +
    "word is a tree, or, if there is no such tree but a file of that name, the input. " +
    "A missing file is created, and gets its name when everything is loaded.",
  file: "fill",
  filledFrom: ([first, second]) => {
    const input = second ?? (first !== undefined && isFile(first) ? first : undefined);
    return input === undefined || input === STDIN ? undefined : namedFile("load", input);
  },
  args: [
    { name: "tree", what: "which tree; default the one that the dump names", optional: true },
    {
      name: "input",
      what: "the file to load, or - for standard input, the default",
      optional: true,
    },
  ],
  options: [
    {
      flags: "--format <format>",
      what: "default by the name of the input, else ndjson",
      choices: FORMATS,
    },
    {
      flags: "--delimiter <name>",
      what: "the delimiter of CSV; default the most frequent one of the first line",
      choices: [...DELIMITERS.keys()],
    },
    { flags: "--key <fields>", what: "the fields of the key, as in country,name" },
    { flags: "--number", what: "the key is the number of the record, from 1" },
    ...CODEC_OPTIONS,
  ],
  examples: [
    ["load cities.quire cities cities.ndjson --key country,name", "objects, by two fields"],
    ["load log.quire log --number < log.ndjson", "whatever comes, numbered"],
    ["load b.quire all.ndjson", "every tree of a dump"],
    ["dump a.quire t | quire load b.quire", "from one file to another"],
  ],
  inShell: true,
  run(context, [first, second], options) {
    const keys = keysOf(options);
    const { tree, input } = placesOf(context.db, first, second);
    checkInput(context, input);
    const source = input === undefined || input === STDIN ? undefined : openInput(input);
    try {
      const bytes = source ?? Deno.stdin;
      const lines = new LineReader(context.interruption?.reading(bytes) ?? bytes);
      const isCsv = formatOf(options, input?.replace(/\.tsv$/i, ".csv")) === "csv";
      const delimiter = DELIMITERS.get(textOf(options["delimiter"]) ?? "");
      const reader = new EntryReader(lines, { isCsv, delimiter, keys });
      const name = source === undefined ? STDIN_NAME : input!;
      const total = source === undefined ? undefined : sizeOf(source);
      loadAll(context.db, { tree, input: name, keys, options }, reader, total);
    } finally {
      source?.close();
    }
  },
};

/** An input, and its destination. */
interface Job {
  /** The tree named on the command line. */
  readonly tree: string | undefined;
  /** The name of the input in messages. */
  readonly input: string;
  readonly keys: Keys;
  readonly options: OptionValues;
}

/** The result of a load. */
interface Figures {
  trees: number;
  read: number;
  /** Entries with new keys. */
  added: number;
  /** Whether any tree had entries before. */
  hadEntries: boolean;
}

/** Assigns the arguments to tree and input: a single one may be either. */
function placesOf(
  db: Database,
  first: string | undefined,
  second: string | undefined,
): { readonly tree: string | undefined; readonly input: string | undefined } {
  if (first === undefined) return { tree: undefined, input: undefined };
  if (second !== undefined) return { tree: first, input: namedFile("load", second) };
  if (first === STDIN) return { tree: undefined, input: STDIN };
  if (first !== "" && db.codecsOf(first) !== undefined) return { tree: first, input: undefined };
  if (isFile(first)) return { tree: undefined, input: namedFile("load", first) };
  if (!DATA_FILE.test(first)) return { tree: first, input: undefined };
  throw new Refusal(
    `Cannot load ${oneLine(first)}: there is no such file, and no such tree; check the path, ` +
      `or name both, as in TREE ${oneLine(first)}`,
  );
}

function isFile(word: string): boolean {
  try {
    return !Deno.statSync(namedFile("load", word)).isDirectory;
  } catch {
    return false;
  }
}

/** Refuses to read from a terminal unless `-` asks for it: no prompt would appear. */
function checkInput({ inShell }: Context, input: string | undefined): void {
  if (inShell && (input === undefined || input === STDIN)) {
    throw new Refusal("Cannot load: the shell reads statements from standard input; name a file");
  }
  if (input !== undefined || !Deno.stdin.isTerminal()) return;
  throw new Refusal("Cannot load: no input is named; name a file, or - for lines that you type");
}

function loadAll(db: Database, job: Job, reader: EntryReader, total: number | undefined): void {
  const bar = new ProgressBar({ label: "loading", unit: "entries", total });
  const started = performance.now();
  const figures: Figures = { trees: 0, read: 0, added: 0, hadEntries: false };
  const look = () =>
    bar.update(total === undefined ? figures.read : reader.bytesRead, figures.read);
  try {
    db.writeSync((tx) => {
      for (const section of reader.sections()) {
        const name = treeOf(job, section, figures);
        const codecs = codecsOf(db, name, job, section);
        const tree = treeInside(tx, name, keptCodecs(codecs));
        const isNew = db.codecsOf(name) === undefined;
        // Reject other codecs here, where the error should not name a line.
        tree.count();
        const entries = counted(section.entries(codecs), figures, look);
        blamingLine(reader, () => loadSection(tree, entries, figures));
        // A dump may contain an empty tree, which no entry creates.
        if (isNew && section.header !== undefined && tree.count() === 0) makeEmptyTree(tree);
      }
      checkWhole(reader, figures, job);
    });
  } catch (error) {
    throw refusalOf(error, job.input);
  } finally {
    bar.stop();
  }
  note(summary(figures, performance.now() - started, reader.trees !== undefined));
}

/** Loads the entries of one tree. */
function loadSection(
  tree: AnyTransactionTree,
  entries: Generator<Entry, void, undefined>,
  figures: Figures,
): void {
  const before = tree.count();
  loadInto(tree, entries);
  figures.trees++;
  figures.added += tree.count() - before;
  figures.hadEntries ||= before > 0;
}

function* counted(
  entries: Generator<Entry, void, undefined>,
  figures: Figures,
  look: () => void,
): Generator<Entry, void, undefined> {
  for (const entry of entries) {
    yield entry;
    figures.read++;
    look();
  }
}

/** Attributes errors of the engine to the last line read. */
function blamingLine(reader: EntryReader, body: () => void): void {
  try {
    body();
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    throw new LineError(reader.line, messageOf(error));
  }
}

/** The name of the destination tree. */
function treeOf({ tree, input }: Job, { header, line }: Section, { trees }: Figures): string {
  if (tree !== undefined) {
    if (trees === 0) return tree;
    throw new LineError(line, "it begins another tree; leave out TREE to load every tree");
  }
  if (header !== undefined) return header.tree;
  const name = /([^/\\]+?)(\.[^.]*)?$/.exec(input)?.[1] ?? "TREE";
  const call = input === STDIN_NAME ? "FILE TREE" : `FILE ${oneLine(name)} ${oneLine(input)}`;
  throw new Refusal(
    `Cannot load ${oneLine(input)}: nothing says into which tree; name it, as in load ${call}`,
  );
}

function codecsOf(db: Database, name: string, { options, keys }: Job, section: Section): CodecPair {
  return section.codecs === undefined
    ? codecsToWrite(db, name, options, newTree(keys))
    : codecsForDump(db, name, options, section.codecs);
}

/** Stores entries: a bulk load while they arrive in key order, then one that sorts the others. */
function loadInto(tree: AnyTransactionTree, entries: Generator<Entry, void, undefined>): void {
  let held: Entry | undefined;
  const ascending = function* (): Generator<Entry, void, undefined> {
    let last: Uint8Array | undefined;
    for (let next = entries.next(); !next.done; next = entries.next()) {
      const key = next.value[0];
      if (last !== undefined && Buffer.compare(key, last) <= 0) {
        held = next.value;
        return;
      }
      last = key;
      yield next.value;
    }
  };
  tree.load(ascending());
  const others = function* (): Generator<Entry, void, undefined> {
    if (held === undefined) return;
    yield held;
    yield* entries;
  };
  tree.load(others(), { unordered: true });
}

/** Refuses an empty input, which is usually a mistake. */
function checkWhole(reader: EntryReader, { trees }: Figures, { input }: Job): void {
  if (reader.trees === undefined && trees === 0) {
    throw new Refusal(
      `Cannot load ${oneLine(input)}: it is empty; nothing was loaded`,
      EXIT.malformed,
    );
  }
  if (reader.trees === undefined || reader.trees === trees) return;
  throw new LineError(reader.line, `the dump has ${trees} of ${reader.trees} trees; it was cut`);
}

/** The summary of a load, with repeated and replaced keys. */
function summary(
  { trees, read, added, hadEntries }: Figures,
  milliseconds: number,
  isWholeFile: boolean,
): string {
  const into = isWholeFile ? ` into ${countOf(trees, "tree")}` : "";
  const kept = hadEntries ? read : added;
  const line = `loaded ${countOf(kept, "entry")}${into} in ${pace(read, milliseconds)}`;
  if (read === added) return line;
  return hadEntries
    ? `${line}; ${count(read)} read, ${count(added)} added, ${count(read - added)} replaced`
    : `${line}; ${count(read)} read, ${count(added)} kept, as keys came more than once`;
}

/** Adds the line to errors of the input; others are returned unchanged. */
function refusalOf(error: unknown, input: string): unknown {
  if (!(error instanceof LineError)) return error;
  const place = error.column === undefined ? "" : `, column ${error.column}`;
  return new Refusal(
    `Cannot load ${oneLine(input)}: line ${error.line}${place}: ${error.message}; ` +
      "nothing was loaded",
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

/** The codecs of a new tree. */
function newTree({ fields, isNumber }: Keys): CodecNames {
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

/** The size of an input in bytes; undefined for a pipe. */
function sizeOf(file: Deno.FsFile): number | undefined {
  const { isFile, size } = file.statSync();
  return isFile ? size : undefined;
}
