/**
 * The commands that change single entries: `set` and `delete`.
 *
 * Each is one transaction, durable when it returns, also beside processes that share the file.
 * Inside a transaction of the shell, each statement is atomic by itself.
 */

import type { KeyRange } from "../../mod.ts";
import { codecsOfTree, codecsToWrite, type NamedCodec } from "../form/codecs.ts";
import { EXIT, type ExitCode, Refusal } from "../io/exit.ts";
import { countOf } from "../io/text.ts";
import {
  type CommandSpec,
  type Context,
  openTree,
  type OptionValues,
  treeInside,
} from "../spec/command_spec.ts";
import {
  CODEC_OPTIONS,
  hasKeyRange,
  keptRange,
  KEY_CODEC_OPTIONS,
  KEY_RANGE_OPTIONS,
  keyRangeOf,
} from "../spec/range_options.ts";

/** The codecs of a tree that `set` creates. */
const NEW_TREE = { key: "string", value: "json" };

/** Sets the value of a key. */
export const set: CommandSpec = {
  name: "set",
  summary: "set the value of a key",
  details:
    "Without VALUE, the value is read from standard input: bytes of any size if the codec is " +
    "bytes. A new tree has the codecs string for keys and json for values, unless options name " +
    "others. A missing file is created.",
  file: "create",
  shares: true,
  args: [
    { name: "tree", what: "which tree" },
    { name: "key", what: "the key, by its codec" },
    { name: "value", what: "the value, by its codec; default standard input", optional: true },
  ],
  options: CODEC_OPTIONS,
  examples: [
    [`set stock.quire stock apples '{"left": 3}'`, "a value that is JSON"],
    ["set files.quire files a.jpg --codec string,bytes < a.jpg", "a value from a file"],
  ],
  inShell: true,
  run(context, [name, key, value], options) {
    const { db } = context;
    const codecs = codecsToWrite(db, name!, options, NEW_TREE);
    const wanted = codecs.key.form.fromText(key!);
    if (value !== undefined) {
      const given = codecs.value.form.fromText(value);
      return db.writeSync((tx) => treeInside(tx, name!, codecs).set(wanted, given));
    }
    refuseInput(context);
    const tree = openTree(db, name!, codecs);
    return codecs.value.codec.name === "bytes" || codecs.value.name === "raw"
      ? tree.setStream(wanted, Deno.stdin.readable).then(() => {})
      : readText(codecs.value).then((given) => tree.set(wanted, given));
  },
};

/** Removes entries. */
export const deleteEntries: CommandSpec = {
  name: "delete",
  summary: "remove entries by key or range, or all entries",
  details: "Prints the number of removed entries. Ends with 1 if it is 0.",
  file: "write",
  shares: true,
  args: [
    { name: "tree", what: "which tree" },
    { name: "keys", what: "keys, by their codec", optional: true, variadic: true },
  ],
  options: [
    ...KEY_RANGE_OPTIONS,
    { flags: "--all", what: "every entry of the tree" },
    ...KEY_CODEC_OPTIONS,
  ],
  examples: [
    ["delete stock.quire stock apples pears", "two keys"],
    ["delete log.quire log --lt 2024-01-01", "all before a key"],
  ],
  inShell: true,
  run(context, [name, ...given], options) {
    const { db } = context;
    checkChoice(given, options);
    const codecs = codecsOfTree(db, name!, options);
    const keys = given.map((text) => codecs.key.form.fromText(text));
    const range = keyRangeOf(options, codecs.key);
    if (hasKeyRange(options)) checkRange(range, codecs.key);
    const removed = db.writeSync((tx) => {
      const inside = treeInside(tx, name!, codecs);
      return keys.length > 0
        ? keys.filter((key) => inside.delete(key)).length
        : inside.deleteRange(range);
    });
    return tellRemoved(context, removed);
  },
};

function tellRemoved({ out, json }: Context, removed: number): ExitCode {
  if (json) out.json({ removed });
  else out.line(`removed ${countOf(removed, "entry")}`);
  return removed === 0 ? EXIT.no : EXIT.done;
}

/** Requires an explicit choice, so that nothing deletes a whole tree by accident. */
function checkChoice(keys: readonly string[], options: OptionValues): void {
  const ways = [keys.length > 0, hasKeyRange(options), options["all"] === true];
  if (ways.filter((is) => is).length === 1) return;
  throw new Refusal("Cannot delete: give either keys, or a range such as --prefix, or --all");
}

/** Refuses bounds without a byte, which every key has, as where a variable of a shell is empty. */
function checkRange(range: KeyRange<unknown, unknown>, key: NamedCodec): void {
  const kept = Object.entries(keptRange(range, key)) as [string, Uint8Array][];
  if (!kept.every(([name, { length }]) => length === 0 && /^(prefix|gte)$/.test(name))) return;
  const names = kept.map(([name]) => `--${name}`).join(" ");
  throw new Refusal(`Cannot delete by ${names}: it leaves no entry; --all removes all`);
}

function refuseInput({ inShell }: Context): void {
  if (!inShell) return;
  throw new Refusal("Cannot set: the shell reads statements from standard input; give the value");
}

async function readText({ form }: NamedCodec): Promise<unknown> {
  const decoder = new TextDecoderStream("utf-8", { fatal: true, ignoreBOM: true });
  let text = "";
  try {
    for await (const part of Deno.stdin.readable.pipeThrough(decoder)) text += part;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new Refusal("Cannot set: standard input is not UTF-8; --value-codec bytes takes bytes");
  }
  // `echo` adds a newline.
  return form.fromText(text.replace(/\r?\n$/, ""));
}
