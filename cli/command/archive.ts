/**
 * The command that archives a file: `archive`.
 */

import { archive as ship } from "../../mod.ts";
import { storeAt } from "../io/archive_place.ts";
import { EXIT, Refusal } from "../io/exit.ts";
import { Interruption } from "../io/interruption.ts";
import { count, countOf, oneLine } from "../io/text.ts";
import type { CommandSpec } from "../spec/command_spec.ts";

/** Archives what has changed since the last time. */
export const archive: CommandSpec = {
  name: "archive",
  summary: "archive a database, or what changed since, to a folder or a bucket",
  details: "The first time, all pages are archived; later, those that changed. A program that " +
    "has the file open archives every commit itself, by archive() of the library. A file that " +
    "processes share is archived while they use it. STORE is a " +
    "folder, or the URL of a bucket of S3, with a prefix of names after '#'; its key is in " +
    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
  file: "copy",
  args: [{ name: "store", what: "the archive, which may be missing; one for each database" }],
  options: [],
  examples: [
    ["archive cities.quire backups/cities", "the folder has the current state"],
    ["archive cities.quire 'https://s3.eu-west-1.amazonaws.com/backups#cities/'", "in a bucket"],
  ],
  inShell: false,
  async run({ db, path, out, json }, [store]) {
    using interruption = new Interruption();
    const shipping = ship(db, storeAt(store!));
    if (db.stats().archive!.standsBy) {
      const state = `another process archives ${oneLine(path)}`;
      throw new Refusal(`Cannot archive: ${state}; leave it to that one`, EXIT.unusable);
    }
    await shipping.close({ signal: interruption.signal });
    const { version, objects, bytes } = db.stats().archive!;
    if (json) return out.json({ version, objects, bytes });
    const what = `${countOf(objects, "object")}, ${count(bytes)} bytes written`;
    out.line(`Archived version ${version} to ${oneLine(store!)}: ${what}.`);
  },
};
