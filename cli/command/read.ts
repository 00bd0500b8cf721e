/**
 * The commands that read entries: `get`, `keys`, `scan` and `count`.
 */

import { codecsOfTree, type NamedCodec } from "../form/codecs.ts";
import { EXIT, Refusal } from "../io/exit.ts";
import { oneLine } from "../io/text.ts";
import {
  type AnyReadTree,
  type CommandSpec,
  type Context,
  type OptionValues,
  treeName,
} from "../spec/command_spec.ts";
import {
  CODEC_OPTIONS,
  KEY_CODEC_OPTIONS,
  KEY_RANGE_OPTIONS,
  keyRangeOf,
  RANGE_OPTIONS,
  rangeOf,
} from "../spec/range_options.ts";

/** The bytes of a value that `get --raw` reads at a time. */
const PIECE_BYTES = 1024 * 1024;
const TREE = { name: "tree", what: "which tree; may be omitted if there is only one" } as const;

/** Prints the value of a key. */
export const get: CommandSpec = {
  name: "get",
  summary: "print the value of a key",
  details: "Ends with 1 if the key does not exist. --raw prints the stored bytes.",
  file: "read",
  args: [{ name: "tree", what: "which tree" }, { name: "key", what: "the key, by its codec" }],
  options: [...CODEC_OPTIONS, { flags: "--raw", what: "only the stored bytes" }],
  examples: [
    [`get cities.quire cities '["PT","Lisboa"]'`, "a key that is a tuple"],
    ["get files.quire files a.jpg --raw > a.jpg", "a value that is bytes, of any size"],
  ],
  inShell: true,
  run(context, [name, key], options) {
    const codecs = codecsOfTree(context.db, name!, options);
    const tree = context.read(name!, codecs);
    const wanted = codecs.key.form.fromText(key!);
    if (options["raw"] === true) return printRaw(context, tree, wanted, key!);
    const value = tree.get(wanted);
    // The value itself may be undefined.
    if (value === undefined && !tree.has(wanted)) absent(name!, key!);
    const { form } = codecs.value;
    if (context.json) context.out.json(form.toJson(value));
    else context.out.line(form.toText(value));
  },
};

/** Prints keys. */
export const keys: CommandSpec = {
  name: "keys",
  summary: "print the keys of a tree, or of a range of it",
  file: "read",
  args: [{ ...TREE, optional: true }],
  options: [...RANGE_OPTIONS, ...KEY_CODEC_OPTIONS],
  examples: [
    ["keys cities.quire --limit 10", "the first ten of the only tree"],
    [`keys cities.quire cities --prefix '["PT"]'`, "those of a prefix"],
  ],
  inShell: true,
  run(context, [given], options) {
    const { tree, key } = pick(context, given, options);
    for (const found of tree.keys(rangeOf(options, key))) {
      if (context.json) context.out.json(key.form.toJson(found));
      else context.out.line(oneLine(key.form.toText(found)));
    }
  },
};

/** Prints entries. */
export const scan: CommandSpec = {
  name: "scan",
  summary: "print the entries of a tree, or of a range of it",
  details: "A line is a key, a tab and a value. With --json it is what load takes, " +
    "by the codecs that are named there.",
  file: "read",
  args: [{ ...TREE, optional: true }],
  options: [...RANGE_OPTIONS, ...CODEC_OPTIONS],
  examples: [
    ["scan cities.quire | head -1", "the first entry of the only tree"],
    ["scan log.quire log --reverse --limit 20 --json", "the last twenty, for a script"],
  ],
  inShell: true,
  run(context, [given], options) {
    const { tree, key, value } = pick(context, given, options);
    for (const [k, v] of tree.entries(rangeOf(options, key))) {
      if (context.json) context.out.json({ key: key.form.toJson(k), value: value.form.toJson(v) });
      else context.out.line(`${oneLine(key.form.toText(k))}\t${oneLine(value.form.toText(v))}`);
    }
  },
};

/** Counts entries. */
export const count: CommandSpec = {
  name: "count",
  summary: "count the entries of a tree, or of a range of it",
  details: "Page headers are read instead of entries.",
  file: "read",
  args: [{ ...TREE, optional: true }],
  options: [...KEY_RANGE_OPTIONS, ...KEY_CODEC_OPTIONS],
  examples: [[`count cities.quire cities --prefix '["PT"]'`, "how many begin with a part"]],
  inShell: true,
  run(context, [given], options) {
    const { tree, key } = pick(context, given, options);
    context.out.line(String(tree.count(keyRangeOf(options, key))));
  },
};

/** A tree with its codecs. */
interface Picked {
  readonly tree: AnyReadTree;
  readonly key: NamedCodec;
  readonly value: NamedCodec;
}

function pick(context: Context, given: string | undefined, options: OptionValues): Picked {
  const name = treeName(context.db, given);
  const codecs = codecsOfTree(context.db, name, options);
  return { tree: context.read(name, codecs), ...codecs };
}

function printRaw({ out }: Context, tree: AnyReadTree, wanted: unknown, key: string): void {
  for (let at = 0;; at += PIECE_BYTES) {
    const piece = tree.getRange(wanted, at, at + PIECE_BYTES);
    if (piece === undefined) absent(tree.name, key);
    out.bytes(piece);
    if (piece.length < PIECE_BYTES) return;
  }
}

function absent(tree: string, key: string): never {
  throw new Refusal(
    `Cannot find key ${oneLine(key)}: tree ${oneLine(tree)} does not have it; 'keys' lists them`,
    EXIT.no,
  );
}
