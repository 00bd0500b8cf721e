/**
 * All planted bugs, and the canary, an edit that changes nothing.
 *
 * The hunt plants each of them; `edits_test.ts` checks, without a hunt, that each edit matches the
 * sources and that the list is complete.
 */

import { ARCHIVE_BUGS } from "./planted_archive_bugs.ts";
import { bug, part, type PlantedBug, protect, whole } from "./planted_bugs.ts";
import { COPY_BUGS } from "./planted_copy_bugs.ts";
import { MODEL_BUGS, RULE_BUGS } from "./planted_crash_bugs.ts";
import { DISK_BUGS } from "./planted_disk_bugs.ts";
import { FILE_BUGS } from "./planted_file_bugs.ts";
import { FLIGHT_BUGS } from "./planted_flight_bugs.ts";
import { FOLLOW_BUGS } from "./planted_follow_bugs.ts";
import { PAGE_BUGS, TREE_BUGS } from "./planted_layer_bugs.ts";
import { SHARE_BUGS } from "./planted_share_bugs.ts";
import { KV_BUGS, SQL_BUGS } from "./planted_top_bugs.ts";

/** Bugs that power cuts reveal. */
export const CRASH_BUGS: readonly PlantedBug[] = [...MODEL_BUGS, ...RULE_BUGS, ...FLIGHT_BUGS];

/** All bugs. */
export const BUGS: readonly PlantedBug[] = [
  ...CRASH_BUGS,
  ...DISK_BUGS,
  ...PAGE_BUGS,
  ...TREE_BUGS,
  ...FILE_BUGS,
  ...COPY_BUGS,
  ...ARCHIVE_BUGS,
  ...FOLLOW_BUGS,
  ...SHARE_BUGS,
  ...SQL_BUGS,
  ...KV_BUGS,
];

/** A source with planted bugs, and a text that occurs in it once. */
export const FILE = "pager/flush/flusher.ts";
/** The text. */
export const FIND = "if (this.#superblock.isOpen) return;";

/** An edit that changes nothing: a hunt that catches it would catch everything. */
export const CANARY: PlantedBug = bug(
  "nothing",
  "nothing",
  FILE,
  FIND,
  "if (this.#superblock.isOpen || false) return;",
  whole("levels", " --limit 4"),
  protect("firstCommit", " --limit 20"),
  part("pager/flush/checkpoint_test.ts", "A checkpoint"),
);
