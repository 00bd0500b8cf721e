/**
 * The commands that change trees as a whole: `drop`, `rename` and `copy`.
 *
 * Each is atomic across power loss, and durable when it returns. The pages of a dropped tree are
 * freed after the drop; if that is interrupted, the next handle that writes continues it.
 */

import type { Database } from "../../mod.ts";
import { rawCodec, storedCodecs } from "../form/codecs.ts";
import { Refusal } from "../io/exit.ts";
import { note } from "../io/output.ts";
import { countOf, oneLine } from "../io/text.ts";
import { type CommandSpec, makeEmptyTree, treeInside } from "../spec/command_spec.ts";

const TO = { name: "to", what: "the new name, which no tree has" } as const;

/** Removes a tree. */
export const drop: CommandSpec = {
  name: "drop",
  summary: "remove a tree and all its entries",
  details: "Ends with 1 if the tree does not exist. 'delete --all' removes only the entries.",
  file: "write",
  args: [{ name: "tree", what: "which tree" }],
  options: [],
  examples: [["drop cities.quire drafts", "the tree, its codecs and its entries"]],
  inShell: true,
  run({ db }, [name]) {
    storedCodecs(db, name!);
    db.dropTree(name!);
  },
};

/** Renames a tree. */
export const rename: CommandSpec = {
  name: "rename",
  summary: "rename a tree",
  details: "Ends with 1 if the tree does not exist. Nothing is overwritten.",
  file: "write",
  shares: true,
  args: [{ name: "tree", what: "which tree" }, TO],
  options: [],
  examples: [["rename cities.quire cities places", "the entries stay where they are"]],
  inShell: true,
  run({ db }, [name, to]) {
    storedCodecs(db, name!);
    checkFree(db, "rename", to!);
    db.renameTree(name!, to!);
  },
};

/** Copies a tree. */
export const copy: CommandSpec = {
  name: "copy",
  summary: "copy a tree, with its codecs, to another name",
  details:
    "One transaction, as large as the tree. Ends with 1 if the tree does not exist. Nothing is " +
    "overwritten. To copy a tree to another file, use 'dump' and 'load'.",
  file: "write",
  args: [{ name: "tree", what: "which tree" }, TO],
  options: [],
  examples: [["copy cities.quire cities before", "to try something"]],
  inShell: true,
  run({ db }, [name, to]) {
    const { key, value } = storedCodecs(db, name!);
    checkFree(db, "copy", to!);
    const codecs = { key: rawCodec(key), value: rawCodec(value) };
    const copied = db.writeSync((tx) => {
      const copy = treeInside(tx, to!, codecs);
      const count = copy.load(treeInside(tx, name!, codecs).entries());
      if (count === 0) makeEmptyTree(copy);
      return count;
    });
    note(`copied ${countOf(copied, "entry")}`);
  },
};

function checkFree(db: Database, action: string, to: string): void {
  if (db.codecsOf(to) === undefined) return;
  throw new Refusal(
    `Cannot ${action} to ${oneLine(to)}: there is a tree of that name; drop it, or name another`,
  );
}
