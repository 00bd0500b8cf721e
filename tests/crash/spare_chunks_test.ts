/**
 * Power cuts while a journal area gives back chunks between two commits, while pages take them, and
 * while the file is cut where they were: the file opens with every commit that was on the medium,
 * and no chunk is both of the journal and free.
 */

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { format, type Pager } from "../../pager/mod.ts";
import { Blocks } from "../support/files/blocks.ts";
import { makeImage, plansAt } from "../support/files/crash_images.ts";
import { PowerFile, PowerWalk } from "../support/files/power_file.ts";
import { Random } from "../support/random.ts";
import {
  allocate,
  dataPages,
  expectContent,
  journalChunks,
  makeFile,
  openNodes,
  transact,
  write,
} from "../support/trees/pages.ts";

const { CHUNK_PAGES, PAGE_BYTES } = format;
const PAGES = dataPages(1300);
const CHANGED = PAGES.slice(0, 40);
/** Few pages, so that no area grows, in many chunks, so that checkpoints take many commits. */
const SPREAD = PAGES.filter((_, i) => i % 200 === 0);
/** The pages that are looked at after a cut, besides those that other commits change. */
const SAMPLE = PAGES.filter((_, i) => i % 40 === 0);
const OPTIONS = { journalBytes: 2 * 1024 * 1024 };
const SLOT = 9;
/** The operations of a large transaction from the end of its checkpoint on. */
const LAST_OPERATIONS = 12;

/** A commit: its pages, their salt, and the number of operations after which it is durable. */
interface Commit {
  readonly pages: readonly number[];
  readonly salt: number;
  readonly durableAt: number;
}

/** A file that gives chunks back, its commits, and the operations that matter. */
interface Run {
  readonly file: PowerFile;
  readonly pager: Pager;
  /** The chunks of the journal after the large transaction. */
  readonly journal: readonly number[];
  readonly commits: Commit[];
  readonly commit: (pages: readonly number[], salt: number, change?: typeof write) => void;
  from: number;
}

/**
 * Commits a large transaction.
 *
 * @param waits Whether the small ones that follow advance its checkpoint; if not, it ends at once.
 */
function commitLarge(waits: boolean): Run {
  const start = new Blocks();
  const bytes = makeFile(PAGES.length).content();
  start.write(bytes, 0, bytes.length, 0);
  const file = new PowerFile(start);
  const pager = openNodes(file, OPTIONS);
  const commits: Commit[] = [];
  const commit: Run["commit"] = (pages, salt, change = write) => {
    transact(pager, () => pages.forEach((page) => change(pager, page, salt)));
    pager.flush("sync", waits);
    const looked = pages === PAGES ? SAMPLE : pages;
    commits.push({ pages: looked, salt, durableAt: file.operations.length });
  };
  commit(PAGES, 1);
  return { file, pager, journal: journalChunks(pager), commits, commit, from: 0 };
}

/**
 * Commits a large transaction, then small ones until an area gives chunks back.
 *
 * @param isInside Whether a page behind the journal is in use, so that its chunks are in the data.
 */
function giveBack(small: readonly number[], isInside: boolean): Run {
  const run = commitLarge(true);
  const { file, pager, journal, commit } = run;
  if (isInside) commit([(journal.at(-1)! + 1) * CHUNK_PAGES + SLOT], 1, allocate);
  const { length } = journal;
  for (let salt = 2; journalChunks(pager).length >= length; salt++) {
    run.from = file.operations.length;
    commit(small, salt);
    assert(salt < 100, "an area gives chunks back");
  }
  return run;
}

/** Gives chunks back with the large transaction, and lets a page be taken where they were. */
function giveBackAtOnce(): Run {
  const run = commitLarge(false);
  const { file, pager, journal, commit } = run;
  assert(journal.length <= 4, `${journal}`);
  run.from = file.operations.length - LAST_OPERATIONS;
  const behind = format.chunksOf(pager.meta.pageCount) * CHUNK_PAGES;
  commit([behind + SLOT], 200, allocate);
  commit(CHANGED, 201);
  return run;
}

/** Lets pages take chunks that were given back. */
function takeChunks(): Run {
  const run = giveBack(CHANGED, true);
  const { pager, commit } = run;
  const left = journalChunks(pager);
  const given = run.journal.filter((chunk) => !left.includes(chunk));
  assert(given.length >= 2, `${run.journal} became ${left}`);
  commit(given.map((chunk) => chunk * CHUNK_PAGES + SLOT), 200, allocate);
  commit(CHANGED, 201);
  return run;
}

/** Lets the file be cut while a checkpoint runs, and pages be taken where it was. */
function cutFile(): Run {
  const run = giveBack(SPREAD, false);
  const { file, pager, commit } = run;
  const { checkpoints } = pager.stats();
  const sizes = [file.size()];
  for (let salt = 101; salt < 105; salt++) {
    commit(SPREAD, salt);
    sizes.push(file.size());
  }
  assert(sizes[0]! > sizes.at(-1)! + 4 * CHUNK_PAGES * PAGE_BYTES / 2, `cut: ${sizes}`);
  assertEquals(pager.stats().checkpoints, checkpoints, "before the next checkpoint has ended");
  const behind = format.chunksOf(pager.meta.pageCount) * CHUNK_PAGES;
  commit([behind + SLOT], 200, allocate);
  commit(SPREAD, 201);
  return run;
}

/** The salts that some pages may have after a cut: of the last durable commit or a later one. */
function expectCommits(pager: Pager, commits: readonly Commit[], done: number): void {
  const last = commits.findLastIndex(({ durableAt }) => durableAt <= done);
  const errors: unknown[] = [];
  for (let count = last + 1; count <= Math.min(last + 2, commits.length); count++) {
    const salts = new Map(SAMPLE.map((page) => [page, page]));
    for (const { pages, salt } of commits.slice(0, count)) {
      for (const page of pages) salts.set(page, salt);
    }
    try {
      for (const [page, salt] of salts) expectContent(pager, page, salt);
      return;
    } catch (error) {
      errors.push(error);
    }
  }
  throw new AggregateError(errors, `no commit from ${last} on`);
}

/** The chunks whose pages are of the journal are those of its areas. */
function expectAreas(pager: Pager): void {
  const areas = pager.inspection().journal()!.areas.flatMap(({ chunks }) => chunks);
  assertEquals(journalChunks(pager), areas.toSorted((a, b) => a - b));
}

/** Cuts the power at each operation. */
function expectAll({ file, commits, from }: Run, limit: number): void {
  const walk = new PowerWalk(file.start);
  const random = new Random(3);
  file.operations.forEach((operation, done) => {
    walk.issue(operation);
    if (done >= from) {
      const plans = plansAt(walk, { garbage: "none", rotPages: [], limit }, random);
      for (const plan of plans) {
        const pager = openNodes(new PowerFile(makeImage(walk, plan), false), OPTIONS);
        expectCommits(pager, commits, done);
        expectAreas(pager);
      }
    }
    walk.complete(operation);
  });
}

describe("power cuts while the journal gives chunks back", () => {
  it("leave a file that has every durable commit", () => expectAll(takeChunks(), 6));
});

describe("power cuts while a large transaction gives chunks back at once", () => {
  it("leave a file that has every durable commit", () => expectAll(giveBackAtOnce(), 1));
});

describe("power cuts while the file is cut where the journal was", () => {
  it("leave a file that has every durable commit", () => expectAll(cutFile(), 2));
});
