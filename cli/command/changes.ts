/**
 * The command that compares a file with an older copy of it: `changes`.
 */

import { type Database, IoError, type KeyChange } from "../../mod.ts";
import { type CodecPair, codecsOfTree, rawCodec } from "../form/codecs.ts";
import { linesOfEntry } from "../form/entry_line.ts";
import { EXIT, Refusal } from "../io/exit.ts";
import { Interruption } from "../io/interruption.ts";
import { oneLine } from "../io/text.ts";
import { type CommandSpec, textOf } from "../spec/command_spec.ts";

/** Prints the keys whose values differ from an older copy. */
export const changes: CommandSpec = {
  name: "changes",
  summary: "print the keys and values that differ from an older copy",
  details:
    "Only pages that changed are compared. A line is set or delete, the tree, the key and, " +
    "of a set, the value, with tabs between them. A tree that no longer exists is printed as the " +
    "stored bytes.",
  file: "copy",
  args: [],
  options: [{
    flags: "--since <copy>",
    what: "a copy of the file that 'backup' or 'restore' made, or the number of the last version",
  }],
  examples: [["changes cities.quire --since monday.quire", "what changed since monday"]],
  inShell: false,
  async run(context, _args, options) {
    const { db, json, out } = context;
    const since = sinceOf(textOf(options["since"]));
    using interruption = new Interruption();
    const { signal } = interruption;
    const codecs = new Map<string, CodecPair>();
    try {
      for await (const change of db.changes({ since, signal })) {
        const pair = codecsFor(db, change.tree, codecs);
        if (json) { for (const line of jsonLines(change, pair)) out.line(line); }
        else out.line(textLine(change, pair));
      }
    } catch (error) {
      throw ofCopy(String(since), error);
    }
  },
};

function sinceOf(given: string | undefined): string | number {
  if (given === undefined) {
    throw new Refusal("Cannot list changes: name an older copy of the file with --since");
  }
  return /^\d+$/.test(given) ? Number(given) : given;
}

/** An error of the copy itself names it, and not FILE. */
function ofCopy(copy: string, error: unknown): unknown {
  if (!(error instanceof IoError) || !error.message.includes(copy)) return error;
  return new Refusal(`${error.message}; check the path of the copy`, EXIT.unusable);
}

function codecsFor(db: Database, tree: string, known: Map<string, CodecPair>): CodecPair {
  let pair = known.get(tree);
  if (pair === undefined) {
    const exists = db.codecsOf(tree) !== undefined;
    pair = exists ? codecsOfTree(db, tree, {}) : { key: rawCodec(), value: rawCodec() };
    known.set(tree, pair);
  }
  return pair;
}

function textLine({ tree, key, value }: KeyChange, codecs: CodecPair): string {
  const keyText = oneLine(codecs.key.form.toText(codecs.key.codec.decode(key)));
  const start = `${value === undefined ? "delete" : "set"}\t${oneLine(tree)}\t${keyText}`;
  if (value === undefined) return start;
  return `${start}\t${oneLine(codecs.value.form.toText(codecs.value.codec.decode(value)))}`;
}

/** The lines of an entry, as `dump` prints them, behind the tree. */
function* jsonLines({ tree, key, value }: KeyChange, codecs: CodecPair): Generator<string> {
  const start = `{"tree":${JSON.stringify(tree)},`;
  if (value === undefined) {
    const member = JSON.stringify(codecs.key.form.toJson(codecs.key.codec.decode(key)));
    yield `${start}"key":${member},"deleted":true}`;
    return;
  }
  for (const line of linesOfEntry(codecs, key, value)) yield start + line.slice(1);
}
