/**
 * `verify` and `salvage` of files with unfinished values: their parts are neither damage nor
 * entries; a record or a run of theirs that breaks a rule is found; and later writers are not
 * affected.
 */

import { assert, assertEquals, assertGreater, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { format, MemoryFile } from "../../pager/mod.ts";
import { open } from "../../store/open.ts";
import { TreeFormat } from "../../store/read/tree_format.ts";
import { salvage } from "../../store/verify/salvage.ts";
import { verify, verifyFile, type VerifyReport } from "../../store/verify/verify.ts";
import { bytesOf, change, openBoth, type Opened } from "../support/databases/database.ts";
import { Image } from "../support/files/image.ts";
import { processorMs } from "../support/processor_time.ts";
import { inTempDir } from "../support/temp.ts";

const { HEADER, KIND_LEAF, KIND_RUN, PAGE_BYTES, RUN_PAGES_MAX } = format;

/** The pages of a part in the small database. */
const PART_PAGES = 2;
const PARTS = 3;
/** The bytes that one transaction of a stream appends. */
const STREAM_PART = RUN_PAGES_MAX * PAGE_BYTES;
const FORMAT = new TreeFormat({});
/** The offsets of the tree, the reference, the last run and its length in a record. */
const [TREE, FIRST, LENGTH, VERSION, LAST, RECORD_BYTES] = [0, 4, 8, 14, 20, 24];

/** Appends parts of a value to a tree, which is created if necessary. Returns its number. */
function append({ session }: Opened, tree: string, seed: number, parts = PARTS): number {
  const { unfinished } = session;
  const number = unfinished.begin();
  for (let part = 0; part < parts; part++) {
    session.writeSync(() => {
      const made = session.findTree(tree) === undefined ? tree : "";
      const { id } = session.openTree(tree, FORMAT);
      const bytes = bytesOf(seed + part, PART_PAGES * PAGE_BYTES);
      unfinished.append(number, part * bytes.length, id, bytes, made);
    });
  }
  return number;
}

/** The key of the record of an unfinished value. */
function keyOf(number: number): Uint8Array {
  const key = new Uint8Array(5);
  key[0] = 2;
  new DataView(key.buffer).setUint32(1, number);
  return key;
}

/** A small database with a tree of a value and a leaf, and two unfinished values. */
function makeSmall(): Opened & { file: MemoryFile } {
  const file = new MemoryFile();
  const opened = openBoth(file);
  change(opened.db, "main", (tree) => {
    for (let i = 0; i < 40; i++) tree.set(`key ${i}`, bytesOf(i, 400));
    tree.set("long", bytesOf(1, 3 * PAGE_BYTES));
  });
  append(opened, "main", 1);
  append(opened, "main", 11);
  return { ...opened, file };
}

/** The bytes of the small database, with a changed record. */
function withRecord(edit: (record: Uint8Array, view: DataView) => Uint8Array | void): Uint8Array {
  const { db, session, file } = makeSmall();
  session.writeSync(() => {
    const catalog = session.catalog.tree()!;
    const record = catalog.get(keyOf(2))!.slice();
    catalog.put(keyOf(2), edit(record, new DataView(record.buffer)) ?? record);
  });
  db.close();
  return file.content();
}

const small = new Image(withRecord(() => {}));
const catalogPage = 3;
const runs = small.pagesOf([KIND_RUN], 1);
/** The runs of the entry, of the first unfinished value, and of the second. */
const [entryRun, one, two] = [[runs[0]], runs.slice(1, 4), runs.slice(4, 7)];

async function check(bytes: Uint8Array): Promise<VerifyReport> {
  return await verifyFile(new MemoryFile(bytes), { cacheBytes: 8 * 1024 * 1024 });
}

async function assertSound(bytes: Uint8Array, what: string): Promise<VerifyReport> {
  const report = await check(bytes);
  assertEquals([report.findings, report.unreached], [[], 0], what);
  return report;
}

/** Opens bytes, writes and reads everything; damage of unfinished values must not matter. */
function assertOpens(bytes: Uint8Array, what: string): void {
  const { db } = openBoth(new MemoryFile(bytes), { cacheBytes: 8 * 1024 * 1024 });
  change(db, "other", (tree) => tree.set("key", bytesOf(5, 5)));
  assertEquals(db.tree("other").get("key"), bytesOf(5, 5), what);
  db.close();
}

describe("verify() of a file with unfinished values", () => {
  it("has no finding between any two steps, interrupted or open", async () => {
    for (const isMade of [true, false]) {
      const file = new MemoryFile();
      const opened = openBoth(file);
      const { db, session } = opened;
      if (!isMade) change(db, "main", (tree) => tree.set("key", bytesOf(1, 9)));
      const look = async (what: string) => {
        assertEquals((await db.verify()).findings, [], what);
        await assertSound(file.content(), `${what}, cut off`);
        db.checkpoint();
        await assertSound(file.content(), `${what}, cut off after a checkpoint`);
      };
      const numbers: number[] = [];
      for (const parts of [1, 2, 3]) {
        numbers.push(append(opened, "main", parts, parts));
        await look(`${parts} parts`);
      }
      const { unfinished } = session;
      session.writeSync(() => unfinished.release(numbers[2]!, 1));
      await look("a part given back");
      session.writeSync(() => {
        unfinished.finish(numbers[1]!, session.openTree("main", FORMAT), bytesOf(1, 3));
      });
      await look("one finished");
      db.dropTree("main");
      await look("the tree dropped");
      while (session.writeSync(() => unfinished.release(numbers[0]!, 1)));
      while (session.writeSync(() => unfinished.release(numbers[2]!, 1)));
      await look("all given back");
      db.close();
      assertEquals((await assertSound(file.content(), "closed")).pages, 1);
    }
  });

  it("has none in a database with no other entries in its catalog", async () => {
    const opened = openBoth(new MemoryFile());
    append(opened, "main", 1);
    opened.session.writeSync(() => opened.session.catalog.drop("main"));
    while (opened.session.writeSync(() => opened.session.catalog.sweep()));
    const { findings, trees, entries, pages } = await opened.db.verify();
    assertEquals([findings, trees, entries, pages], [[], 0, 0, 1 + PARTS * PART_PAGES]);
    opened.db.close();
  });

  it("has none in a file on disk, during a stream and after it", async () => {
    await inTempDir(async (dir) => {
      using db = open(`${dir}/db`, { cacheBytes: 8 * 1024 * 1024 });
      const tree = db.tree("main");
      await tree.set("key", bytesOf(1, 9));
      let looked = 0;
      const look = async () => {
        assertEquals((await db.verify()).findings, []);
        db.writeSync((tx) => tx.tree("other").set("key", bytesOf(2, 2)));
        Deno.copyFileSync(`${dir}/db`, `${dir}/copy`);
        const { findings, entries, recovery } = await verify(`${dir}/copy`);
        assertEquals([findings, entries], [[], 2]);
        assert(recovery !== undefined);
        const saved = `${dir}/saved ${looked++}`;
        const report = await salvage(`${dir}/copy`, saved);
        assertEquals([report.findings, report.entries, report.lostPages], [[], 2, 0]);
        assertEquals(report.trees.map(({ lostValues, gaps }) => [lostValues, gaps]), [
          [0, []],
          [0, []],
        ]);
        assertEquals((await verify(saved)).findings, []);
      };
      let pulls = 0;
      const stream = new ReadableStream<Uint8Array>({
        async pull(controller) {
          if (pulls >= 3) await look();
          if (++pulls > 5) return controller.close();
          controller.enqueue(bytesOf(pulls, STREAM_PART));
        },
      }, { highWaterMark: 0 });
      await tree.setStream("long", stream);
      assertEquals(looked, 3);
      assertEquals((await db.verify()).findings, []);
    });
  });

  it("verifies one version while parts are appended and released", async () => {
    const opened = openBoth(new MemoryFile(), { cacheBytes: 8 * 1024 * 1024 });
    const { db, session } = opened;
    change(db, "main", (tree) => {
      for (let i = 0; i < 60_000; i++) tree.set(`key ${i}`, bytesOf(i, 300));
    });
    append(opened, "main", 7);
    let seed = 0;
    const onProgress = () => {
      const number = append(opened, "main", seed++, 2);
      if (seed % 3 === 0) {
        while (
          session.writeSync(() => session.unfinished.release(number, 1))
        );
      }
    };
    assertEquals((await db.verify({ onProgress })).findings, []);
    assertGreater(seed, 3);
    db.close();
  });
});

/** Makes the key of a record longer. */
function longerKey(): Uint8Array {
  const { db, session, file } = makeSmall();
  session.writeSync(() => {
    const catalog = session.catalog.tree()!;
    catalog.put(new Uint8Array([...keyOf(2), 0]), catalog.get(keyOf(2))!.slice());
    catalog.delete(keyOf(2));
  });
  db.close();
  return file.content();
}

function withPages(edit: (image: Image) => void): Uint8Array {
  const image = new Image(small.bytes);
  edit(image);
  return image.bytes;
}

interface Case {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly rule: string;
  readonly page: number;
}

const RECORDS: readonly Case[] = [
  ["a key that is too long", longerKey(), "no known kind"],
  ["a record of no bytes", withRecord(() => new Uint8Array(0)), "a record of 0 bytes"],
  ["a record too short", withRecord((record) => record.slice(0, -1)), "a record of 23 bytes"],
  [
    "a record too long",
    withRecord((record) => {
      const longer = new Uint8Array(RECORD_BYTES + 1025).fill(65);
      longer.set(record);
      return longer;
    }),
    "a record of 1049 bytes",
  ],
  [
    "a record in runs",
    withRecord((record) => {
      const longer = new Uint8Array(5000);
      longer.set(record);
      return longer;
    }),
    "a record of 5000 bytes",
  ],
  [
    "a name that is not UTF-8",
    withRecord((record) => new Uint8Array([...record, 0xff])),
    "not UTF-8",
  ],
  ["tree 0", withRecord((_, view) => view.setUint32(TREE, 0, true)), "for a tree 0"],
  ["a tree not made yet", withRecord((_, view) => view.setUint32(TREE, 2, true)), "for a tree 2"],
].map(([name, bytes, rule]) => ({ name, bytes, rule, page: catalogPage } as Case));

const u32 = (at: number, value: number) => (_: Uint8Array, view: DataView) =>
  view.setUint32(at, value, true);
const leaf = small.pagesOf([KIND_LEAF], 1)[0]!;

const RUNS: readonly Case[] = [
  ["a first page past the end", withRecord(u32(FIRST, 2 ** 31)), "ends inside the header", 2 ** 31],
  ["a first page 0", withRecord(u32(FIRST, 0)), "header sum", 0],
  ["a leaf", withRecord(u32(FIRST, leaf)), "not a run of tree 1", leaf],
  ["the catalog", withRecord(u32(FIRST, catalogPage)), "not a run of tree 1", catalogPage],
  [
    "a later page of a run",
    withRecord(u32(FIRST, two[0]! + 1)),
    "not a run of tree 1",
    two[0]! + 1,
  ],
  ["no length", withRecord(u32(LENGTH, 0)), "a value of 0 bytes", two[0]],
  ["too much length", withRecord(u32(LENGTH, 0xffff_ffff)), "is not in the file", two[0]],
  ["a shared page", withRecord(u32(LENGTH + 4, 1)), "an unfinished value is not in runs", 3],
  ["another length", withRecord(u32(LENGTH, PAGE_BYTES)), "do not add up", two[0]],
  ["an older version", withRecord(u32(VERSION, 0)), "a run of another version", two[0]],
  ["another last run", withRecord(u32(LAST, two[1]!)), "said to be at page", two[2]],
  ["a run already walked", withPages((image) => image.setLink(two[0]!, one[1]!)), "twice", one[1]],
  [
    "a link to itself",
    withPages((image) => image.setLink(two[0]!, two[0]!)),
    "twice",
    two[0],
  ],
  [
    "a link back",
    withPages((image) => image.setLink(two[1]!, two[0]!)),
    "do not add up",
    two[0],
  ],
  [
    "a last run that is linked on",
    withPages((image) => image.setLink(two[2]!, one[0]!)),
    "do not add up",
    two[2],
  ],
  [
    "a run of another tree",
    withPages((image) => {
      image.view.setUint32(image.headerAt(two[1]!) + HEADER.tree, 0, true);
      image.seal(two[1]!);
    }),
    "not a run of tree 1",
    two[1],
  ],
  ["a lost page", withPages((image) => image.destroy(two[1]!)), "page sum", two[1]],
].map(([name, bytes, rule, page]) => ({ name, bytes, rule, page } as Case));

describe("verify() of a damaged unfinished value", () => {
  for (const { name, bytes, rule, page } of [...RECORDS, ...RUNS]) {
    it(`finds ${name}, which affects no other operation`, async () => {
      const { findings, entries, trees } = await check(bytes);
      const found = findings.find((finding) => finding.rule.includes(rule));
      if (found === undefined) assertEquals(findings as unknown, rule);
      assertEquals(found!.page, page);
      assertEquals([trees, entries], [1, 41]);
      const others = findings.filter((finding) => finding.page !== page);
      assert(!others.some(({ rule }) => rule.includes("does not lead to it")), "reported more");
      assertOpens(bytes, name);
      await inTempDir(async (dir) => {
        Deno.writeFileSync(`${dir}/from`, bytes);
        const report = await salvage(`${dir}/from`, `${dir}/to`);
        assertEquals([report.trees.length, report.entries], [1, 41]);
        assertEquals((await verify(`${dir}/to`)).findings, []);
      });
    });
  }

  it("finds a value that is both unfinished and in a leaf", async () => {
    const bytes = withRecord((_, view) => {
      view.setUint32(FIRST, entryRun[0]!, true);
      view.setUint32(LENGTH, 3 * PAGE_BYTES, true);
    });
    const { findings } = await check(bytes);
    assertEquals(findings[0]!.page, entryRun[0]);
    assertStringIncludes(findings[0]!.rule, "twice");
  });

  it("finds two values of the same runs, and runs without references", async () => {
    const { db, session, file } = makeSmall();
    session.writeSync(() => {
      const catalog = session.catalog.tree()!;
      catalog.put(keyOf(2), catalog.get(keyOf(1))!.slice());
    });
    assertEquals((await db.verify()).findings.map(({ page }) => page), [one[0]]);
    session.writeSync(() => session.catalog.tree()!.delete(keyOf(2)));
    const { findings } = await db.verify();
    assertEquals(findings.map(({ page }) => page), two);
    for (const { rule } of findings) assertStringIncludes(rule, "does not lead to it");
    db.close();
    assertEquals((await check(file.content())).findings, findings);
  });

  it("ends soon if very many records refer to the same runs", async () => {
    const { db, session } = makeSmall();
    session.writeSync(() => {
      const catalog = session.catalog.tree()!;
      const record = catalog.get(keyOf(1))!.slice();
      for (let i = 3; i < 20_000; i++) catalog.put(keyOf(i), record);
    });
    const start = processorMs();
    assertEquals((await db.verify()).findingCount, 19_997);
    assert(processorMs() - start < 10_000);
    db.close();
  });
});
