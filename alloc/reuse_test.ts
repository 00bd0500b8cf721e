// Space between runs is reused: values are replaced over many rounds, and the tests bound the pages
// of the file per page in use and the reads of an allocation. A full disk lends released pages.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { format, header, IoError, MemoryFile } from "../pager/mod.ts";
import { BudgetFile } from "../tests/support/files/budget_file.ts";
import { FaultyFile } from "../tests/support/files/faulty_file.ts";
import { Random } from "../tests/support/random.ts";
import { journalChunks, openNodes, SMALL_CACHE, transact } from "../tests/support/trees/pages.ts";
import { numbers, openSpace, type Space, take } from "../tests/support/trees/space.ts";
import { Allocator } from "./allocator.ts";

const { CHUNK_PAGES, KIND_BRANCH, KIND_LEAF } = format;

/** Values by key, each replaced by one of another length, as in a tree. */
class Values {
  readonly space: Space = openSpace();
  /** The pieces of each value, by first page and length. */
  readonly #pieces: [number, number][][] = [];
  #live = 0;
  /** The number of pieces allocated so far. */
  pieces = 0;

  replace(key: number, pages: number): void {
    const { pager, allocator } = this.space;
    const before = this.#pieces[key] ?? [];
    transact(pager, () => {
      this.#pieces[key] = pages === 1
        ? [[allocator.allocate(KIND_LEAF, 1, 0), 1]]
        : this.#run(pages);
      for (const [page, span] of before) {
        allocator.release(page, span);
        this.#live -= span;
      }
    });
    this.#live += pages;
    this.pieces += this.#pieces[key]!.length;
  }

  #run(pages: number): [number, number][] {
    const { pager, allocator } = this.space;
    const pieces: [number, number][] = [];
    for (let rest = pages; rest > 0;) {
      const page = allocator.allocateShortRun(rest, 1, 0);
      const span = header.runPagesOf(pager.frames[pager.at(page) >>> 8]!, page & 255);
      pieces.push([page, span]);
      rest -= span;
    }
    return pieces;
  }

  /** The pages of the file per page in use, without those of the journal. */
  ratio(): number {
    const { pager } = this.space;
    return (pager.meta.pageCount - journalChunks(pager).length * CHUNK_PAGES) / this.#live;
  }
}

/**
 * Replaces values at random for some rounds. Returns the highest ratio after any round, and the
 * average number of pieces of a value.
 */
function churn(keys: number, rounds: number, pagesOf: (key: number, random: Random) => number) {
  const values = new Values();
  const random = new Random(7);
  for (let key = 0; key < keys; key++) values.replace(key, pagesOf(key, random));
  let worst = 0;
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < keys; i++) {
      const key = random.below(keys);
      values.replace(key, pagesOf(key, random));
    }
    worst = Math.max(worst, values.ratio());
  }
  values.space.pager.close();
  return { worst, pieces: values.pieces / (keys * (rounds + 1)) };
}

describe("the file stays within 1.3 of its pages in use", () => {
  it("when large values are replaced at random, each in two pieces or less on average", () => {
    const { worst, pieces } = churn(40, 8, (_, random) => 75 + random.below(116));
    assert(worst < 1.3, `${worst} pages for each page in use`);
    assert(pieces <= 2, `a value has ${pieces} pieces`);
  });

  it("when values of a few pages are replaced at random", () => {
    const { worst } = churn(700, 5, (_, random) => 2 + random.below(12));
    assert(worst < 1.3, `${worst} pages for each page in use`);
  });

  it("when single pages, small values and large ones are replaced at random", () => {
    const { worst } = churn(1500, 5, (key, random) => {
      if (key % 10 !== 0) return 1;
      return key % 100 === 0 ? 75 + random.below(116) : 2 + random.below(12);
    });
    assert(worst < 1.3, `${worst} pages for each page in use`);
  });
});

describe("Allocator.allocateShortRun", () => {
  /** The pages of chunks that hold leaves, except for a gap in each. */
  function withGaps(chunks: number, gap: number): Space {
    const space = openSpace();
    transact(space.pager, () => take(space, chunks * 255 - 2));
    transact(space.pager, () => {
      for (let chunk = 0; chunk < chunks; chunk++) {
        numbers(chunk * 256 + 50, gap).forEach((page) => space.allocator.release(page, 1));
      }
    });
    return space;
  }

  it("takes the chunk of the first eight whose free run is the shortest that has room", () => {
    const space = withGaps(12, 20);
    transact(space.pager, () => space.allocator.release(5 * 256 + 70, 1));
    transact(space.pager, () => [70, 71].forEach((p) => space.allocator.release(3 * 256 + p, 1)));
    const pieces = transact(space.pager, () => {
      return [22, 21, 22].map((span) => space.allocator.allocateShortRun(span, 1, 0));
    });
    assertEquals(pieces.slice(0, 2), [3 * 256 + 50, 5 * 256 + 50]);
    const frame = space.pager.frames[space.pager.at(pieces[2]!) >>> 8]!;
    assertEquals(header.runPagesOf(frame, pieces[2]! & 255), 20);
  });

  it("uses chunks of leaves and of runs whose first page is free", () => {
    const space = withGaps(20, 0);
    transact(space.pager, () => {
      numbers(9 * 256 + 1, 100).forEach((page) => space.allocator.release(page, 1));
      numbers(11 * 256 + 101, 100).forEach((page) => space.allocator.release(page, 1));
    });
    transact(space.pager, () => {
      assertEquals(space.allocator.allocateShortRun(100, 1, 0), 9 * 256 + 1);
      assertEquals(space.allocator.allocateShortRun(100, 1, 0), 11 * 256 + 101);
    });
  });

  it("makes the file longer rather than take pieces of less than an eighth, or 8 pages", () => {
    for (const [wanted, gap] of [[200, 24], [30, 7]] as const) {
      const space = withGaps(3, gap);
      const { pageCount } = space.pager.meta;
      const page = transact(space.pager, () => space.allocator.allocateShortRun(wanted, 1, 0));
      assert(page >= pageCount, `a piece of ${gap} pages, where ${wanted} are wanted`);
    }
  });

  it("reads few header pages, however many chunks have retired pages that are free now", () => {
    const file = new MemoryFile();
    const first = openSpace(file);
    transact(first.pager, () => take(first, 60 * 255 - 2));
    first.pager.close();
    const counted = new FaultyFile(file);
    const pager = openNodes(counted, SMALL_CACHE);
    const allocator = new Allocator(pager);
    const snapshot = pager.snapshot();
    for (let chunk = 0; chunk < 60; chunk++) {
      transact(pager, () => {
        numbers(chunk * 256 + 50, 4).forEach((page) => allocator.release(page, 1));
      });
    }
    pager.checkpoint();
    for (let page = 59 * 256 + 60; page > 40 * 256; page--) if ((page & 255) > 60) pager.at(page);
    snapshot.close();
    const { read } = counted.counts;
    transact(pager, () => allocator.allocateShortRun(100, 1, 0));
    assert(counted.counts.read - read <= 40, `${counted.counts.read - read} reads`);
    pager.close();
  });
});

describe("Allocator.allocate of a branch", () => {
  /** A file of 20 full chunks, the last one of branches, and its free pages. */
  function withBranches(): { file: MemoryFile; branches: number[]; space: Space } {
    const file = new MemoryFile();
    const space = openSpace(file);
    const branches = transact(space.pager, () => {
      take(space, 19 * 255 - 2);
      return numbers(0, 255).map(() => space.allocator.allocate(KIND_BRANCH, 1, 0));
    });
    return { file, branches, space };
  }

  it("finds what is free among branches, and nothing else does", () => {
    const { branches, space } = withBranches();
    const { pager, allocator } = space;
    // The first page of the chunk is among them.
    const gap = branches.slice(0, 20);
    transact(pager, () => gap.forEach((page) => allocator.release(page, 1)));
    transact(pager, () => {
      const others = [...take(space, 30), allocator.allocateShortRun(20, 1, 0)];
      assertEquals(others.filter((page) => gap.includes(page)), []);
      assertEquals(allocator.allocate(KIND_BRANCH, 1, 0), gap[0]);
    });
    pager.close();
  });

  it("keeps the hint at or below the chunk, so that it is found in a file opened again", () => {
    const { branches, space, file } = withBranches();
    const gap = branches[9]!;
    lookAtAll(space);
    transact(space.pager, () => space.allocator.release(gap, 1));
    assertEquals(space.pager.meta.allocatorHint, gap >>> 8);
    space.pager.close();
    const again = openSpace(file);
    const page = transact(again.pager, () => again.allocator.allocate(KIND_BRANCH, 1, 0));
    assertEquals(page, gap);
    again.pager.close();
  });

  it("hides no space from others in chunks of branches that a small file had", () => {
    const space = openSpace();
    const { pager, allocator } = space;
    const branches = transact(pager, () => {
      take(space, 253);
      return numbers(0, 255).map(() => allocator.allocate(KIND_BRANCH, 1, 0));
    });
    transact(pager, () => branches.slice(9, 20).forEach((page) => allocator.release(page, 1)));
    const leaves = transact(
      pager,
      () => numbers(0, 20).map(() => allocator.allocateRun(255, 1, 0)),
    );
    lookAtAll(space);
    const { pageCount } = pager.meta;
    transact(pager, () => allocator.release(leaves[5]!, 255));
    transact(pager, () => assertEquals(take(space, 255), numbers(leaves[5]!, 255)));
    assertEquals(pager.meta.pageCount, pageCount);
    pager.close();
  });
});

/** Makes the allocator examine every chunk, a few for each run that fits nowhere. */
function lookAtAll({ pager, allocator }: Space): void {
  pager.begin();
  for (let i = 0; i < 6; i++) allocator.allocateRun(255, 1, 0);
  pager.commit();
}

describe("a disk that was full", () => {
  it("lends released pages before those near a neighbour that have no bytes in the file", () => {
    const file = new BudgetFile(Infinity);
    const pager = openNodes(file);
    const allocator = new Allocator(pager);
    const allocate = (near: number) =>
      transact(pager, () => allocator.allocate(KIND_LEAF, 1, near));
    const released = allocate(0);
    let last = released;
    for (let i = 0; i < 40; i++) last = allocate(last);
    pager.checkpoint();
    file.budget = file.used;
    // Pages that were claimed ahead still fit.
    assertThrows(() => {
      for (;;) last = allocate(last);
    }, IoError);
    pager.rollback();
    transact(pager, () => allocator.release(released, 1));
    pager.checkpoint();
    assertEquals(allocate(last), released);
    pager.close();
  });
});
