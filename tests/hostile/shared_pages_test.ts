/**
 * `verify` and `salvage` of files with values in shared pages: what is wrong with such a page is
 * found, and a damaged one costs its own values only.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { format, MemoryFile } from "../../pager/mod.ts";
import { open } from "../../store/open.ts";
import { salvage } from "../../store/verify/salvage.ts";
import { verifyFile } from "../../store/verify/verify.ts";
import { bytesOf, change, openOn } from "../support/databases/database.ts";
import { Image } from "../support/files/image.ts";
import { inTempDir } from "../support/temp.ts";

const { HEADER, KIND_FREE, KIND_SHARED, PAGE_BYTES } = format;
const ENTRIES = 40;
/** Values that are whole in a page, in two pages, and in two pages and a run. */
const LENGTHS = [2_300, 5_500, 13_000];

/** A closed database of values of a length in shared pages. */
function makeShared(length: number): Image {
  const file = new MemoryFile();
  const db = openOn(file);
  change(db, "main", (tree) => {
    for (let i = 0; i < ENTRIES; i++) tree.set(`key ${10 + i}`, bytesOf(i, length));
  });
  db.close();
  return new Image(file.content());
}

/** The first offset in a page that no value uses. */
function gapOf(image: Image, page: number): number {
  return page * PAGE_BYTES + 6 * image.entriesOf(page);
}

type Breakage = [name: string, rule: string, change: (image: Image, page: number) => void];

/** Those that need a page with a gap, and fragments of one length. */
const breakagesOfWhole: Breakage[] = [
  ["a byte in the gap", "not used", (image, page) => image.bytes[gapOf(image, page)] = 1],
  ["two values in one place", "is also another's", (image, page) => {
    const offsets = page * PAGE_BYTES + 4 * image.entriesOf(page);
    image.view.setUint16(offsets, image.view.getUint16(offsets + 2, true), true);
  }],
];

const breakages: Breakage[] = [
  ["a link", "a shared page with a link", (image, page) => image.setLink(page, page + 1)],
  ["another kind", "", (image, page) => image.header(page)[HEADER.kind] = format.KIND_RUN],
  ["another tree", "not a page of values", (image, page) => image.header(page)[HEADER.tree] = 9],
  ["another key", "belongs to another key", (image, page) => {
    // The head of the first value: its number, and then three bytes of its key.
    image.bytes[page * PAGE_BYTES]! ^= 1;
  }],
];

for (const length of LENGTHS) {
  describe(`verify() of shared pages, values of ${length} bytes`, () => {
    it("has no finding where there is none", async () => {
      const report = await verifyFile(makeShared(length).file());
      assertEquals([report.findings, report.entries], [[], ENTRIES]);
    });

    const all = length === LENGTHS[0] ? [...breakages, ...breakagesOfWhole] : breakages;
    for (const [name, rule, change] of all) {
      it(`finds ${name}`, async () => {
        const image = makeShared(length);
        const page = image.pagesOf([KIND_SHARED])[3]!;
        change(image, page);
        image.seal(page);
        const { ok, findings } = await verifyFile(image.file());
        assertEquals(ok, false);
        assert(findings.some((finding) => finding.page === page), JSON.stringify(findings));
        assertStringIncludes(findings.map((finding) => finding.rule).join("; "), rule);
      });
    }

    it("finds one that is free", async () => {
      const image = makeShared(length);
      const page = image.pagesOf([KIND_SHARED])[3]!;
      image.header(page).fill(KIND_FREE);
      assertEquals((await verifyFile(image.file())).ok, false);
    });
  });

  describe(`salvage() of shared pages, values of ${length} bytes`, () => {
    it("loses the values of a damaged page only", async () => {
      const image = makeShared(length);
      const page = image.pagesOf([KIND_SHARED])[3]!;
      const lost = image.entriesOf(page);
      image.destroy(page);
      await inTempDir(async (dir) => {
        Deno.writeFileSync(`${dir}/from`, image.bytes);
        await salvage(`${dir}/from`, `${dir}/to`);
        using db = open(`${dir}/to`);
        const tree = db.tree("main");
        const kept = Array.from({ length: ENTRIES }, (_, i) => i)
          .filter((i) => tree.has(`key ${10 + i}`));
        assertEquals([kept.length, lost > 1], [ENTRIES - lost, true]);
        for (const i of kept) assertEquals(tree.get(`key ${10 + i}`), bytesOf(i, length));
      });
    });
  });
}
