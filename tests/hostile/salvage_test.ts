/**
 * `salvage`: whatever is destroyed, the new database has exactly the entries whose pages survive,
 * each missing one lies in a reported gap, and the new database passes `verify`. The damaged file
 * is never changed, and no existing file is overwritten.
 */

import {
  assert,
  assertEquals,
  assertGreater,
  assertInstanceOf,
  assertLess,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { CorruptionError, format, IoError, LockedError, MemoryFile } from "../../pager/mod.ts";
import { open } from "../../store/open.ts";
import { salvage, type SalvageReport } from "../../store/verify/salvage.ts";
import { verify } from "../../store/verify/verify.ts";
import {
  bytesOf,
  change,
  openBoth,
  openOn,
  sameBytes,
  utf8,
} from "../support/databases/database.ts";
import { Image } from "../support/files/image.ts";
import { processorMs } from "../support/processor_time.ts";
import { Random } from "../support/random.ts";
import { inTempDir } from "../support/temp.ts";
import { fillSample, makeSample } from "../support/trees/sample.ts";
import { compare, keyOf, makeWide, type MappedEntry } from "./support/wide.ts";

const { CHUNK_PAGES, FRESH_PAGES, HEADER, PAGE_BYTES, SUPERBLOCK } = format;
const { KIND_BRANCH, KIND_LEAF, KIND_RUN } = format;

const wide = makeWide();
const CATALOG_TREE = 0;
const chunks = Math.ceil(wide.bytes.length / PAGE_BYTES / CHUNK_PAGES);

/** The saved entries of each tree. */
type Saved = Map<string, [Uint8Array, Uint8Array][]>;

/** Salvages bytes. Fails if they change, or if the new database does not pass `verify`. */
async function save(bytes: Uint8Array): Promise<{ report: SalvageReport; saved: Saved }> {
  return await inTempDir(async (dir) => {
    const [from, to] = [`${dir}/from`, `${dir}/to`];
    Deno.writeFileSync(from, bytes);
    const report = await salvage(from, to, { cacheBytes: 8 * 1024 * 1024, maxFindings: 10_000 });
    assert(sameBytes(Deno.readFileSync(from), bytes), "the damaged file has changed");
    const { findings, entries, trees } = await verify(to);
    assertEquals(findings, [], "the new database");
    assertEquals([entries, trees], [report.entries, report.trees.length]);
    const saved = readAll(Deno.readFileSync(to));
    for (const { name, entries } of report.trees) assertEquals(saved.get(name)?.length, entries);
    return { report, saved };
  });
}

function readAll(bytes: Uint8Array): Saved {
  const db = openOn(new MemoryFile(bytes), { readOnly: true });
  const saved: Saved = new Map();
  for (const name of db.trees()) {
    saved.set(name, [...db.tree(name)]);
  }
  return saved;
}

/** The entries of a tree that need none of the lost pages, and the others. */
function split(name: string, lost: ReadonlySet<number>): [MappedEntry[], MappedEntry[]] {
  const all = wide.entries.get(wide.ids.get(name)!) ?? [];
  const isLost = ({ pages }: MappedEntry) => pages.some((page) => lost.has(page));
  return [all.filter((entry) => !isLost(entry)), all.filter(isLost)];
}

/** Fails unless each tree has exactly the surviving entries, and the report covers the rest. */
function assertSurvivors(
  { report, saved }: { report: SalvageReport; saved: Saved },
  lost: ReadonlySet<number>,
  nameOf: (name: string) => string = (name) => name,
): void {
  for (const name of wide.ids.keys()) {
    const [kept, gone] = split(name, lost);
    const found = saved.get(nameOf(name)) ?? [];
    assertEquals(found.length, kept.length, `entries of ${name}`);
    for (let i = 0; i < kept.length; i++) {
      assert(sameBytes(found[i]![0], kept[i]!.key), `key ${i} of ${name}`);
      assert(sameBytes(found[i]![1], kept[i]!.value), `value ${i} of ${name}`);
    }
    const tree = report.trees.find((tree) => tree.name === nameOf(name));
    if (tree === undefined) continue;
    for (const { key } of gone) assert(isReported(key, tree), `${name}: ${key} is unreported`);
    const inGaps = tree.gaps.reduce((sum, { entries }) => sum + entries, 0);
    assertLess(
      inGaps + tree.lostValues,
      gone.length + 1,
      `${name}: more is reported than was lost`,
    );
  }
}

function isReported(key: Uint8Array, tree: SalvageReport["trees"][number]): boolean {
  return tree.lostKeys.some((lost) => sameBytes(lost, key)) ||
    tree.gaps.some(({ lower, upper }) => {
      return (lower === undefined || compare(lower, key) < 0) &&
        (upper === undefined || compare(key, upper) < 0);
    });
}

/** Fails unless the only gaps precede the first leaf of a tree, where no entry is known. */
function assertGapsInFront({ trees }: SalvageReport): void {
  for (const { gaps } of trees) {
    assert(gaps.length < 2);
    for (const { lower, entries } of gaps) assertEquals([lower, entries], [undefined, 0]);
  }
}

/** The pages of a chunk. */
function pagesOfChunk(chunk: number): number[] {
  return Array.from({ length: CHUNK_PAGES }, (_, slot) => chunk * CHUNK_PAGES + slot);
}

const branches = (image: Image) => image.pagesOf([KIND_BRANCH]);
const catalog = (image: Image) => image.pagesOf([KIND_LEAF, KIND_BRANCH], CATALOG_TREE);
const fallback = (name: string) => `tree-${wide.ids.get(name)}`;

function destroyed(pages: (image: Image) => readonly number[]): Image {
  const image = new Image(wide.bytes);
  pages(image).forEach((page) => image.destroy(page));
  return image;
}

describe("salvage() of a database that lost no leaf", () => {
  const cases: [string, (image: Image) => readonly number[]][] = [
    ["nothing", () => []],
    ["every branch page", branches],
    ["both superblocks", () => [1, 2]],
    ["every branch page and both superblocks", (image) => [1, 2, ...branches(image)]],
  ];
  for (const [what, pages] of cases) {
    it(`saves all of it with ${what} destroyed`, async () => {
      const result = await save(destroyed(pages).bytes);
      assertSurvivors(result, new Set());
      const { report } = result;
      assertEquals(report.trees.reduce((sum, { lostValues }) => sum + lostValues, 0), 0);
      // Without superblocks the length of the file is unknown, without branches the first leaf.
      const mayBeCut = what.includes("branch") && what.includes("superblock");
      if (mayBeCut) assertGapsInFront(report);
      else assertEquals(report.trees.flatMap(({ gaps }) => gaps), []);
      assertEquals(report.trees.every(({ isNamed }) => isNamed), true);
      assertEquals([report.lostChunks, report.journal], [[], "none"]);
    });
  }

  it("saves all of it without a catalog, and names trees by number", async () => {
    for (const more of [() => [], branches, () => [1, 2]]) {
      const result = await save(destroyed((image) => [...catalog(image), ...more(image)]).bytes);
      assertSurvivors(result, new Set(), fallback);
      const { report } = result;
      assertEquals(report.trees.every(({ isNamed }) => !isNamed), true);
      if (report.hasSuperblock) assertEquals(report.trees.flatMap(({ gaps }) => gaps), []);
      else assertGapsInFront(report);
    }
  });

  it("saves all of it with every bitmap cleared", async () => {
    const image = new Image(wide.bytes);
    for (let chunk = 0; chunk < chunks; chunk++) {
      image.bytes.fill(0, chunk * CHUNK_PAGES * PAGE_BYTES, chunk * CHUNK_PAGES * PAGE_BYTES + 32);
    }
    assertSurvivors(await save(image.bytes), new Set());
  });

  it("saves all of it under a superblock of another database", async () => {
    const image = new Image(wide.bytes);
    image.setSuperblocks(SUPERBLOCK.databaseId, 7);
    assertSurvivors(await save(image.bytes), new Set());
  });

  it("keeps empty trees, and the data that higher layers stored with them", async () => {
    const file = new MemoryFile();
    const { db, session } = openBoth(file);
    session.writeSync(() => {
      session.catalog.create("plain", { attributes: utf8("something") });
      session.catalog.create("numbers", { attributes: utf8("else") });
    });
    db.close();
    await inTempDir(async (dir) => {
      Deno.writeFileSync(`${dir}/from`, file.content());
      await salvage(`${dir}/from`, `${dir}/to`);
      const again = openBoth(new MemoryFile(Deno.readFileSync(`${dir}/to`)));
      assertEquals(again.session.catalog.names(), ["numbers", "plain"]);
      assertEquals(again.session.catalog.get("plain")!.attributes, utf8("something"));
      assertEquals(again.session.catalog.get("numbers")!.attributes, utf8("else"));
    });
  });
});

describe("salvage() of a database that lost pages", () => {
  it("loses at most the chunk of a lost header page, and reports the gaps", async () => {
    for (let chunk = 0; chunk < chunks; chunk++) {
      for (const fill of ["junk", "zeros"]) {
        const image = new Image(wide.bytes);
        if (fill === "junk") image.destroy(chunk * CHUNK_PAGES);
        else image.page(chunk * CHUNK_PAGES).fill(0);
        const result = await save(image.bytes);
        const isCatalogLost = catalog(new Image(wide.bytes))
          .some((page) => Math.floor(page / CHUNK_PAGES) === chunk);
        const nameOf = isCatalogLost ? fallback : undefined;
        assertSurvivors(result, new Set(pagesOfChunk(chunk)), nameOf);
        // In an empty chunk, zeros are no loss.
        const pages = wide.bytes.subarray((chunk * CHUNK_PAGES + 1) * PAGE_BYTES);
        const isEmpty = fill === "zeros" &&
          pages.subarray(0, (CHUNK_PAGES - 1) * PAGE_BYTES).every((byte) => byte === 0);
        assertEquals(result.report.lostChunks, isEmpty ? [] : [chunk], fill);
        assertGreater(result.report.findingCount, 0);
      }
    }
  });

  it("saves the other chunks with superblocks, branches and a header page gone", async () => {
    for (let chunk = 1; chunk < chunks; chunk++) {
      const image = destroyed((image) => [1, 2, chunk * CHUNK_PAGES, ...branches(image)]);
      assertSurvivors(await save(image.bytes), new Set(pagesOfChunk(chunk)));
    }
    // The first one has the headers of the superblocks.
    const image = destroyed(() => [0, 1, 2]);
    assertSurvivors(await save(image.bytes), new Set(pagesOfChunk(0)), fallback);
  });

  it("reports exactly where leaves are missing, whatever else is", async () => {
    const random = new Random(31);
    for (let round = 0; round < 12; round++) {
      const image = new Image(wide.bytes);
      const lost = new Set<number>();
      const kinds = [KIND_LEAF, KIND_RUN];
      const all = image.pagesOf(kinds).filter((page) => image.treeOf(page) !== CATALOG_TREE);
      for (let i = random.below(60); i >= 0; i--) lost.add(random.pick(all));
      if (random.once(2)) branches(image).forEach((page) => image.destroy(page));
      if (random.once(2)) [1, 2].forEach((page) => image.destroy(page));
      const byHeader = random.once(3);
      for (const page of lost) {
        if (byHeader) image.header(page)[HEADER.pageSum]! ^= 1;
        else image.destroy(page);
      }
      const result = await save(image.bytes);
      assertSurvivors(result, lost);
      if (byHeader) continue;
      // Headers have the number of entries of a lost leaf, so the sum is exact.
      for (const tree of result.report.trees) {
        const [, gone] = split(tree.name, lost);
        const reported = tree.gaps.reduce((sum, { entries }) => sum + entries, tree.lostValues);
        assertEquals(reported, gone.length, tree.name);
      }
    }
  });

  it("reports the keys on both sides of a gap, also at the ends", async () => {
    const id = wide.ids.get("long")!;
    const clean = new Image(wide.bytes);
    const order = new Map<number, Uint8Array[]>();
    for (const { key, pages } of wide.entries.get(id)!) {
      order.set(pages[0]!, [...(order.get(pages[0]!) ?? []), key]);
    }
    const leaves = [...order.keys()];
    const gapsWithout = async (...indexes: number[]) => {
      const image = new Image(wide.bytes);
      for (const index of indexes) image.destroy(leaves[index]!);
      const { report } = await save(image.bytes);
      return report.trees.find(({ name }) => name === "long")!.gaps;
    };
    const count = (index: number) => clean.entriesOf(leaves[index]!);
    const first = (index: number) => order.get(leaves.at(index)!)![0];
    const last = (index: number) => order.get(leaves.at(index)!)!.at(-1)!;
    assertEquals(await gapsWithout(5, 6), [
      { lower: last(4), upper: first(7), entries: count(5) + count(6) },
    ]);
    assertEquals(await gapsWithout(0, 1), [
      { lower: undefined, upper: first(2), entries: count(0) + count(1) },
    ]);
    const end = leaves.length - 1;
    assertEquals(await gapsWithout(2, end), [
      { lower: last(1), upper: first(3), entries: count(2) },
      { lower: last(end - 1), upper: undefined, entries: count(end) },
    ]);
    assertEquals(await gapsWithout(...leaves.keys()), [
      { lower: undefined, upper: undefined, entries: 2900 },
    ]);
  });

  it("loses with a page of a value only that value, and reports its key", async () => {
    const image = new Image(wide.bytes);
    const runs = image.pagesOf([KIND_RUN]);
    const lost = new Set([runs[3]!, runs[40]!, runs[90]!]);
    lost.forEach((page) => image.destroy(page));
    const result = await save(image.bytes);
    assertSurvivors(result, lost);
    const files = result.report.trees.find(({ name }) => name === "files")!;
    assertEquals([files.lostValues, files.lostKeys.length, files.gaps], [3, 3, []]);
    assertEquals(result.report.lostPages, 3);
  });

  it("saves what precedes the end of a truncated file", async () => {
    for (const size of [0.3, 0.6, 0.95]) {
      const pages = Math.floor(wide.bytes.length / PAGE_BYTES * size);
      const lost = new Set<number>();
      for (let page = pages; page < wide.bytes.length / PAGE_BYTES; page++) lost.add(page);
      const result = await save(wide.bytes.subarray(0, pages * PAGE_BYTES + 100));
      assertSurvivors(result, lost);
    }
  });
});

describe("salvage() of entries that share a value", () => {
  it("saves no more bytes of values than the file has, and reports the rest as lost", async () => {
    const [LARGE, SMALL, COUNT] = [2 ** 20, 12_000, 200];
    const file = new MemoryFile();
    const db = openOn(file);
    change(db, "a", (tree) => {
      tree.set("large", bytesOf(1, LARGE));
      for (let i = 0; i < COUNT; i++) tree.set(`small ${i}`, bytesOf(i, SMALL));
    });
    db.close();
    const image = new Image(file.content());
    const leaves = image.pagesOf([KIND_LEAF]);
    const large = leaves.flatMap((page) => referencesOf(image.page(page), LARGE))[0]!;
    let forged = 0;
    for (const page of leaves) {
      const references = referencesOf(image.page(page), SMALL);
      references.forEach((reference) => reference.set(large));
      if (references.length > 0) image.seal(page);
      forged += references.length;
    }
    assertEquals(forged, COUNT);
    const { report, saved } = await save(image.bytes);
    const bytes = saved.get("a")!.reduce((sum, [, value]) => sum + value.length, 0);
    assertLess(bytes, image.bytes.length);
    const { entries, lostValues, lostKeys } = report.trees[0]!;
    assertEquals([entries + lostValues, lostKeys.length], [COUNT + 1, lostValues]);
    assertEquals(report.findings.at(-1)?.rule, "the values are longer than the file");
  });
});

describe("salvage() of leaves that overlap", () => {
  /** A small database that has the first leaf of a tree twice, one of the two outdated. */
  function doubled(change: (image: Image, free: number) => void): Uint8Array {
    const image = new Image(makeSample().bytes);
    const free = 10;
    image.copyTo(5, free);
    change(image, free);
    image.seal(free);
    return image.bytes;
  }

  it("takes the entries of the newest leaf, and no key twice", async () => {
    const version = (image: Image, page: number, version: number) =>
      image.view.setUint32(image.headerAt(page) + HEADER.versionLow, version, true);
    const sample = makeSample();
    for (const [older, newer] of [[5, 10], [10, 5]]) {
      const bytes = doubled((image, free) => {
        // The value of the last entry, which distinguishes the two.
        image.page(free).subarray(8000, 8010).fill(0xee);
        version(image, older!, 1);
        image.seal(older!);
        version(image, newer!, 2);
        image.seal(newer!);
      });
      const { report, saved } = await save(bytes);
      const tall = report.trees.find(({ name }) => name === "tall")!;
      assertEquals([tall.entries, tall.superseded], [40, 10]);
      const isOriginal = saved.get("tall")!.every(([, value], i) =>
        sameBytes(value, sample.content.get("tall")![i]![1])
      );
      assertEquals(isOriginal, newer === 5);
    }
  });
});

describe("salvage() of a mixture of two versions", () => {
  /** Two states of one database, and the values of keys in both. */
  function twoStates() {
    const file = new MemoryFile();
    const db = openOn(file, { cacheBytes: 16 * 1024 * 1024 });
    const random = new Random(41);
    const contents: Map<string, Uint8Array>[] = [];
    const states: Uint8Array[] = [];
    for (const turn of [0, 1]) {
      change(db, "tree", (tree) => {
        for (let i = 0; i < 4000; i++) {
          const key = keyOf(random.below(9000));
          if (turn === 1 && random.once(4)) tree.delete(key);
          else if (turn === 0 || random.once(3)) tree.set(key, bytesOf(i + turn, 450));
        }
      });
      db.checkpoint();
      contents.push(new Map([...db.tree("tree")].map(([key, value]) => [String(key), value])));
      states.push(file.content());
    }
    return { states, contents };
  }

  it("saves or reports each entry that both have, and invents none", async () => {
    const { states, contents } = twoStates();
    const [older, newer] = contents;
    const chunkBytes = CHUNK_PAGES * PAGE_BYTES;
    const parts = Math.ceil(states[1]!.length / chunkBytes);
    assertGreater(parts, 3);
    let superseded = 0;
    for (let mix = 0; mix < 2 ** Math.min(parts, 4); mix++) {
      const bytes = states[1]!.slice();
      for (let chunk = 0; chunk < parts; chunk++) {
        if (((mix >>> chunk) & 1) === 0) continue;
        const part = states[0]!.subarray(chunk * chunkBytes, (chunk + 1) * chunkBytes);
        bytes.set(part, chunk * chunkBytes);
      }
      bytes.fill(0, PAGE_BYTES, 3 * PAGE_BYTES);
      const { report, saved } = await save(bytes);
      const tree = report.trees[0]!;
      superseded += tree.superseded;
      const found = new Map(saved.get(tree.name)!.map(([key, value]) => [String(key), value]));
      for (const [key, value] of found) {
        const isOld = sameBytes(older!.get(key), value) || sameBytes(newer!.get(key), value);
        assert(isOld, `mix ${mix}: ${key} was made up`);
      }
      for (const [key, value] of newer!) {
        if (!sameBytes(older!.get(key), value)) continue;
        const isThere = sameBytes(found.get(key), value);
        const asBytes = new Uint8Array(key.split(",").map(Number));
        assert(isThere || isReported(asBytes, tree), `mix ${mix}: ${key} is unreported`);
      }
    }
    assertGreater(superseded, 0);
  });
});

describe("salvage() of a database that was not closed", () => {
  /** A database whose last commits are only in the journal, and its content. */
  function crashed(): { bytes: Uint8Array; keys: number } {
    const file = new MemoryFile();
    const db = openOn(file);
    change(db, "tree", (tree) => {
      for (let i = 0; i < 500; i++) tree.set(keyOf(i), bytesOf(i, 300));
    });
    db.checkpoint();
    change(db, "tree", (tree) => {
      for (let i = 500; i < 600; i++) tree.set(keyOf(i), bytesOf(i, 300));
    });
    change(db, "tree", (tree) => tree.delete(keyOf(0)));
    return { bytes: file.content(), keys: 599 };
  }

  it("applies the commits in the journal", async () => {
    const { bytes, keys } = crashed();
    const { report } = await save(bytes);
    assertEquals([report.journal, report.entries, report.findingCount], ["replayed", keys, 0]);
  });

  it("applies it even where pages that it changes are damaged", async () => {
    const { bytes } = crashed();
    const image = new Image(bytes);
    // A leaf that the journal changes, but does not contain.
    const page = image.pagesOf([KIND_LEAF], 1)[0]!;
    image.page(page).subarray(0, 400).fill(0x55);
    const { report, saved } = await save(image.bytes);
    assertEquals(report.journal, "replayed");
    assertGreater(report.entries, 500);
    assert(saved.get("tree")!.some(([key]) => sameBytes(key, utf8(keyOf(599)))));
    assertEquals(report.lostPages, 1);
    assertEquals(report.trees[0]!.gaps.length, 1);
  });

  it("omits an unreadable journal, and reports it", async () => {
    const { bytes } = crashed();
    const image = new Image(bytes);
    const journal = image.superblock(SUPERBLOCK.journalB);
    image.bytes[(journal * CHUNK_PAGES + 1) * PAGE_BYTES + 1]! ^= 0xff;
    const { report } = await save(image.bytes);
    assertEquals([report.journal, report.entries], ["ignored", 500]);
    assertStringIncludes(report.findings[0]!.rule, "was on the medium and is not whole");
  });

  it("saves the pages if superblocks, and with them the journal, are lost", async () => {
    const { bytes } = crashed();
    const image = new Image(bytes);
    [1, 2].forEach((page) => image.destroy(page));
    const { report } = await save(image.bytes);
    assertEquals([report.hasSuperblock, report.entries], [false, 500]);
  });

  it("does not restore a tree that was being dropped", async () => {
    const file = new MemoryFile();
    const { db, session } = openBoth(file);
    change(db, "gone", (tree) => {
      for (let i = 0; i < 9000; i++) tree.set(keyOf(i), bytesOf(i, 300));
    });
    change(db, "kept", (tree) => tree.set("a", bytesOf(1, 1)));
    session.writeSync(() => session.catalog.drop("gone"));
    session.writeSync(() => session.catalog.sweep(8));
    const { report } = await save(file.content());
    assertEquals(report.trees.map(({ name }) => name), ["kept"]);
  });
});

describe("salvage()", () => {
  it("refuses to overwrite a file, and changes neither", async () => {
    await inTempDir(async (dir) => {
      Deno.writeFileSync(`${dir}/from`, wide.bytes);
      Deno.writeTextFileSync(`${dir}/to`, "mine");
      await assertRejects(() => salvage(`${dir}/from`, `${dir}/to`), IoError, "Cannot create");
      assertEquals(Deno.readTextFileSync(`${dir}/to`), "mine");
      await assertRejects(() => salvage(`${dir}/from`, `${dir}/from`), IoError, "Cannot create");
      Deno.mkdirSync(`${dir}/folder`);
      await assertRejects(() => salvage(`${dir}/from`, `${dir}/folder`), IoError);
      assert(sameBytes(Deno.readFileSync(`${dir}/from`), wide.bytes));
    });
  });

  it("leaves no file if there is nothing to save, or it is aborted", async () => {
    await inTempDir(async (dir) => {
      await assertRejects(() => salvage(`${dir}/missing`, `${dir}/to`), IoError);
      for (const junk of [new Uint8Array(0), utf8("Hello.".repeat(9000)), bytesOf(1, 90_000)]) {
        Deno.writeFileSync(`${dir}/junk`, junk);
        const error = await assertRejects(() => salvage(`${dir}/junk`, `${dir}/to`));
        assertInstanceOf(error, CorruptionError);
        assertEquals(error.path, `${dir}/junk`);
      }
      Deno.writeFileSync(`${dir}/from`, wide.bytes);
      const stop = new AbortController();
      const { signal } = stop;
      const phases = new Set<string>();
      const onProgress = ({ phase }: { phase: string }) => {
        phases.add(phase);
        if (phase === "entries") stop.abort();
      };
      await assertRejects(
        () => salvage(`${dir}/from`, `${dir}/to`, { signal, onProgress }),
        DOMException,
      );
      assertEquals([...phases], ["pages", "entries"]);
      const left = [...Deno.readDirSync(dir)].map(({ name }) => name).sort();
      assertEquals(left, ["from", "junk"]);
    });
  });

  it("refuses a file that is open for writing", async () => {
    await inTempDir(async (dir) => {
      Deno.writeFileSync(`${dir}/from`, wide.bytes);
      using _writer = open(`${dir}/from`);
      await assertRejects(() => salvage(`${dir}/from`, `${dir}/to`), LockedError);
      assertEquals([...Deno.readDirSync(dir)].length, 1);
    });
  });

  it("saves an empty database as an empty one", async () => {
    const file = new MemoryFile();
    openOn(file).close();
    const image = new Image(file.content());
    assertEquals((await save(image.bytes)).report.trees, []);
    [1, 2].forEach((page) => image.destroy(page));
    assertEquals((await save(image.bytes)).report.trees, []);
  });

  it("throws only documented errors for any fields, and creates a valid database", async () => {
    const random = new Random(77);
    const file = new MemoryFile();
    fillSample(openOn(file));
    const images = [makeSample().bytes, file.content().subarray(0, 600 * PAGE_BYTES)];
    for (let i = 0; i < 90; i++) {
      const image = new Image(random.pick(images));
      const used = image.usedPages().filter((page) => page >= FRESH_PAGES);
      for (let count = random.below(5); count >= 0 && used.length > 0; count--) {
        const page = random.pick(used);
        const bytes = random.once(2) ? image.header(page) : image.page(page);
        const at = random.below(random.once(2) ? Math.min(bytes.length, 64) : bytes.length);
        bytes[at] = random.pick([0, 1, 0x7f, 0x80, 0xff, random.below(256)]);
        if (!random.once(4)) image.seal(page);
        if (random.once(9)) {
          const field = random.pick(Object.values(SUPERBLOCK).filter((at) => at < 8000));
          image.setSuperblocks(field, random.pick([0, 1, 2, 300, 2 ** 31, 2 ** 32 - 1]));
        }
      }
      const start = processorMs();
      try {
        await save(image.bytes);
      } catch (error) {
        if (!(error instanceof CorruptionError)) throw new Error(`case ${i}`, { cause: error });
      }
      assertLess(processorMs() - start, 2000, `case ${i}`);
    }
  });
});

/** The references of a leaf to values of a length. */
function referencesOf(page: Uint8Array, length: number): Uint8Array[] {
  const view = new DataView(page.buffer, page.byteOffset, page.length);
  const found: Uint8Array[] = [];
  for (let at = 4; at <= page.length - 12; at++) {
    if (view.getUint32(at, true) === length) found.push(page.subarray(at - 4, at + 12));
  }
  return found;
}
