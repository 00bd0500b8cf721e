/**
 * Planted bugs of copies: backups, increments, and restored databases.
 */

import { bug, type PlantedBug } from "./planted_bugs.ts";

const READER = "pager/copy/copy_reader.ts";
const APPLY = "pager/copy/increment_apply.ts";
const MODEL = "tests/model/backup_test.ts";
const POWER = "tests/crash/copy_power_test.ts";
const RESTORE = "store/backup/restore_test.ts";
const BACKUP = "store/backup/backup_test.ts";

/** Bugs of copies. */
export const COPY_BUGS: readonly PlantedBug[] = [
  bug(
    "copy-changed-page",
    "a copy has a page as it was, although the page has changed since",
    READER,
    "      for (const page of this.#source.versions.pagesOf(this.#state)) this.#takeEarly(page);\n",
    "",
    MODEL,
  ),
  bug(
    "copy-newer-page",
    "a page that was taken into use later is not in a copy",
    READER,
    "if (version <= this.meta.version) return true;",
    "return true;",
    MODEL,
  ),
  bug(
    "copy-stale-page",
    "a copy has a page from memory where that is newer than the file",
    READER,
    "    this.#copyNewer(first);\n",
    "",
    MODEL,
  ),
  bug(
    "copy-unchecked",
    "a damaged page is not copied",
    READER,
    "checkSums(this.#frame, slot, first + slot, loader.seed);",
    "",
    BACKUP,
  ),
  bug(
    "copy-loses-early-header",
    "the header of a page that came early is in the header page",
    "pager/copy/copied_file.ts",
    "    if (early.includes(1)) this.#takeOverHeaders(first, frame, early);\n",
    "",
    MODEL,
  ),
  bug(
    "copy-superblocks-first",
    "the superblocks of a copy follow a sync of everything else",
    "pager/copy/copied_file.ts",
    "* PAGE_BYTES);\n    await this.#disk.startSync();\n    this.#disk.write(bytes",
    "* PAGE_BYTES);\n    this.#disk.write(bytes",
    POWER,
  ),
  bug(
    "copy-unreadable",
    "the superblocks of a copy can be read again",
    "pager/copy/copied_file.ts",
    "  decodeSuperblock(first, SUPERBLOCK_PAGE);\n",
    "",
    "pager/copy/copied_file_test.ts",
  ),
  bug(
    "copy-named-early",
    "a copy gets its name after a sync of its superblocks",
    "pager/copy/copied_file.ts",
    "SUPERBLOCK_PAGE * PAGE_BYTES);\n    await this.#disk.startSync();\n",
    "SUPERBLOCK_PAGE * PAGE_BYTES);\n",
    POWER,
  ),
  bug(
    "changes-without-deletions",
    "a leaf that was given back had entries that were removed",
    "btree/compare/changed_leaves.ts",
    "      addPage(this.older, this.#olderHeaders, slot, page);\n",
    "",
    "store/changes/changes_test.ts",
  ),
  bug(
    "changes-in-place",
    "a value that is replaced where it is has changed, though its leaf has not",
    "btree/compare/changed_leaves.ts",
    "    for (const key of keys) set.pages.add(nodes.leafFor(key, key.length).page);\n",
    "",
    "store/changes/changes_test.ts",
  ),
  bug(
    "changes-by-reference",
    "two values in one shared page have the same reference at different times",
    "btree/compare/tree_changes.ts",
    "if (isKept && (!a.isReference || decodeReference(a.stored, 0).number === 0)) return true;",
    "if (isKept) return true;",
    "store/changes/changes_test.ts",
  ),
  bug(
    "built-superblock-early",
    "the superblocks of a new file follow everything else to the medium",
    "pager/file/building_file.ts",
    "    await disk.startSync();\n    disk.write(this.#superblocks, 0, END - BEGIN, BEGIN);\n",
    "    disk.write(this.#superblocks, 0, END - BEGIN, BEGIN);\n",
    "pager/file/building_file_test.ts",
  ),
  bug(
    "copy-not-durable",
    "a copy shows a version that is on the medium of its source",
    "store/backup/backup.ts",
    "    await session.reachMedium(reader.meta.version);\n",
    "",
    BACKUP,
  ),
  bug(
    "copy-hoards",
    "images that a copy needs leave memory while it goes on",
    "pager/copy/copies.ts",
    "if (this.#versions.bytes - this.#remaining > DRAIN_BYTES) this.#drain();",
    "",
    BACKUP,
  ),
  bug(
    "increment-omits-replaced",
    "an increment has a page that is replaced, or freed and used again, meanwhile",
    READER,
    "if (versionOf(frame, slot) <= since) return;",
    "if (versionOf(frame, slot) <= since || this.#isPresent[slot] === 1) return;",
    MODEL,
  ),
  bug(
    "increment-omits-early",
    "an increment has the pages that came early",
    "pager/copy/increment_writer.ts",
    "if (versionOf(frame, slot) > this.#since) this",
    "if (versionOf(frame, slot) < 0) this",
    MODEL,
  ),
  bug(
    "increment-keeps-freed",
    "applying an increment frees the pages that its state does not have",
    APPLY,
    "if (!isInUse(frame, 0, slot)) frame.u32.fill(0, word, word + HEADER_WORDS);",
    "if (!isInUse(frame, 0, slot)) continue;",
    MODEL,
  ),
  bug(
    "increment-of-another-history",
    "an increment is applied only to its own base",
    APPLY,
    "    return this.#sum.equals({ pages: u32(0), sum: u32(4), mixed: u32(8) });",
    "    return u32(0) >= 0;",
    RESTORE,
  ),
  bug(
    "increment-with-gap",
    "each increment begins where the one before it ends",
    "store/backup/restore.ts",
    "if (head.base !== version) {",
    "if (head.base < version) {",
    RESTORE,
  ),
  bug(
    "increment-cut",
    "the sum of an increment covers all its bytes",
    "pager/copy/increment_reader.ts",
    "    if (type === END_RECORD) this.#checkEnd(number, content, sum, offset);\n",
    "",
    RESTORE,
  ),
];
