/**
 * All commands, in the order of the help.
 */

import { archive } from "./command/archive.ts";
import { backup, restore } from "./command/backup.ts";
import { bench } from "./command/bench.ts";
import { deleteEntries, set } from "./command/change.ts";
import { changes } from "./command/changes.ts";
import { compact } from "./command/compact.ts";
import { completion } from "./command/completion.ts";
import { dump } from "./command/dump.ts";
import { explore } from "./command/explore.ts";
import { info, stats, trees } from "./command/info.ts";
import { load } from "./command/load.ts";
import { map } from "./command/map.ts";
import { migrate } from "./command/migrate.ts";
import { chunk, page } from "./command/page.ts";
import { count, get, keys, scan } from "./command/read.ts";
import { serve } from "./command/serve.ts";
import { shell } from "./command/shell.ts";
import { sql } from "./command/sql.ts";
import { study } from "./command/study.ts";
import { copy, drop, rename } from "./command/trees.ts";
import { salvage, verify } from "./command/verify.ts";
import type { CommandSpec } from "./spec/command_spec.ts";

/** All commands. */
export const COMMANDS: readonly CommandSpec[] = [
  info,
  trees,
  stats,
  map,
  page,
  chunk,
  get,
  set,
  deleteEntries,
  keys,
  scan,
  count,
  drop,
  rename,
  copy,
  load,
  dump,
  compact,
  verify,
  salvage,
  backup,
  archive,
  restore,
  changes,
  bench,
  study,
  shell,
  sql,
  explore,
  serve,
  migrate,
  completion,
];
