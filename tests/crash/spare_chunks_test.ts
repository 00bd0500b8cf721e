/**
 * Power cuts while a journal area gives back chunks between two commits, and while pages take them:
 * the file opens with every commit that was on the medium, and no chunk is both of the journal and
 * free.
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

const { CHUNK_PAGES } = format;
const PAGES = dataPages(1300);
const CHANGED = PAGES.slice(0, 40);
/** The pages that are looked at after a cut, besides those that other commits change. */
const SAMPLE = PAGES.filter((_, i) => i % 40 === 0);
const DATA_CHUNKS = format.chunksOf(PAGES.at(-1)!);
const IMAGES = 6;
const OPTIONS = { journalBytes: 2 * 1024 * 1024 };
const SLOT = 9;

/** A commit: its pages, their salt, and the number of operations after which it is durable. */
interface Commit {
  readonly pages: readonly number[];
  readonly salt: number;
  readonly durableAt: number;
}

/** The commits of a run that gives chunks back, and the operations that matter. */
interface Run {
  readonly file: PowerFile;
  readonly commits: Commit[];
  readonly from: number;
}

function run(): Run {
  const start = new Blocks();
  const bytes = makeFile(PAGES.length).content();
  start.write(bytes, 0, bytes.length, 0);
  const file = new PowerFile(start);
  const pager = openNodes(file, OPTIONS);
  const commits: Commit[] = [];
  const commit = (pages: readonly number[], salt: number, change: typeof write) => {
    transact(pager, () => pages.forEach((page) => change(pager, page, salt)));
    pager.flush("sync");
    const looked = pages === PAGES ? SAMPLE : pages;
    commits.push({ pages: looked, salt, durableAt: file.operations.length });
  };
  commit(PAGES, 1, write);
  const { length } = journalChunks(pager);
  let from = 0;
  for (let salt = 2; journalChunks(pager).length >= length; salt++) {
    from = file.operations.length;
    commit(CHANGED, salt, write);
    assert(salt < 100, "an area gives chunks back");
  }
  const journal = journalChunks(pager);
  const end = journal.at(-1)!;
  const given = Array.from({ length: end }, (_, chunk) => chunk)
    .filter((chunk) => chunk >= DATA_CHUNKS && !journal.includes(chunk));
  commit(given.map((chunk) => chunk * CHUNK_PAGES + SLOT), 200, allocate);
  commit(CHANGED, 201, write);
  return { file, commits, from };
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

describe("power cuts while the journal gives chunks back", () => {
  it("leave a file that has every durable commit", () => {
    const { file, commits, from } = run();
    const walk = new PowerWalk(file.start);
    const random = new Random(3);
    file.operations.forEach((operation, done) => {
      walk.issue(operation);
      if (done >= from) {
        const plans = plansAt(walk, { garbage: "none", rotPages: [], limit: IMAGES }, random);
        for (const plan of plans) {
          const pager = openNodes(new PowerFile(makeImage(walk, plan), false), OPTIONS);
          expectCommits(pager, commits, done);
          expectAreas(pager);
        }
      }
      walk.complete(operation);
    });
  });
});
