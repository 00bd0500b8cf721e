// The page that says what calls cost names every method of the public classes, and has the numbers
// of the code: what tests hold with bounds of their own is true of these numbers too.

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type Database, open } from "../../mod.ts";

const PAGE = new URL("../../docs/operations.md", import.meta.url);

/** The names of the methods and accessors of an object's classes. */
function namesOf(object: object): Set<string> {
  const names = new Set<string>();
  for (let at = Object.getPrototypeOf(object); at !== Object.prototype;) {
    for (const name of Object.getOwnPropertyNames(at)) names.add(name);
    at = Object.getPrototypeOf(at);
  }
  names.delete("constructor");
  return names;
}

/** An object of each public class that works on a database, by the name of the class. */
function objectsOf(db: Database): Record<string, object> {
  const snapshot = db.snapshot();
  const tree = db.tree("t");
  return db.writeSync((tx) => ({
    Database: db,
    Tree: tree,
    Snapshot: snapshot,
    ReadTree: snapshot.tree(tree),
    Transaction: tx,
    TransactionTree: tx.tree(tree),
    Inspector: db.inspect(),
  }));
}

describe("docs/operations.md", () => {
  const page = Deno.readTextFileSync(PAGE);
  using db = open(":memory:");
  for (const [name, object] of Object.entries(objectsOf(db))) {
    it(`names each method of ${name}`, () => {
      assertEquals([...namesOf(object)].filter((method) => !page.includes(`\`${method}\``)), []);
    });
  }
});

/** A file, a number in it, and what the page says of that number. */
const NUMBERS: readonly (readonly [file: string, code: string, words: string])[] = [
  ["pager/flush/file_end.ts", "PIECE_BYTES = 2 * CHUNK_BYTES", "cut off, 4 MiB a turn"],
  ["pager/flush/checkpointer.ts", "SLICE_PAGES = 32", "writes 256 KiB of pages"],
  ["pager/flush/checkpointer.ts", "IDLE_PAGES = 64", "in slices of 512 KiB of pages"],
  ["pager/flush/checkpointer.ts", "CALM_CALLS = 64", "64 commits later"],
  ["pager/flush/checkpointer.ts", "CALM_BYTES = 384 * 1024", "at most 6 KiB each"],
  ["store/maintenance/busy_compaction.ts", "SMALL_BYTES = 64 * 1024", "at most 64 KiB moves"],
  ["store/maintenance/busy_compaction.ts", "MOVED_BYTES = 16", "pages from the end of the file"],
  ["store/maintenance/busy_compaction.ts", "STEP_PAGES = 32", "32 pages at a time"],
  ["store/maintenance/busy_compaction.ts", "slackPart: 1 / 20", "a twentieth of the pages"],
  ["pager/flush/checkpointer.ts", "DUE_PART = 1 / 2", "when the journal is half full"],
  ["pager/cache/staged_chunk.ts", "PART_PAGES = 32", "first time 256 KiB a turn"],
  ["pager/cache/windows.ts", "WINDOWS_MAX = 32_768", "the first 32,768 in use"],
  ["pager/copy/copied_file.ts", "COUNT_MAX = 16_384", "for 16,384 of them, 64 bytes"],
  ["pager/copy/copied_file.ts", "SYNC_BYTES = 32 * 1024 * 1024", "follows each 32 MiB"],
  ["pager/copy/copies.ts", "DRAIN_BYTES = 1024 * 1024", "at most 1 MiB of old pages"],
  ["pager/copy/commit_queue.ts", "QUEUE_BYTES_MAX = 16 * 1024 * 1024", "at most 16 MiB of records"],
  ["store/archive/replica_file.ts", "BYTES_MAX = 64 * 1024 * 1024", "up to 64 MiB of changes"],
  ["store/archive/replica_file.ts", "PARTS_MAX = 4;", "a segment of more than 16 MiB"],
  ["store/archive/segments/segment_writer.ts", "_BYTES_MAX = 4 * 1024 * 1024", "objects of 4 MiB"],
  ["store/archive/segments/merging.ts", "_MAX = 4 * 1024 * 1024", "Memory: 8 MiB meanwhile"],
  [
    "store/backup/compact_copy.ts",
    "CACHE_BYTES = format.CHUNK_BYTES",
    "two chunks of the new file, 4 MiB",
  ],
  ["btree/sort/external_sort.ts", "BYTES = 64 * 1024 * 1024", "gather in 64 MiB of memory"],
  ["btree/sort/sorted_run.ts", "BLOCK_BYTES = 64 * 1024", "64 KiB of each run at a time"],
  ["pager/follow/follower.ts", "LOOK_MS = 2", "such look was 2 ms ago"],
  ["pager/follow/follower.ts", "WAIT_MS = 100", "for about 100 ms"],
  ["pager/sidecar/sync_note.ts", "NOTE_BYTES = 28", "one read of 124 bytes"],
  ["pager/sidecar/pins.ts", "STALE_MS = 30_000", "waits up to 30 s for its pin"],
  ["btree/catalog.ts", "SLICE_PAGES = 256", "in transactions of 256 pages"],
  ["btree/compact/compaction.ts", "GROUP_MAX = 64", "up to 63 siblings"],
  ["btree/compact/packing.ts", "GROUP_MAX = 8", "at most eight leaves"],
  ["btree/compact/packing.ts", "LOOKS = 16", "no more than 16 leaves for each page"],
  ["btree/sort/external_sort.ts", "SORT_BYTES = 64 * 1024 * 1024", "in 64 MiB of memory"],
  ["btree/sort/sorted_run.ts", "BLOCK_BYTES = 64 * 1024", "64 KiB of each run at a time"],
  ["store/archive.ts", "EVERY_MS = 1000", "`everyMs`, one second by default"],
  ["store/archive.ts", "BASE_EVERY_MS = 24 * 60 * 60 * 1000", "a day by default"],
  ["store/archive.ts", "MERGE_AFTER_MS = 60 * 60 * 1000", "an hour by default"],
  ["store/archive.ts", "REPLICATE_EVERY_MS = 100", "each tenth of a second"],
  ["store/archive/replica_file.ts", "LAYER_BYTES_MAX = 64 * 1024 * 1024", "to 64 MiB of changes"],
  [
    "store/archive/segments/merging.ts",
    "MERGED_BYTES_MAX = 4 * 1024 * 1024",
    "one more for each 4",
  ],
  ["store/archive/segments/segment_reader.ts", "AHEAD_MAX = 8", "of the next eight segments"],
  ["store/archive/segments/segment_writer.ts", "PART_BYTES_MAX = 4 *", "objects of 4 MiB"],
  ["store/backup/compact_copy.ts", "STEP_MS = 2", "in steps of about 2 ms"],
  ["store/backup/copy_loop.ts", "CHUNK_MS = 2", "after one took 2 ms"],
  ["store/backup/copy_loop.ts", "HEADERS_MS = 1", "after one took 1 ms"],
  ["store/backup/copy_loop.ts", "SPARSE_CHUNKS = 32", "off the thread, 32 at a time"],
  ["store/backup/copy_pace.ts", "REST = 59", "rests 59 times as long"],
  ["store/changes/changes.ts", "SLICE_MS = 2", "It pauses every 2 ms"],
  ["store/follow/heartbeat.ts", "WATCH_MS = 20", "within about 20 ms"],
  ["store/maintenance/compact.ts", "THIN_PART = 1 / 12", "would be a twelfth fewer"],
  ["store/maintenance/compaction_run.ts", "ALONE_PAGES = 128", "48 pages then, else 128"],
  ["store/maintenance/compaction_run.ts", "SLICE_PAGES = 48", "at most 48 pages then"],
  ["store/maintenance/compaction_run.ts", "UNSYNCED_PAGES = 2048", "follows each 16 MiB"],
  ["store/maintenance/housekeeping.ts", "CLOSE_DELETED = 4", "and four times the bytes"],
  ["store/maintenance/housekeeping.ts", "CLOSE_PACKS_MIN = 1024", "at most 1,024 of them"],
  ["store/maintenance/housekeeping.ts", "CLOSE_PART = 1 / 4", "as many as a quarter of the"],
  ["store/maintenance/housekeeping.ts", "SLICES_AT_ONCE = 4", "Four of them run before the call"],
  ["store/maintenance/housekeeping.ts", "TURN_MS = 4", "the others for 4 ms in each"],
  ["store/maintenance/housekeeping.ts", "chunksMax: 512", "at most 512 header pages"],
  ["store/maintenance/housekeeping.ts", "leavesMax: 4096", "at most 4,096 leaves of a tree"],
  ["store/maintenance/housekeeping.ts", "movesMax: 4096", "are free: at most 4,096 pages"],
  ["store/maintenance/housekeeping.ts", "packedMax: 131_072", "at most 1 GiB of these"],
  ["store/maintenance/housekeeping.ts", "packsMax: 16_384", "never more than 16,384, 128 MiB"],
  ["store/maintenance/housekeeping.ts", "slackPages: 192", "about 1.5 MiB of pages may have"],
  ["store/maintenance/housekeeping.ts", "slackPages: 8,", "of the file, and 64 KiB, are free"],
  ["store/maintenance/housekeeping.ts", "slackPart: 1 / 16", "about a sixteenth of the file"],
  ["store/maintenance/housekeeping.ts", "thinPages: 8,", "an eighth of either and 64 KiB"],
  ["store/maintenance/housekeeping.ts", "valuePagesMax: 4096", "one value of 32 MiB more"],
  ["store/maintenance/slices.ts", "SLICE_MS = 12", "in slices of 12 ms"],
  ["store/replica.ts", "EVERY_MS = 5000", "five seconds by default"],
  [
    "store/write/group_commit.ts",
    "PENDING_BYTES = 1024 * 1024",
    "of more than 1 MiB are written",
  ],
  [
    "store/write/group_commit.ts",
    "TURN_BYTES = 4 * 1024 * 1024",
    "With 4 MiB they are in any case",
  ],
  ["store/write/range_delete_slices.ts", "STEPS_MAX = 128", "each of at most 128 steps"],
  ["store/write/range_delete_slices.ts", "STEP_PAGES = 32", "releases at most 32 pages"],
];

describe("the numbers of docs/operations.md", () => {
  it("are those of the code", () => {
    const page = Deno.readTextFileSync(PAGE).replaceAll(/\s+/g, " ");
    const wrong = NUMBERS.filter(([file, code, words]) => {
      const source = Deno.readTextFileSync(new URL(`../../${file}`, import.meta.url));
      return !source.includes(code) || !page.includes(words);
    });
    assertEquals(wrong, []);
  });
});
