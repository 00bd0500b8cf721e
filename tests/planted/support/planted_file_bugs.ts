/**
 * Planted bugs of new files: their names, their permissions, and databases that can be opened too
 * early.
 */

import { bug, type PlantedBug } from "./planted_bugs.ts";

const NEW_FILE = "pager/file/new_file.ts";
const NEW_FILE_TEST = "pager/file/new_file_test.ts";
const BUILDING = "pager/file/building_file.ts";
const BUILDING_TEST = "pager/file/building_file_test.ts";

/** Bugs of new files. */
export const FILE_BUGS: readonly PlantedBug[] = [
  bug(
    "superblocks-not-last",
    "the superblocks of a database that is built are written last",
    BUILDING,
    "return position >= END || position + length <= BEGIN;",
    "return position >= 0;",
    BUILDING_TEST,
  ),
  bug(
    "building-unmarked",
    "a database that is built is not taken for an unfinished creation",
    BUILDING,
    "if (!this.#hasMark) this.#writeMark();",
    "this.#hasMark = true;",
    BUILDING_TEST,
  ),
  bug(
    "name-overwrites",
    "a new file does not replace what has its name",
    NEW_FILE,
    "    link(from, to);\n",
    "    fs.renameSync(from, to);\n    fs.linkSync(to, from);\n",
    NEW_FILE_TEST,
  ),
  bug(
    "named-at-once",
    "a new file has no name before it is whole",
    NEW_FILE,
    "const path = nameBeside(target, number);",
    "const path = target;",
    NEW_FILE_TEST,
  ),
  bug(
    "removes-another",
    "only what was made is removed",
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
