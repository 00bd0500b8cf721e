/**
 * `verify`: valid files of every shape have no finding; every rule of the format, broken once with
 * sums that fit, is found with its page; all findings of a file are reported; and nothing is
 * written.
 */

import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ClosedError, format, IoError, LockedError, MemoryFile } from "../../pager/mod.ts";
import { open } from "../../store/open.ts";
import { verify, verifyFile, type VerifyReport } from "../../store/verify/verify.ts";
import {
  bytesOf,
  change,
  openBoth,
  openOn,
  sameBytes,
  utf8,
} from "../support/databases/database.ts";
import { FaultyFile } from "../support/files/faulty_file.ts";
import { Image } from "../support/files/image.ts";
import { processorMs } from "../support/processor_time.ts";
import { Random } from "../support/random.ts";
import { inTempDir } from "../support/temp.ts";
import { fillSample, makeSample } from "../support/trees/sample.ts";
import { makeWide } from "./support/wide.ts";

const { CHUNK_BYTES, CHUNK_PAGES, HEADER, PAGE_BYTES, SUPERBLOCK } = format;
const { KIND_BRANCH, KIND_JOURNAL, KIND_LEAF } = format;
const { KIND_RUN, KIND_RUN_CONTINUED, KIND_SUPERBLOCK } = format;

const sample = makeSample();
const wide = makeWide();
const CATALOG = 3;
const ROOT = 4;
const [FIRST, SECOND, LAST] = [5, 6, 7];
const FREE = 10;
const RUN = 12;
const EMPTY = 14;

/** Verifies bytes. Fails if anything is written. */
async function check(bytes: Uint8Array): Promise<VerifyReport> {
  const file = new FaultyFile(new MemoryFile(bytes));
  const report = await verifyFile(file, { cacheBytes: 8 * 1024 * 1024, maxFindings: 10_000 });
  const { write, truncate } = file.counts;
  assertEquals(write + truncate, 0, "something was written");
  assertEquals(report.ok, report.findingCount === 0);
  return report;
}

async function assertClean(bytes: Uint8Array, what = ""): Promise<VerifyReport> {
  const report = await check(bytes);
  assertEquals([report.findings, report.repairable], [[], []], what);
  assertEquals([report.ok, report.findingCount, report.unreached], [true, 0, 0], what);
  return report;
}

describe("verify() of a valid file", () => {
  it("has no finding, and counts trees and entries", async () => {
    const report = await assertClean(sample.bytes);
    assertEquals([report.trees, report.entries, report.pages], [4, 43, 10]);
    const { trees, entries } = await assertClean(wide.bytes);
    assertEquals([trees, entries], [5, 2900 + 250 + 1000 + 5000]);
  });

  it("has no finding in a fresh database, nor in the golden file of format 1", async () => {
    const file = new MemoryFile();
    openOn(file).close();
    assertEquals((await assertClean(file.content())).pages, 0);
    await assertClean(
      Deno.readFileSync(new URL("../model/golden/format-1.quire", import.meta.url)),
    );
  });

  it("has no finding after random changes, closed or interrupted at any time", async () => {
    const random = new Random(3);
    const file = new MemoryFile();
    let db = openOn(file, { cacheBytes: 8 * 1024 * 1024 });
    for (let round = 0; round < 24; round++) {
      db.writeSync((tx) => {
        for (let i = 0; i < 200; i++) {
          const tree = tx.tree(`tree ${random.below(4)}`);
          const key = bytesOf(random.below(3000), 1 + random.below(60));
          if (random.once(3)) tree.delete(key);
          else {tree.set(
              key,
              bytesOf(i, random.once(10) ? random.below(40_000) : random.below(300)),
            );}
        }
        if (random.once(4)) tx.tree("tree 1").deleteRange({ gt: bytesOf(1, 1), lt: bytesOf(2, 2) });
      });
      if (random.once(6)) db.dropTree(`tree ${random.below(4)}`);
      if (random.once(4)) db.checkpoint();
      assertEquals((await db.verify()).findings, [], `in use, round ${round}`);
      const cut = await assertClean(file.content(), `cut off in round ${round}`);
      assert(cut.recovery !== undefined);
      if (!random.once(3)) continue;
      db.close();
      await assertClean(file.content(), `closed in round ${round}`);
      db = openOn(file, { cacheBytes: 8 * 1024 * 1024 });
    }
    db.close();
  });

  it("has no finding with a checkpoint or a drop half done, sectors protected or not", async () => {
    const file = new MemoryFile();
    const { db, session } = openBoth(file, { tornSectors: "protect" });
    change(db, "many", (tree) => {
      for (let i = 0; i < 9000; i++) tree.set(`key ${i}`, bytesOf(i, 300));
    });
    session.pager.checkpointSlice();
    assertEquals((await db.verify()).findings, []);
    await assertClean(file.content(), "in a checkpoint");
    session.writeSync(() => session.catalog.drop("many"));
    session.writeSync(() => session.catalog.sweep(8));
    assertEquals((await db.verify()).findings, []);
    assertEquals((await assertClean(file.content(), "in a drop")).trees, 0);
    db.close();
    await assertClean(file.content(), "closed in a drop");
  });

  it("has no finding if interrupted after pages below the hint were released", async () => {
    const file = new MemoryFile();
    const db = openOn(file);
    change(db, "many", (tree) => {
      for (let i = 0; i < 9000; i++) tree.set(`key ${i}`, bytesOf(i, 300));
    });
    db.checkpoint();
    change(db, "many", (tree) => tree.set("one", bytesOf(1, 1)));
    const hint = new Image(file.content()).superblock(SUPERBLOCK.allocatorHint);
    assertGreater(hint, 0);
    change(db, "many", (tree) => tree.deleteRange({ lt: "key 2" }));
    const cut = new MemoryFile(file.content());
    await assertClean(cut.content());
    const again = openOn(cut);
    assertEquals((await again.verify()).findings, []);
    // The released pages are found again.
    change(again, "more", (tree) => {
      for (let i = 0; i < 9000; i++) tree.set(`key ${i}`, bytesOf(i, 300));
    });
    again.close();
    const more = new Image(cut.content()).pagesOf([KIND_LEAF], 2);
    assert(more.some((page) => page < CHUNK_PAGES));
  });

  it("has no finding in memory, with pages evicted", async () => {
    using db = open(":memory:", { cacheBytes: 8 * 1024 * 1024 });
    change(db, "many", (tree) => {
      for (let i = 0; i < 30_000; i++) tree.set(`key ${(i * 7919) % 30_000}`, bytesOf(i, 500));
    });
    const { findings, entries } = await db.verify();
    assertEquals(findings, []);
    assertEquals(entries, 30_000);
  });

  it("has no finding in a database opened read-only after a crash", async () => {
    const file = new MemoryFile();
    fillSample(openOn(file));
    const crashed = new MemoryFile(file.content());
    const db = openOn(crashed, { readOnly: true });
    const { ok, entries } = await db.verify();
    assertEquals([ok, entries], [true, 43]);
    db.close();
  });
});

interface Breakage {
  readonly name: string;
  readonly change: (image: Image) => void;
  /** The finding's rule and position. */
  readonly rule: string;
  readonly page: number;
  readonly from?: Uint8Array;
}

/** Sets a byte of the header of a page, and seals it. */
function setHeader(page: number, at: number, byte: number) {
  return (image: Image) => {
    image.header(page)[at] = byte;
    image.sealHeader(page);
  };
}

/** The offset of the children in the page of a branch. */
function childrenAt(image: Image, page: number): number {
  return page * PAGE_BYTES + 4 * image.entriesOf(page);
}

/** Sets a child of the root branch of the small database, and seals it. */
function setChild(index: number, child: number) {
  return (image: Image) => {
    image.view.setUint32(childrenAt(image, ROOT) + 4 * index, child, true);
    image.seal(ROOT);
  };
}

const HEADERS: Breakage[] = [
  {
    name: "a bit set for a free page",
    change: (image) => image.setInUse(FREE, true),
    rule: "bitmap and header disagree",
    page: FREE,
  },
  {
    name: "a bit clear for a page in use",
    change: (image) => image.setInUse(SECOND, false),
    rule: "bitmap and header disagree",
    page: SECOND,
  },
  {
    name: "a bit set past the page count",
    change: (image) => image.setInUse(200, true),
    rule: "bitmap and header disagree",
    page: 200,
  },
  {
    name: "the header page's own bit clear",
    change: (image) => image.setInUse(0, false),
    rule: "the header page is marked free",
    page: 0,
  },
  {
    name: "a free header that is not zero",
    change: (image) => image.header(FREE)[9] = 1,
    rule: "the header of a free page is not zero",
    page: FREE,
  },
  {
    name: "a used header past the page count",
    change: (image) => {
      image.header(100).set(image.header(EMPTY));
      image.setInUse(100, true);
      image.sealHeader(100);
    },
    rule: "in use past the page count",
    page: 100,
  },
  {
    name: "an unknown kind",
    change: setHeader(EMPTY, 0, 9),
    rule: "unknown kind 9",
    page: EMPTY,
  },
  {
    name: "a superblock's kind elsewhere",
    change: setHeader(EMPTY, 0, KIND_SUPERBLOCK),
    rule: "superblock out of place",
    page: EMPTY,
  },
  {
    name: "a superblock's header that says more",
    change: setHeader(2, HEADER.tree, 1),
    rule: "says more than its kind",
    page: 2,
  },
  {
    name: "a header sum that does not match",
    change: (image) => image.header(SECOND)[HEADER.headerSum]! ^= 1,
    rule: "header sum does not match",
    page: SECOND,
  },
  {
    name: "a page sum that does not match",
    change: (image) => image.page(SECOND)[4000]! ^= 1,
    rule: "page sum does not match",
    page: SECOND,
  },
  {
    name: "a version that the file has not reached",
    change: setHeader(SECOND, HEADER.versionHigh, 1),
    rule: "a version that the file has not reached",
    page: SECOND,
  },
  {
    name: "a tree id not given yet",
    change: setHeader(EMPTY, HEADER.tree, 99),
    rule: "of tree 99",
    page: EMPTY,
  },
  {
    name: "a page of the journal where there is none",
    change: (image) => {
      image.setInUse(FREE, true);
      image.header(FREE)[0] = KIND_JOURNAL;
      image.seal(FREE);
    },
    rule: "outside of its areas",
    page: FREE,
  },
  {
    name: "a free page below the allocator's hint",
    change: (image) => image.setSuperblocks(SUPERBLOCK.allocatorHint, 1),
    rule: "below the allocator's hint",
    page: 0,
  },
];

const TREES: Breakage[] = [
  {
    name: "a page in use that nothing leads to",
    change: (image) => image.copyTo(LAST, FREE),
    rule: "in use by tree 1, which does not lead to it",
    page: FREE,
  },
  {
    name: "a page in use by a tree that is not there",
    change: (image) => {
      image.copyTo(LAST, FREE);
      setHeader(FREE, HEADER.tree, 2)(image);
    },
    rule: "in use by tree 2, which is not in the catalog",
    page: FREE,
  },
  {
    name: "a child that is free",
    change: setChild(1, FREE),
    rule: "the page is free",
    page: FREE,
  },
  {
    name: "a child past the end of the file",
    change: setChild(1, 999),
    rule: "no page of data can be here",
    page: 999,
  },
  {
    name: "a child that is a header page",
    change: setChild(1, 256),
    rule: "no page of data can be here",
    page: 256,
  },
  {
    name: "a child that is there twice",
    change: setChild(2, SECOND),
    rule: "in a tree twice",
    page: SECOND,
  },
  {
    name: "a child of another tree",
    change: setHeader(SECOND, HEADER.tree, 5),
    rule: "not a page of tree 1",
    page: SECOND,
  },
  {
    name: "a child of another kind",
    change: (image) => {
      image.copyTo(ROOT, FREE);
      setChild(1, FREE)(image);
    },
    rule: "not a node of level 0",
    page: FREE,
  },
  {
    name: "a branch on another level than its leaves say",
    change: setHeader(ROOT, HEADER.level, 2),
    rule: "not a node of level 1",
    page: FIRST,
  },
  {
    name: "children in the wrong order",
    change: (image) => {
      setChild(0, SECOND)(image);
      setChild(1, FIRST)(image);
    },
    rule: "what the parent says",
    page: SECOND,
  },
  {
    name: "a leaf that is not linked to its neighbour",
    change: (image) => image.setLink(FIRST, LAST),
    rule: "is not linked to its neighbour",
    page: FIRST,
  },
  {
    name: "a last leaf that is linked on",
    change: (image) => image.setLink(LAST, FIRST),
    rule: "the last leaf is linked to another",
    page: LAST,
  },
  {
    name: "a branch with a link",
    change: (image) => image.setLink(ROOT, FIRST),
    rule: "a branch with a link",
    page: ROOT,
  },
  {
    name: "an empty leaf below a branch",
    change: (image) => {
      image.page(SECOND).fill(0);
      image.header(SECOND).set(image.header(EMPTY).subarray(18, 24), 18);
      image.view.setUint16(image.headerAt(SECOND) + HEADER.entries, 0, true);
      image.seal(SECOND);
    },
    rule: "without entries",
    page: SECOND,
  },
  {
    name: "keys out of order in a leaf",
    change: (image) => {
      const at = SECOND * PAGE_BYTES;
      const head = image.view.getUint32(at, true);
      image.view.setUint32(at, image.view.getUint32(at + 4, true), true);
      image.view.setUint32(at + 4, head, true);
      image.seal(SECOND);
    },
    rule: "is not after the one before it",
    page: SECOND,
  },
  {
    name: "two entries of a leaf with one cell",
    change: (image) => {
      const at = SECOND * PAGE_BYTES + 4 * image.entriesOf(SECOND);
      image.view.setUint16(at + 2 * 3, image.view.getUint16(at + 2 * 4, true), true);
      image.seal(SECOND);
    },
    rule: "is also another's",
    page: SECOND,
  },
  {
    name: "more entries than a leaf has",
    change: setHeader(SECOND, HEADER.entries, 11),
    rule: "the head of entry",
    page: SECOND,
  },
  {
    name: "bytes that a leaf does not use",
    change: (image) => {
      image.page(EMPTY)[3000] = 1;
      image.seal(EMPTY);
    },
    rule: "what is not used of the page is not zero",
    page: EMPTY,
  },
  {
    name: "a root that is not a node",
    change: (image) => image.setSuperblocks(SUPERBLOCK.catalogRoot, RUN),
    rule: "the root of a tree is of kind 3",
    page: RUN,
  },
];

const RUNS: Breakage[] = [
  {
    name: "a later page of another run",
    change: (image) => image.setLink(RUN + 1, RUN - 1),
    rule: "not part of the run at page 12",
    page: RUN + 1,
  },
  {
    name: "a later page without its run",
    change: (image) => {
      image.header(RUN).fill(0);
      image.setInUse(RUN, false);
    },
    rule: "a later page of a run that is not there",
    page: RUN + 1,
  },
  {
    name: "a run of fewer pages than its bytes",
    change: setHeader(RUN, HEADER.runPages, 1),
    rule: "a run of 1 pages holds 16000 bytes",
    page: RUN,
  },
  {
    name: "a run of another length than its value",
    change: setHeader(RUN, HEADER.runBytes, 0x81),
    rule: "do not add up",
    page: RUN,
  },
  {
    name: "a run of another version than its reference says",
    change: setHeader(RUN, HEADER.versionLow, 1),
    rule: "a run of another version",
    page: RUN,
  },
  {
    name: "a run with a level byte in a later page",
    change: setHeader(RUN + 1, HEADER.level, 1),
    rule: "reserved bytes are not zero",
    page: RUN + 1,
  },
  {
    name: "a run with entries",
    change: setHeader(RUN, HEADER.entries, 1),
    rule: "reserved bytes are not zero",
    page: RUN,
  },
  {
    name: "a run with a cell start",
    change: setHeader(RUN, HEADER.cellStart, 1),
    rule: "reserved bytes are not zero",
    page: RUN,
  },
  {
    name: "bytes past the end of a value",
    change: (image) => {
      image.page(RUN + 1)[PAGE_BYTES - 1] = 1;
      image.seal(RUN + 1);
    },
    rule: "what is not used of the page is not zero",
    page: RUN + 1,
  },
  {
    name: "a run that nothing refers to",
    change: (image) => {
      image.copyTo(RUN, FREE);
      setHeader(FREE, HEADER.runPages, 1)(image);
      image.view.setUint32(image.headerAt(FREE) + HEADER.runBytes, 8192, true);
      image.sealHeader(FREE);
    },
    rule: "in use by tree 3, which does not lead to it",
    page: FREE,
  },
];

const SUPERBLOCKS: Breakage[] = [
  {
    name: "two superblocks of one number that contradict each other",
    change: (image) => {
      image.setSuperblocks(SUPERBLOCK.syncCount, 9);
      image.page(2).set(new Image(sample.bytes).page(2));
    },
    rule: "two different superblocks have the same number",
    page: 1,
  },
];

const WIDE: Breakage[] = [
  {
    name: "a lost page in the second chunk",
    change: (image) => image.page(CHUNK_PAGES + 9).fill(0),
    rule: "page sum does not match",
    page: CHUNK_PAGES + 9,
    from: wide.bytes,
  },
];

describe("verify() of a file with one broken rule", () => {
  for (const group of [HEADERS, TREES, RUNS, SUPERBLOCKS, WIDE]) {
    for (const { name, change, rule, page, from = sample.bytes } of group) {
      it(`finds ${name}`, async () => {
        const image = new Image(from);
        change(image);
        const { ok, findings } = await check(image.bytes);
        assertEquals(ok, false);
        const found = findings.find((finding) => finding.rule.includes(rule));
        if (found === undefined) assertEquals(findings as unknown, rule);
        assertEquals(found?.page, page);
        assertGreater(found!.offset, -1);
        assertLess(found!.offset, (page + 1) * PAGE_BYTES + CHUNK_BYTES);
      });
    }
  }

  it("finds what is wrong in the catalog", async () => {
    const at = (image: Image) => {
      const text = String.fromCharCode(...image.page(CATALOG));
      return CATALOG * PAGE_BYTES + text.lastIndexOf("\x01\0\0\0\0\0\0\0", 8190);
    };
    const cases: [string, (image: Image) => void][] = [
      ["reserved bytes", (image) => image.bytes[at(image) + 4] = 7],
      ["reserved bytes", (image) => image.bytes[at(image) + 6] = 7],
      ["names a tree 77", (image) => image.bytes[at(image)] = 77],
    ];
    for (const [rule, change] of cases) {
      const image = new Image(sample.bytes);
      change(image);
      image.seal(CATALOG);
      const { findings, unreached } = await check(image.bytes);
      assertEquals(findings.length, 1, JSON.stringify(findings));
      assertStringIncludes(findings[0]!.rule, rule);
      assertEquals(findings[0]!.page, CATALOG);
      assertGreater(unreached, 0);
    }
  });

  it("finds each truncation, and never accepts missing pages", async () => {
    for (let size = 0; size < sample.bytes.length; size += 4096) {
      const { ok } = await check(sample.bytes.subarray(0, size));
      assertEquals(ok, false, `cut to ${size} bytes`);
    }
  });

  it("finds both superblocks lost, and continues with the headers", async () => {
    const image = new Image(sample.bytes);
    image.destroy(1);
    image.destroy(2);
    image.page(SECOND)[5]! ^= 1;
    const { findings, pages } = await check(image.bytes);
    assertEquals(findings.map(({ page }) => page), [1, 2, SECOND]);
    assertEquals(pages, 10);
  });

  it("finds a superblock of another database, and continues with the headers", async () => {
    const image = new Image(sample.bytes);
    image.setSuperblocks(SUPERBLOCK.databaseId, 7);
    const { findings, entries } = await check(image.bytes);
    assertEquals(findings.map(({ page }) => page), [1]);
    assertStringIncludes(findings[0]!.rule, "to another database than the superblock");
    assertEquals(entries, 43);
  });

  it("reports that a file is not a database", async () => {
    for (const bytes of [new Uint8Array(0), utf8("Hello.".repeat(9000)), bytesOf(1, 90_000)]) {
      const { ok, findings } = await check(bytes);
      assertEquals(ok, false);
      assertStringIncludes(findings[0]!.rule, "not a Quire database");
      assertEquals(findings.length, 2);
    }
  });
});

describe("verify() of a file with much damage", () => {
  it("finds all of it, each damaged page once, and counts the pages below", async () => {
    const image = new Image(wide.bytes);
    const leaves = image.pagesOf([KIND_LEAF], wide.ids.get("long")!);
    const damaged = [leaves[3], leaves[4], leaves[90], ...image.pagesOf([KIND_RUN]).slice(5, 9)];
    damaged.push(...image.pagesOf([KIND_BRANCH], wide.ids.get("short")!));
    damaged.forEach((page) => image.destroy(page!));
    image.setLink(leaves[20]!, 3);
    const { findings, unreached } = await check(image.bytes);
    const expected = [...damaged, leaves[20]].sort((a, b) => a! - b!);
    assertEquals(findings.map(({ page }) => page).sort((a, b) => a - b), expected);
    const shorts = image.pagesOf([KIND_LEAF], wide.ids.get("short")!);
    const runs = image.pagesOf([KIND_RUN, KIND_RUN_CONTINUED]);
    assertGreater(unreached, shorts.length - 1);
    assertLess(unreached, shorts.length + runs.length);
  });

  it("finds every header of a lost header page, and keeps no more than the limit", async () => {
    const image = new Image(wide.bytes);
    image.destroy(CHUNK_PAGES);
    const report = await check(image.bytes);
    const pages = new Set(report.findings.map(({ page }) => page));
    for (let slot = 1; slot < CHUNK_PAGES; slot++) assert(pages.has(CHUNK_PAGES + slot));
    const few = await verifyFile(image.file(), { maxFindings: 5 });
    assertEquals(few.findings, report.findings.slice(0, 5));
    assertEquals(few.findingCount, report.findingCount);
  });

  it("finds an unreadable journal, and continues without it", async () => {
    const file = new MemoryFile();
    const db = openOn(file);
    fillSample(db);
    db.checkpoint();
    for (let i = 0; i < 3; i++) change(db, "later", (tree) => tree.set(`${i}`, bytesOf(i, 100)));
    const bytes = file.content();
    const image = new Image(bytes);
    const journal = image.superblock(SUPERBLOCK.journalB);
    const start = journal * CHUNK_BYTES + PAGE_BYTES;
    assertEquals((await check(bytes)).ok, true);
    for (const at of [start, journal * CHUNK_BYTES + 40]) {
      const broken = bytes.slice();
      broken[at + 1]! ^= 0xff;
      const { findings, recovery } = await check(broken);
      if (at === start) {
        assertEquals([findings.length > 0, recovery], [true, undefined]);
        assertStringIncludes(findings[0]!.rule, "was on the medium and is not whole");
      } else {
        // Recovery rewrites the headers of the journal.
        assertEquals(findings, []);
      }
    }
  });

  it("finds a journal that was cut off, which opening refuses", async () => {
    const file = new MemoryFile();
    const db = openOn(file);
    fillSample(db);
    db.checkpoint();
    const bytes = file.content();
    const image = new Image(bytes);
    const last = Math.max(
      image.superblock(SUPERBLOCK.journalA),
      image.superblock(SUPERBLOCK.journalB),
    );
    const { findings } = await check(bytes.subarray(0, last * CHUNK_BYTES));
    const rules = findings.map(({ page, rule }) => [page, rule]);
    assertEquals(rules, [[last * CHUNK_PAGES, "the file ends before its journal"]]);
  });
});

describe("verify() of a file that a power cut left with one intact superblock", () => {
  const breaks: readonly [string, string, (image: Image, page: number) => void][] = [
    ["destroyed", "not a Quire database", (image, page) => image.destroy(page)],
    ["zero", "not a Quire database", (image, page) => image.page(page).fill(0)],
    ["torn", "superblock sum does not match", (image, page) => {
      image.page(page)[SUPERBLOCK.sum]! ^= 1;
    }],
  ];
  for (const [what, rule, change] of breaks) {
    for (const page of [1, 2]) {
      it(`is ok, and reports copy ${page}, which is ${what}, as repairable`, async () => {
        const image = new Image(sample.bytes);
        change(image, page);
        const { ok, findings, repairable, entries } = await check(image.bytes);
        assertEquals([ok, findings, entries], [true, [], 43]);
        assertEquals(repairable.map(({ page }) => page), [page]);
        assertStringIncludes(repairable[0]!.rule, rule);
        assertGreater(repairable[0]!.offset, page * PAGE_BYTES - 1);
        assertLess(repairable[0]!.offset, (page + 1) * PAGE_BYTES);
      });
    }
  }

  it("is repaired as soon as it is opened for writing, and not before", async () => {
    for (const page of [1, 2]) {
      const image = new Image(sample.bytes);
      image.page(page)[SUPERBLOCK.sum]! ^= 1;
      const file = new MemoryFile(image.bytes);
      const reader = openOn(file, { readOnly: true });
      const { ok, repairable } = await reader.verify();
      assertEquals([ok, repairable.length], [true, 1], "read-only");
      reader.close();
      assert(sameBytes(file.content(), image.bytes), "a reader changes nothing");
      const db = openOn(file);
      assert(sameBytes(file.content(), sample.bytes), "opened for writing");
      assertEquals((await db.verify()).repairable, []);
      db.close();
      assert(sameBytes(file.content(), sample.bytes), "closed");
    }
  });

  it("is repaired if the other copy is intact and older", () => {
    const image = new Image(sample.bytes);
    const older = image.view.getUint32(PAGE_BYTES + SUPERBLOCK.number, true) - 1;
    image.setSuperblocks(SUPERBLOCK.number, older);
    image.page(2).set(new Image(sample.bytes).page(2));
    const file = new MemoryFile(image.bytes);
    openOn(file).close();
    assert(sameBytes(file.content(), sample.bytes));
  });

  it("is ok after an interrupted creation, and not if it is all zeros", async () => {
    const file = new MemoryFile();
    openOn(file).close();
    const created = file.content();
    const cut = (from: number, size = created.length) => created.slice(0, size).fill(0, from);
    for (const bytes of [cut(PAGE_BYTES), cut(PAGE_BYTES, PAGE_BYTES), cut(PAGE_BYTES + 200)]) {
      const { ok, findings, repairable } = await check(bytes);
      assertEquals([ok, findings], [true, []]);
      assertEquals(repairable.map(({ rule }) => rule), ["the creation of the database was cut"]);
      const again = new MemoryFile(bytes);
      openOn(again).close();
      await assertClean(again.content(), "opened for writing");
    }
    const { ok, repairable } = await check(cut(2 * PAGE_BYTES));
    assertEquals([ok, repairable.map(({ page }) => page)], [true, [2]]);
    for (const size of [0, PAGE_BYTES, created.length]) {
      const { ok, findings, repairable } = await check(new Uint8Array(size));
      assertEquals([ok, findings.length > 0, repairable], [false, true, []], `${size} zeros`);
    }
  });
});

describe("verify() of misplaced pages", () => {
  const image = new Image(sample.bytes);
  const used = image.usedPages();

  it("finds any two swapped pages, and any page in another's place", async () => {
    for (const a of used) {
      for (const b of used) {
        if (a === b) continue;
        const copied = new Image(sample.bytes);
        copied.page(a).set(image.page(b));
        assertEquals((await check(copied.bytes)).ok, false, `${b} at ${a}`);
        if (a > b) continue;
        copied.page(b).set(image.page(a));
        assertEquals((await check(copied.bytes)).ok, false, `${a} and ${b} swapped`);
      }
    }
  });

  it("finds headers in another's place, and page and header there together", async () => {
    for (const a of used) {
      for (const b of used) {
        if (a === b) continue;
        const copied = new Image(sample.bytes);
        copied.header(a).set(image.header(b));
        assertEquals((await check(copied.bytes)).ok, false, `header of ${b} at ${a}`);
        copied.page(a).set(image.page(b));
        assertEquals((await check(copied.bytes)).ok, false, `all of ${b} at ${a}`);
      }
    }
  });

  it("finds each page zeroed, and each older version of a page", async () => {
    const file = new MemoryFile();
    const db = openOn(file);
    const states: Uint8Array[] = [];
    for (let round = 0; round < 5; round++) {
      change(db, "tree", (tree) => {
        for (let i = 0; i < 60; i++) tree.set(`key ${i}`, bytesOf(i + round, 300));
      });
      db.checkpoint();
      states.push(file.content());
    }
    db.close();
    const last = new Image(file.content());
    let games = 0;
    for (const page of last.usedPages()) {
      for (const state of [...states, new Uint8Array(states[0]!.length)]) {
        const older = state.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
        if (older.length < PAGE_BYTES || sameBytes(older, last.page(page))) continue;
        const changed = new Image(last.bytes);
        changed.page(page).set(older);
        const { findings } = await check(changed.bytes);
        assert(findings.some((finding) => finding.page === page), `page ${page}`);
        games++;
      }
    }
    for (const state of states) {
      const changed = new Image(last.bytes);
      changed.page(0).set(state.subarray(0, PAGE_BYTES));
      if (sameBytes(changed.bytes, last.bytes)) continue;
      assertEquals((await check(changed.bytes)).ok, false, "an older header page");
      games++;
    }
    assertGreater(games, 20);
  });

  it("finds one flipped bit in any page in use, header in use, or superblock", async () => {
    const random = new Random(17);
    for (let i = 0; i < 1500; i++) {
      const page = random.pick([1, 2, ...used]);
      const inHeader = random.once(2);
      const at = inHeader
        ? image.headerAt(page) + random.below(32)
        : page * PAGE_BYTES + random.below(PAGE_BYTES);
      const flipped = sample.bytes.slice();
      flipped[at]! ^= 1 << random.below(8);
      const { findings, repairable } = await check(flipped);
      assertEquals(findings.length + repairable.length > 0, true, `byte ${at} of page ${page}`);
      if (page > 2 || inHeader) assertGreater(findings.length, 0, `byte ${at} of page ${page}`);
    }
  });

  it("ends without an error, for any fields and sums", async () => {
    const random = new Random(23);
    for (let i = 0; i < 1500; i++) {
      const broken = new Image(sample.bytes);
      for (let count = random.below(4); count >= 0; count--) {
        const page = random.pick(used);
        const bytes = random.once(2) ? broken.header(page) : broken.page(page);
        const at = random.below(random.once(2) ? Math.min(bytes.length, 64) : bytes.length);
        bytes[at] = random.pick([0, 1, 0x7f, 0x80, 0xff, random.below(256)]);
        if (!random.once(4)) broken.seal(page);
        if (random.once(9)) {
          const field = random.pick(Object.values(SUPERBLOCK).filter((at) => at < 8000));
          broken.setSuperblocks(field, random.pick([0, 1, 2, 300, 2 ** 31, 2 ** 32 - 1]));
        }
      }
      const start = processorMs();
      await check(broken.bytes);
      assertLess(processorMs() - start, 1000, `case ${i}`);
    }
  });
});

describe("verify()", () => {
  it("reads a file on disk, and changes nothing", async () => {
    await inTempDir(async (dir) => {
      const path = `${dir}/db`;
      Deno.writeFileSync(path, sample.bytes);
      assertEquals((await verify(path)).ok, true);
      {
        using _reader = open(path, { readOnly: true });
        assertEquals((await verify(path)).ok, true);
      }
      assert(sameBytes(Deno.readFileSync(path), sample.bytes));
      {
        using _writer = open(path);
        await assertRejects(() => verify(path), LockedError);
      }
      await assertRejects(() => verify(`${dir}/missing`), IoError);
      assertEquals([...Deno.readDirSync(dir)].length, 1);
    });
  });

  it("leaves a file that was not closed unchanged", async () => {
    const file = new MemoryFile();
    fillSample(openOn(file));
    const bytes = file.content();
    const { recovery, entries } = await assertClean(bytes);
    assertEquals([recovery!.batches > 0, entries], [true, 43]);
  });

  it("reports its progress, and yields to the event loop", async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const reported: [string, number, number][] = [];
    using db = open(":memory:");
    change(db, "many", (tree) => {
      for (let i = 0; i < 300_000; i++) tree.set(`key ${i}`, bytesOf(i, 300));
    });
    await db.verify({
      onProgress: ({ phase, done, total }) => reported.push([phase, done, total]),
    });
    clearInterval(timer);
    assertGreater(turns, 3);
    assertGreater(reported.length, 5);
    for (let i = 1; i < reported.length; i++) {
      if (reported[i]![0] === reported[i - 1]![0]) {
        assert(reported[i]![1] >= reported[i - 1]![1], `${reported[i]}`);
      }
    }
    const ends = reported.filter(([, done, total]) => done === total).map(([phase]) => phase);
    assertEquals(ends, ["pages", "trees", "owners"]);
  });

  it("ends when its signal aborts, and releases its resources", async () => {
    await inTempDir(async (dir) => {
      const path = `${dir}/db`;
      Deno.writeFileSync(path, wide.bytes);
      const stop = new AbortController();
      const onProgress = () => stop.abort();
      const { signal } = stop;
      await assertRejects(() => verify(path, { signal, onProgress }), DOMException, "abort");
      const reason = new Error("enough");
      await assertRejects(
        () => verify(path, { signal: AbortSignal.abort(reason) }),
        Error,
        "enough",
      );
      using db = open(path);
      await assertRejects(() => db.verify({ signal }), DOMException, "abort");
      assertEquals((await db.verify()).ok, true);
    });
  });

  it("refuses options out of range", async () => {
    for (const cacheBytes of [0, 1e6, 2 ** 50, NaN]) {
      await assertRejects(() => verifyFile(new MemoryFile(), { cacheBytes }), RangeError);
    }
    for (const maxFindings of [-1, 0.5, NaN]) {
      await assertRejects(() => verifyFile(new MemoryFile(), { maxFindings }), RangeError);
    }
  });
});

describe("Database.verify()", () => {
  it("verifies one version while others are written", async () => {
    const file = new MemoryFile();
    const db = openOn(file, { cacheBytes: 16 * 1024 * 1024 });
    const random = new Random(9);
    const write = () =>
      db.writeSync((tx) => {
        for (let i = 0; i < 300; i++) {
          const tree = tx.tree(`tree ${random.below(3)}`);
          tree.set(`key ${random.below(20_000)}`, bytesOf(i, random.below(3000)));
          if (random.once(3)) tree.delete(`key ${random.below(20_000)}`);
        }
      });
    for (let i = 0; i < 40; i++) write();
    let writes = 0;
    const timer = setInterval(() => {
      write();
      if (writes++ % 5 === 0) db.dropTree("tree 2");
    }, 1);
    const { findings } = await db.verify();
    clearInterval(timer);
    assertEquals(findings, []);
    assertGreater(writes, 1);
    db.close();
    await assertClean(file.content());
  });

  it("finds damage in the file if the page is cached, and ignores dirty pages", async () => {
    const file = new MemoryFile(wide.bytes);
    const db = openOn(file);
    const page = new Image(wide.bytes).pagesOf([KIND_LEAF], wide.ids.get("long")!)[7]!;
    assertEquals(db.tree("long").count(), 2900);
    for (const _ of db.tree("long")) { /* Every leaf is in the cache. */ }
    change(db, "short", (tree) => tree.set("new", bytesOf(1, 9)));
    file.writeAt(bytesOf(1, 64), 0, 64, page * PAGE_BYTES);
    const { findings } = await db.verify();
    assertEquals(findings.map((finding) => finding.page), [page]);
    assertStringIncludes(findings[0]!.rule, "page sum");
  });

  it("is refused inside a transaction and after a close, and ends with the database", async () => {
    const db = open(":memory:");
    await change(db, "many", (tree) => {
      for (let i = 0; i < 40_000; i++) tree.set(`key ${i}`, bytesOf(i, 300));
    });
    let inside: Promise<unknown> | undefined;
    db.writeSync(() => {
      inside = assertRejects(() => db.verify(), TypeError, "a transaction is open");
    });
    await inside;
    const running = assertRejects(() => db.verify(), ClosedError);
    db.close();
    await running;
    await assertRejects(() => db.verify(), ClosedError);
  });

  it("ends with the database in any phase, and does not read a closed file", async () => {
    for (const last of ["pages", "trees"]) {
      await inTempDir(async (dir) => {
        const db = open(`${dir}/db`, { cacheBytes: 8 * 1024 * 1024, durability: "buffered" });
        change(db, "many", (tree) => {
          for (let i = 0; i < 80_000; i++) tree.set(`key ${i}`, bytesOf(i, 200));
        });
        const phases = new Set<string>();
        const onProgress = ({ phase }: { phase: string }) => {
          phases.add(phase);
          if (phase === last) db.close();
        };
        await assertRejects(() => db.verify({ onProgress }), ClosedError);
        assertEquals([...phases].at(-1), last);
      });
    }
  });
});
