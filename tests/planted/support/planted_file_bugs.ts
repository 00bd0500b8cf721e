/**
 * Planted bugs of files: the names and permissions of new ones, databases that can be opened too
 * early, and descriptors.
 */

import { bug, type PlantedBug } from "./planted_bugs.ts";

const NEW_FILE = "pager/file/new_file.ts";
const NEW_FILE_TEST = "pager/file/new_file_test.ts";
const BUILDING = "pager/file/building_file.ts";
const BUILDING_TEST = "pager/file/building_file_test.ts";

/** Bugs of files. */
export const FILE_BUGS: readonly PlantedBug[] = [
  bug(
    "descriptor-left",
    "a descriptor in use when its file is closed is closed after its last call",
    "pager/file/background_reads.ts",
    "    else if (this.#isClosed) fs.closeSync(descriptor);\n",
    "",
    "pager/file/background_reads_test.ts",
  ),
  bug(
    "superblocks-not-last",
    "the superblocks of a database under construction are written last",
    BUILDING,
    "return position >= END || position + length <= BEGIN;",
    "return position >= 0;",
    BUILDING_TEST,
  ),
  bug(
    "building-unmarked",
    "a database under construction is distinguished from an unfinished creation",
    BUILDING,
    "if (!this.#hasMark) this.#writeMark();",
    "this.#hasMark = true;",
    BUILDING_TEST,
  ),
  bug(
    "name-overwrites",
    "a new file does not replace an existing one",
    NEW_FILE,
    "    link(from, to);\n",
    "    fs.renameSync(from, to);\n    fs.linkSync(to, from);\n",
    NEW_FILE_TEST,
  ),
  bug(
    "named-at-once",
    "a new file gets its name only when it is complete",
    NEW_FILE,
    "const path = nameBeside(target, number);",
    "const path = target;",
    NEW_FILE_TEST,
  ),
  bug(
    "removes-another",
    "only the program's own file is removed",
    NEW_FILE,
    "if (isThere) fs.unlinkSync(this.path);",
    "fs.unlinkSync(this.path);",
    NEW_FILE_TEST,
  ),
  bug(
    "copy-too-open",
    "a copy is not more open than its source",
    NEW_FILE,
    'const descriptor = fs.openSync(path, "wx+", narrow);',
    'const descriptor = fs.openSync(path, "wx+", MODE_NEW);',
    NEW_FILE_TEST,
  ),
];
