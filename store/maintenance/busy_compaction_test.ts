// Compaction while small commits go on: pages that keep free pages inside the file move down, a
// step after each small commit, and after no other.

import { assertEquals, assertGreater, assertLess, assertLessOrEqual } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { format, MemoryFile } from "../../pager/mod.ts";
import {
  assertContent,
  bytesOf,
  change,
  checkDatabase,
  contentOf,
  openBoth,
  type Opened,
} from "../../tests/support/databases/database.ts";
import { usedPages } from "../../tests/support/trees/space.ts";

const { CHUNK_PAGES, PAGE_BYTES } = format;
/** More commits than pages that may move: each step moves one at least. */
const COMMITS_MAX = 2000;
/** For each byte of a commit in the journal, so many of pages move, after those of two steps. */
const MOVED_BYTES = 16;
const FIRST_PAGES = 64;

/** Two trees whose pages alternate, of which one is cleared. */
function withHoles(): Opened & { readonly file: MemoryFile } {
  const file = new MemoryFile();
  const opened = openBoth(file);
  const set = (tree: string, turn: number) => {
    change(opened.db, tree, (entries) => {
      for (let i = 0; i < 700; i++) entries.set(`${turn} ${i}`, bytesOf(i, 1000));
    });
  };
  for (let turn = 0; turn < 5; turn++) {
    set("kept", turn);
    set("gone", turn);
  }
  change(opened.db, "gone", (tree) => tree.clear());
  return { ...opened, file };
}

/** The page after the last one in use. */
function endOf({ session }: Opened): number {
  return usedPages(session.context).at(-1)! + 1;
}

/** Where the end is at most after a compaction: the journal may be before it. */
function goalOf(opened: Opened): number {
  const used = usedPages(opened.session.context).length;
  return used + (journalChunks(opened) + 1) * CHUNK_PAGES;
}

function journalChunks({ session }: Opened): number {
  return session.pager.inspection().journal()!.areas.flatMap(({ chunks }) => chunks).length;
}

/** Counts the pages that became free, and those that may have moved for what was committed. */
class Proportion {
  readonly #opened: Opened;
  readonly #freedAtStart: number;
  #allowed = FIRST_PAGES;

  constructor(opened: Opened) {
    this.#opened = opened;
    this.#freedAtStart = this.#freed;
  }

  get #freed(): number {
    return this.#opened.session.context.allocator.pagesFreed;
  }

  /** Makes a small commit, which frees no page; fails if more pages have moved than may. */
  commit(act: () => void): void {
    const { pager } = this.#opened.session;
    const chunks = journalChunks(this.#opened);
    // The records of the step before are written with the commit.
    const before = pager.stats().journalBytesWritten + pager.pendingBytes;
    act();
    const bytes = Math.max(0, pager.stats().journalBytesWritten - before);
    const givenBack = Math.max(0, chunks - journalChunks(this.#opened));
    this.#allowed += MOVED_BYTES * bytes / PAGE_BYTES + givenBack * CHUNK_PAGES;
    assertLessOrEqual(this.#freed - this.#freedAtStart, this.#allowed);
  }
}

function commitSmall({ db }: Opened, seed: number): void {
  change(db, "kept", (tree) => tree.set("key", bytesOf(seed, 9)));
}

describe("a compaction while commits go on", () => {
  it("moves pages down, in proportion to what is committed", () => {
    const opened = withHoles();
    const content = contentOf(opened.db, ["kept"]);
    const written = () => {
      const { pageWrites, journalBytesWritten } = opened.session.pager.stats();
      return pageWrites + journalBytesWritten / PAGE_BYTES;
    };
    const proportion = new Proportion(opened);
    let most = 0;
    for (let commits = 0; endOf(opened) > goalOf(opened); commits++) {
      assertLess(commits, COMMITS_MAX);
      const before = written();
      proportion.commit(() => {
        change(opened.db, "one", (tree) => tree.set("key", bytesOf(commits, 9)));
      });
      most = Math.max(most, written() - before);
    }
    // Its own pages, and a chunk of a checkpoint.
    assertLess(most, 3 * CHUNK_PAGES);
    assertContent(contentOf(opened.db, ["kept"]), content);
    checkDatabase(opened);
    opened.db.close();
  });

  it("moves them between awaited commits too", async () => {
    const opened = withHoles();
    for (let commits = 0; endOf(opened) > goalOf(opened); commits++) {
      assertLess(commits, COMMITS_MAX);
      await opened.db.tree("kept").set("key", bytesOf(commits, 9));
    }
    checkDatabase(opened);
    opened.db.close();
  });

  it("moves nothing while a snapshot is open, or after commits that change much", () => {
    const opened = withHoles();
    const end = endOf(opened);
    const snapshot = opened.db.snapshot();
    for (let i = 0; i < 20; i++) commitSmall(opened, i);
    snapshot.close();
    for (let i = 0; i < 20; i++) {
      change(opened.db, "kept", (tree) => {
        for (let j = 0; j < 100; j++) tree.set(`0 ${j}`, bytesOf(i, 1000));
      });
    }
    assertEquals(endOf(opened), end);
    for (let i = 0; i < 20; i++) commitSmall(opened, i);
    assertGreater(end, endOf(opened));
    opened.db.close();
  });
});
