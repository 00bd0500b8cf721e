/**
 * The inspection of a database: its pages, headers, cache and journal, and the path of a look-up.
 *
 * `Database.inspect()` returns an `Inspector`, and `Database.census()` a `Census`. A program that
 * names their types imports them from here. They describe the file format, not the data: most
 * programs need `mod.ts` alone.
 *
 * ```ts
 * import type { Inspector } from "./inspect.ts";
 * import { open } from "./mod.ts";
 *
 * using db = open(":memory:");
 * const inspector: Inspector = db.inspect();
 * console.assert(inspector.header(0).kindName === "headers");
 * ```
 *
 * @module
 */

export type {
  CheckpointState,
  DiskFigures,
  HeaderFields,
  JournalAreaState,
  JournalState,
  LoadFigures,
  Residence,
  Superblock,
  SuperblockState,
} from "./pager/mod.ts";
export type {
  Cell,
  Census,
  ChunkCensus,
  LookupTraceStep,
  PageContents,
  Probe,
  Region,
} from "./btree/mod.ts";
export {
  type CacheState,
  type FileState,
  type FrameState,
  type HeaderState,
  Inspector,
  type Lookup,
  type LookupStep,
  type PageLoad,
  type PageState,
  type Trace,
  type TracedPage,
  type TreeState,
} from "./store/mod.ts";
