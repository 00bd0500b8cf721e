/**
 * Planted bugs of the code that keeps a database working when the disk is full.
 */

import { bug, type PlantedBug } from "./planted_bugs.ts";

const CLAIMS = "pager/transaction/page_claims.ts";
const COMMIT = "pager/transaction/commit.ts";
const FULL_DISK = "tests/crash/full_disk_test.ts";
const JOURNAL = "pager/journal/journal.ts";

/** Bugs on full disks. */
export const DISK_BUGS: readonly PlantedBug[] = [
  bug(
    "pages-unclaimed",
    "rule 12: the file has space for the pages of a commit before the commit is visible",
    COMMIT,
    "this.#claims.claim();",
    "",
    FULL_DISK,
  ),
  bug(
    "headers-unclaimed",
    "rule 12: a new chunk has its header page before a commit that uses it is visible",
    CLAIMS,
    "type === HEADERS && this.#claimed",
    "type === HEADERS + 100 && this.#claimed",
    FULL_DISK,
  ),
  bug(
    "claims-unsynced",
    "rule 12: the space that a commit needs is on the medium before the commit",
    JOURNAL,
    "    if (!this.#areas.areClaimsSynced) this.sync();\n",
    "",
    FULL_DISK,
  ),
  bug(
    "claims-in-use",
    "only free pages are claimed in advance",
    CLAIMS,
    "!isInUse(frame, headers & SLOT_MASK, page & SLOT_MASK) && !this.#claimed.has(page)",
    "!this.#claimed.has(page)",
    "tests/model/model_test.ts",
    FULL_DISK,
  ),
  bug(
    "nothing-kept",
    "on a full disk deletes may use the space of the journal that other commits must leave",
    JOURNAL,
    "const kept = grows ? KEPT_BYTES : 0;",
    "const kept = 0;",
    FULL_DISK,
  ),
  bug(
    "kept-used-up",
    "on a full disk a checkpoint frees the reserved space again",
    "pager/flush/checkpointer.ts",
    "    if (this.#journal.isShort) return this.writeAll();\n",
    "",
    FULL_DISK,
  ),
  bug(
    "nothing-kept-back",
    "a close on a full disk keeps the space for the next journal",
    "pager/flush/clean_close.ts",
    "  fileEnd.claimNextJournal();\n",
    "",
    FULL_DISK,
  ),
];
