/**
 * Misplaced and outdated pages, as a disk or a file system may produce them: a page in another's
 * place, swapped, one page off, zeroed, or in an older state, with or without its header.
 *
 * Every way of reading yields correct data or a `CorruptionError`, with one exception, which is not
 * promised: a page and its header both restored to the same older state.
 */

import { assert, assertEquals, assertGreater } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { CorruptionError, format, MemoryFile } from "../../pager/mod.ts";
import { verifyFile } from "../../store/verify/verify.ts";
import {
  bytesOf,
  change,
  type Content,
  contentOf,
  openOn,
  sameBytes,
} from "../support/databases/database.ts";
import { Image } from "../support/files/image.ts";
import { type Base, makeBases } from "./support/hostile_bases.ts";

const { HEADER_BYTES, PAGE_BYTES } = format;
/** One pair of pages in this many of the larger database. */
const PAIRS_STEP = 5;

const bases = makeBases();

/** Whether reading was refused. Fails if it gave wrong data. */
function isRefused(bytes: Uint8Array, content: Content, what: string): boolean {
  try {
    const db = openOn(new MemoryFile(bytes), { readOnly: true, cacheBytes: 8 * 1024 * 1024 });
    for (const reverse of [false, true]) {
      for (const [name, entries] of content) {
        const found = [...db.tree(name).entries({ reverse })];
        if (reverse) found.reverse();
        assertEquals(found.length, entries.length, what);
        for (const [i, [key, value]] of entries.entries()) {
          assert(sameBytes(found[i]![0], key) && sameBytes(found[i]![1], value), `${what}: ${i}`);
        }
      }
    }
    db.close();
    return false;
  } catch (error) {
    if (error instanceof CorruptionError) return true;
    throw new Error(what, { cause: error });
  }
}

/** Changes pairs of pages in use; each must be refused. Returns the number of pairs. */
function playPairs(
  { bytes, content }: Base,
  step: number,
  game: (changed: Image, a: number, b: number, image: Image) => void,
): number {
  const image = new Image(bytes);
  const used = image.usedPages();
  const pairs = used.flatMap((a) => used.filter((b) => b !== a).map((b) => [a, b]));
  let games = 0;
  for (let i = 0; i < pairs.length; i += step, games++) {
    const [a, b] = pairs[i]! as [number, number];
    const changed = new Image(bytes);
    game(changed, a, b, image);
    assert(isRefused(changed.bytes, content, `${a} and ${b}`), `${a} and ${b} were not noticed`);
  }
  return games;
}

const PAIR_GAMES: Readonly<Record<string, Parameters<typeof playPairs>[2]>> = {
  "in another's place": (changed, a, b, image) => changed.page(a).set(image.page(b)),
  "swapped": (changed, a, b, image) => {
    changed.page(a).set(image.page(b));
    changed.page(b).set(image.page(a));
  },
  "with another's header": (changed, a, b, image) => changed.header(a).set(image.header(b)),
  "in another's place, its header with it": (changed, a, b, image) => {
    changed.page(a).set(image.page(b));
    changed.header(a).set(image.header(b));
  },
};

describe("misplaced pages", () => {
  for (const [name, game] of Object.entries(PAIR_GAMES)) {
    it(`are refused if they are ${name}`, () => {
      const games = playPairs(bases.closed, 1, game) + playPairs(bases.deep, PAIRS_STEP, game);
      console.log(`pages ${name}: ${games}, all refused`);
    });
  }

  it("are refused if they are zero, or one page off", () => {
    const { bytes, content } = bases.deep;
    const image = new Image(bytes);
    for (const page of image.usedPages()) {
      for (const other of [new Uint8Array(PAGE_BYTES), image.page(page - 1)]) {
        const changed = new Image(bytes);
        changed.page(page).set(other);
        assert(isRefused(changed.bytes, content, `page ${page}`), `page ${page} was not noticed`);
      }
    }
  });
});

describe("outdated pages", () => {
  const states: Uint8Array[] = [];
  const file = new MemoryFile();
  const db = openOn(file);
  for (let round = 0; round < 6; round++) {
    change(db, "tree", (tree) => {
      for (let i = 0; i < 90; i++) tree.set(`key ${i}`, bytesOf(i + round, 200 + 30 * round));
    });
    db.checkpoint();
    states.push(file.content());
  }
  const content = contentOf(db);
  db.close();
  const last = new Image(file.content());
  const used = last.usedPages();

  /** The pages in use that differ in another state. */
  function differing(state: Image): number[] {
    const hadIt = (page: number) => (page + 1) * PAGE_BYTES <= state.bytes.length;
    return used.filter((page) => hadIt(page) && !sameBytes(state.page(page), last.page(page)));
  }

  it("are refused without their headers, and headers without their pages", () => {
    let games = 0;
    for (const state of states.map((bytes) => new Image(bytes))) {
      for (const page of differing(state)) {
        const [older, header] = [new Image(last.bytes), new Image(last.bytes)];
        older.page(page).set(state.page(page));
        assert(isRefused(older.bytes, content, `page ${page}`), `page ${page} was not noticed`);
        header.header(page).set(state.header(page));
        assert(isRefused(header.bytes, content, `header ${page}`), `header ${page}`);
        games += 2;
      }
    }
    assertGreater(games, 40);
  });

  it("are refused if the header page is outdated", () => {
    for (const state of states) {
      const changed = new Image(last.bytes);
      const headers = state.subarray(HEADER_BYTES, PAGE_BYTES);
      changed.bytes.set(headers, HEADER_BYTES);
      if (sameBytes(changed.bytes, last.bytes)) continue;
      assert(isRefused(changed.bytes, content, "an older header page"));
    }
  });

  it("are not detected if their headers are outdated too, which is not promised", async () => {
    let unseen = 0;
    for (const state of states.map((bytes) => new Image(bytes))) {
      for (const page of differing(state)) {
        const changed = new Image(last.bytes);
        changed.page(page).set(state.page(page));
        changed.header(page).set(state.header(page));
        if ((await verifyFile(changed.file())).ok) unseen++;
      }
    }
    const guarantees = Deno.readTextFileSync(new URL("../../docs/guarantees.md", import.meta.url));
    assert(guarantees.includes("A page and its header both restored to the same older state"));
    assertGreater(unseen, 0);
  });
});
