/**
 * Planted bugs of shared files: the turns of those who write, copies of a version, watchers.
 */

import { bug, part, type PlantedBug } from "./planted_bugs.ts";

const TREES = "store/followed_tree.ts";
const SESSION = "store/follow/sharing_session.ts";
const REMOTE = "store/follow/remote_changes.ts";
const VERSIONS = "pager/share/version_pages.ts";
const WORK_TEST = "tests/share/shared_work_test.ts";
const WATCH_TEST = "tests/share/watch_test.ts";
const PATH = "pager/share/shared_path.ts";
const AFTER_HOLD = part("tests/share/interleaved_shared_test.ts", "gives the lock up before");

/** Bugs of shared files. */
export const SHARE_BUGS: readonly PlantedBug[] = [
  bug(
    "share-arguments",
    "a change that waits for its turn keeps its arguments as they were",
    TREES,
    "    if (!isObject(value)) return value;\n",
    "    if (value !== null) return value;\n",
    WORK_TEST,
  ),
  bug(
    "share-overtakes",
    "calls that wait for the lock come before a writeSync that follows them",
    SESSION,
    "if (!this.#turns.isEmpty && !this.closed && this.pager.depth === 0) this.#runWaiting();",
    "",
    WORK_TEST,
  ),
  bug(
    "share-placed",
    "a copy gives up where pages newer than its version may be in place",
    VERSIONS,
    "    if (this.#share.placedVersion() > version) {\n",
    "    if (this.#share.placedVersion < 0) {\n",
    WORK_TEST,
  ),
  bug(
    "share-latest-header",
    "the headers of a version are those of its records, not of later ones",
    VERSIONS,
    "this.#index.copyHeader(first + slot, frame, slot, version);",
    "this.#index.copyHeader(first + slot, frame, slot);",
    WORK_TEST,
  ),
  bug(
    "share-watch-own",
    "a watcher hears of a commit of its own process once",
    REMOTE,
    "    if (known.meta.version === this.#database.pager.meta.version) return;\n",
    "    if (known.meta.version <= this.#database.pager.meta.version) return;\n",
    WATCH_TEST,
  ),
  bug(
    "share-sync-after",
    "a commit whose hold ends before its sync is acknowledged after it",
    PATH,
    "      if (!this.#share.isDurable) this.syncBehind();\n",
    "",
    AFTER_HOLD,
  ),
  bug(
    "share-durable-early",
    "the commit word names as durable only what was synced",
    PATH,
    "      this.#write(this.#hold.waits);\n",
    "      this.#write(this.#hold.waits);\n      this.#share.noteDurable();\n",
    AFTER_HOLD,
  ),
];
