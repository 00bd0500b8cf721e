/**
 * The table of hostile files: each row takes one of the small databases, changes it in one way, and
 * has the expected result with wrong sums and with sums that fit.
 *
 * Positions are those of the databases in `hostile_bases.ts`, which are the same in every run.
 */

import { format } from "../../../pager/mod.ts";
import type { BaseName } from "./hostile_bases.ts";
import { BATCH, type HostileImage } from "./hostile_image.ts";

const { CHUNK_PAGES, HEADER, HEADER_BYTES, MAGIC, PAGE_BYTES, SUPERBLOCK } = format;
const { KIND_BRANCH, KIND_FREE, KIND_JOURNAL, KIND_LEAF, KIND_RUN } = format;

/**
 * The expected result for a file:
 * - `right`: all reads are correct, and changes succeed;
 * - `refused`: a typed error wherever data cannot be trusted, never wrong data; `verify` finds it;
 * - `unseen`: a typed error or correct data, and `verify` finds nothing;
 * - `told`: reading cannot detect it, so data may be wrong; `verify` finds it;
 * - `another`: a file that Quire might have written with other data, which cannot be detected;
 * - a number: the correct data from this many commits before the last.
 */
export type Expectation = "right" | "refused" | "unseen" | "told" | "another" | number;

/** One hostile file. */
export interface Row {
  readonly name: string;
  /** Its points in the list of attacks. */
  readonly points: readonly number[];
  readonly from: BaseName;
  /** Changes the image, or returns other bytes. */
  readonly mutate: (image: HostileImage) => Uint8Array | void;
  /** The result with unchanged sums. */
  readonly unsealed: Expectation;
  /** The result with sums that fit. */
  readonly sealed: Expectation;
}

const CATALOG = 3;
const ROOT = 4;
const [FIRST, SECOND, LAST] = [5, 6, 7];
const SHORT = 8;
const RUNS = 9;
const FREE = 10;
const RUN = 12;
const EMPTY = 14;
const PAGE_COUNT = 15;
const DEEP_BRANCH = 19;
const DEEP_LEAF = 6;
const LEAF_ENTRY_BYTES = 6;
const MAX = 0xffff_ffff;

type Mutate = Row["mutate"];

function row(
  name: string,
  points: number | readonly number[],
  mutate: Mutate,
  sealed: Expectation = "refused",
  unsealed: Expectation = "refused",
  from: BaseName = "closed",
): Row {
  return { name, points: [points].flat(), from, mutate, unsealed, sealed };
}

function deep(name: string, points: number, mutate: Mutate, sealed: Expectation = "refused"): Row {
  return row(name, points, mutate, sealed, "refused", "deep");
}

function journal(
  name: string,
  points: number,
  mutate: Mutate,
  sealed: Expectation = "refused",
  unsealed: Expectation = "refused",
): Row {
  return row(name, points, mutate, sealed, unsealed, "open");
}

/** One row for each value of a u32 of both superblocks. */
function fields(
  name: string,
  point: number,
  field: number,
  values: readonly number[],
  sealed: Expectation = "refused",
): Row[] {
  return values.map((value) =>
    row(`${name} ${value}`, point, (image) => image.putSuperblock(field, value), sealed)
  );
}

const SUPERBLOCKS: Row[] = [
  ...[1, 100, PAGE_BYTES, PAGE_BYTES + 100, 3 * PAGE_BYTES, 14 * PAGE_BYTES + 511].map((size) =>
    row(`a file cut to ${size} bytes`, 2, (image) => image.bytes.slice(0, size))
  ),
  ...MAGIC.map((byte, i) =>
    row(`another byte ${i} of the magic`, 3, (image) => {
      for (const page of [1, 2]) image.put8(page * PAGE_BYTES + i, byte ^ 1);
    })
  ),
  ...fields("format version", 4, SUPERBLOCK.formatVersion, [0, 2, MAX]),
  ...fields("page bytes", 5, SUPERBLOCK.pageBytes, [0, 1, 3, 511, 4096, 2 ** 31]),
  ...fields("chunk pages", 5, SUPERBLOCK.chunkPages, [0, 255, 512]),
  ...fields("page count", 6, SUPERBLOCK.pageCount, [0, 1, 2, 3, 14, 16, 2 ** 24, MAX - 1, MAX]),
  row("both superblocks destroyed", 7, (image) => {
    for (const page of [1, 2]) image.put(page * PAGE_BYTES, new Uint8Array(512).fill(0x5a));
  }),
  row(
    "one superblock destroyed",
    7,
    (image) => {
      image.put(PAGE_BYTES, new Uint8Array(512).fill(0x5a));
    },
    "right",
    "right",
  ),
  row(
    "two superblocks of one number",
    8,
    (image) => {
      image.putSuperblock(SUPERBLOCK.syncCount, 99, [2]);
    },
    "refused",
    "right",
  ),
  row("the last version that there is", 9, (image) => {
    image.putSuperblock(SUPERBLOCK.version, MAX);
    image.putSuperblock(SUPERBLOCK.version + 4, 0xffff);
  }, "unseen"),
  row("the last number of a superblock", 9, (image) => {
    image.putSuperblock(SUPERBLOCK.number, MAX);
    image.putSuperblock(SUPERBLOCK.number + 4, 0x1f_ffff);
  }),
  row("a version that ends below the pages' own", 9, (image) => {
    image.putSuperblock(SUPERBLOCK.version, 1);
  }),
  row(
    "a newer superblock without its catalog",
    10,
    (image) => {
      image.putSuperblock(SUPERBLOCK.number, 99, [1]);
      image.putSuperblock(SUPERBLOCK.catalogRoot, FREE, [1]);
    },
    "refused",
    "right",
  ),
  row(
    "a superblock torn inside its number",
    11,
    (image) => {
      image.put(PAGE_BYTES + SUPERBLOCK.number + 1, new Uint8Array(400).fill(0xff));
    },
    "right",
    "right",
  ),
  row("reserved bytes of superblocks", 12, (image) => {
    image.putSuperblock(SUPERBLOCK.reserved + 40, 1);
  }),
  ...[1, 2, 256, PAGE_COUNT, FREE, ROOT, FIRST, RUN, RUN + 1, EMPTY, MAX].map((root) =>
    row(`catalog root ${root}`, 13, (image) => {
      image.putSuperblock(SUPERBLOCK.catalogRoot, root);
    })
  ),
  row("no catalog", 13, (image) => image.putSuperblock(SUPERBLOCK.catalogRoot, 0), "told"),
  ...fields("state", 14, SUPERBLOCK.state, [2, MAX]),
  row("another database id", 15, (image) => image.putSuperblock(SUPERBLOCK.databaseId, 7)),
  row(
    "a superblock of another database",
    15,
    (image) => {
      image.put32(PAGE_BYTES + SUPERBLOCK.databaseId, 7);
      image.putSuperblock(SUPERBLOCK.number, 99, [1]);
    },
    "refused",
    "right",
  ),
  ...fields("next tree", 16, SUPERBLOCK.nextTreeId, [0, 1]),
  ...fields("allocator hint", 49, SUPERBLOCK.allocatorHint, [2, MAX]),
  ...fields("allocator hint", 49, SUPERBLOCK.allocatorHint, [1], "right"),
  ...fields("journal chunks", 50, SUPERBLOCK.journalCountA, [1, 509, MAX]),
  row("a chunk of data named as journal", 50, (image) => {
    image.putSuperblock(SUPERBLOCK.journalCountA, 1);
    image.putSuperblock(SUPERBLOCK.journalA, 1);
  }, "unseen"),
];

const HEADERS: Row[] = [
  row("a leaf that says it has more entries", 16, (image) => {
    image.putHeader16(SECOND, HEADER.entries, 11);
  }, "told"),
  row("a leaf that says it has fewer entries", 16, (image) => {
    image.putHeader16(SECOND, HEADER.entries, 9);
  }, "told"),
  row("an entry taken away as the engine would", 16, (image) => {
    image.putHeader16(SHORT, HEADER.entries, 0);
    image.put(image.headerAt(SHORT) + 18, image.header(EMPTY).slice(18, 24));
    image.put(SHORT * PAGE_BYTES, new Uint8Array(PAGE_BYTES));
  }, "another"),
  row("entries past what fits", 26, (image) => {
    image.putHeader16(SECOND, HEADER.entries, 0xffff);
  }, "told"),
  row("a branch with no entries", 25, (image) => image.putHeader16(ROOT, HEADER.entries, 0)),
  row("an empty leaf below a branch", 25, (image) => {
    image.put(SECOND * PAGE_BYTES, new Uint8Array(PAGE_BYTES));
    image.put(image.headerAt(SECOND) + 18, image.header(EMPTY).slice(18, 24));
    image.putHeader16(SECOND, HEADER.entries, 0);
  }, "told"),
  ...[0, 59, PAGE_BYTES - 1, PAGE_BYTES + 1, 0xffff].map((start) =>
    row(`cells that begin at ${start}`, 32, (image) => {
      image.putHeader16(SECOND, HEADER.cellStart, start);
    })
  ),
  ...[9, 64, 255].map((kind) =>
    row(`a page of kind ${kind}`, 33, (image) => image.putHeader8(SECOND, HEADER.kind, kind))
  ),
  row("a page in use that says it is free", 33, (image) => {
    image.putHeader8(SECOND, HEADER.kind, KIND_FREE);
  }),
  row("a page of a tree that says it is of the journal", 33, (image) => {
    image.putHeader8(SECOND, HEADER.kind, KIND_JOURNAL);
  }),
  row("a leaf in another's place, with its header", 34, (image) => {
    image.overlay(FIRST, SECOND, true);
  }, "told"),
  row("a leaf in another's place, without its header", 34, (image) => {
    image.overlay(FIRST, SECOND, false);
  }, "told"),
  row("a leaf one page further", 34, (image) => {
    image.overlay(SECOND, LAST, true);
    image.overlay(FIRST, SECOND, true);
  }, "told"),
  row("a page of a later version than the file's", 35, (image) => {
    image.putHeader32(SECOND, HEADER.versionLow, MAX);
  }),
  row("a page of a version of 48 bits", 35, (image) => {
    image.putHeader16(SECOND, HEADER.versionHigh, 0xffff);
  }),
  row("a page of another tree", 34, (image) => image.putHeader32(SECOND, HEADER.tree, 5)),
  row("unknown flags of a leaf", 14, (image) => image.putHeader16(SECOND, HEADER.prefix, 0x4004)),
  row("a prefix past the page", 27, (image) => image.putHeader16(SECOND, HEADER.prefix, 0x0fff)),
  row("a shorter prefix", 27, (image) => image.putHeader16(SECOND, HEADER.prefix, 3)),
  row("more garbage than there is", 16, (image) => {
    image.putHeader16(SECOND, HEADER.garbage, 0x7fff);
  }),
  row("the flag of runs missing", 14, (image) => image.putHeader16(RUNS, HEADER.prefix, 0)),
  row("a header page of zeros", 50, (image) => image.put(HEADER_BYTES, new Uint8Array(8160))),
  row("holes where pages were", 72, (image) => {
    for (const page of [ROOT, SECOND, RUN]) image.put(page * PAGE_BYTES, new Uint8Array(4096));
  }, "told"),
];

/** The offsets of the arrays of a node: heads, children and cell offsets. */
const heads = (page: number) => page * PAGE_BYTES;
const children = (image: HostileImage, page: number) => heads(page) + 4 * image.entriesOf(page);
const offsets = (image: HostileImage, page: number) => {
  const width = image.kindOf(page) === KIND_BRANCH ? 8 : 4;
  return heads(page) + width * image.entriesOf(page);
};

function child(page: number, index: number, to: number): Mutate {
  return (image) => image.put32(children(image, page) + 4 * index, to);
}

/** Sets the offset of an entry's cell. */
function offset(page: number, index: number, to: number): Mutate {
  return (image) => image.put16(offsets(image, page) + 2 * index, to);
}

/** The file offset of the cell of an entry. */
function cell(image: HostileImage, page: number, index: number): number {
  return heads(page) + image.view.getUint16(offsets(image, page) + 2 * index, true);
}

const TREES: Row[] = [
  row("a child that is the branch itself", 17, child(ROOT, 1, ROOT)),
  deep("a branch below itself", 17, child(DEEP_BRANCH, 1, DEEP_BRANCH)),
  deep("a child that is its parent", 18, child(DEEP_BRANCH, 1, ROOT)),
  deep("a cycle over two levels, levels made to fit", 19, (image) => {
    image.putHeader8(ROOT, HEADER.level, 1);
    child(ROOT, 0, DEEP_BRANCH)(image);
    child(DEEP_BRANCH, 1, ROOT)(image);
  }),
  deep("leaves linked in a circle", 19, (image) => {
    image.putHeader32(image.linkOf(DEEP_LEAF), HEADER.link, DEEP_LEAF);
  }, "told"),
  deep("a root at the highest level", 20, (image) => image.putHeader8(ROOT, HEADER.level, 31)),
  deep("a root above the highest level", 20, (image) => image.putHeader8(ROOT, HEADER.level, 255)),
  deep("two parents that share a child", 21, (image) => {
    child(20, 0, image.view.getUint32(children(image, DEEP_BRANCH), true))(image);
  }, "told"),
  row("two entries that share a child", 21, child(ROOT, 2, SECOND), "told"),
  ...[0, 1, PAGE_COUNT, 256, FREE, RUN + 1, RUN, EMPTY, 2 ** 31, MAX].map((page) =>
    // A free page may become a leaf of the same tree, and then be read.
    row(
      `a child that is page ${page}`,
      22,
      child(ROOT, 1, page),
      page === FREE ? "told" : "refused",
    )
  ),
  deep("a leaf where a branch belongs", 23, child(ROOT, 1, DEEP_LEAF)),
  deep("a branch where a leaf belongs", 23, child(DEEP_BRANCH, 1, 20)),
  row("a branch that says it is a leaf", 23, (image) => {
    image.putHeader8(ROOT, HEADER.kind, KIND_LEAF);
    image.putHeader8(ROOT, HEADER.level, 0);
  }),
  row("a leaf that says it is a run", 23, (image) => {
    image.putHeader8(SECOND, HEADER.kind, KIND_RUN);
  }),
  deep("leaves at unequal depths", 24, (image) => {
    child(ROOT, 1, DEEP_LEAF)(image);
    image.putHeader8(DEEP_LEAF, HEADER.level, 1);
  }),
  ...[0, 20, 60, PAGE_BYTES, 0xffff].map((to) => row(`a cell at ${to}`, 27, offset(SECOND, 3, to))),
  row("two entries with one cell", 27, (image) => {
    offset(SECOND, 3, cell(image, SECOND, 4) - heads(SECOND))(image);
  }, "told"),
  row("a cell one byte further", 27, (image) => {
    offset(SECOND, 3, cell(image, SECOND, 3) - heads(SECOND) + 1)(image);
  }),
  row("a key with no bytes in its cell", 28, (image) => image.put8(cell(image, SECOND, 3), 0)),
  row("a key past the end of the page", 28, (image) => {
    image.put(cell(image, SECOND, 3), [0xff, 0xff]);
  }),
  row("a key over the limit", 28, (image) => image.put(cell(image, SECOND, 3), [0x90, 0])),
  row("a value past the end of the page", 28, (image) => {
    image.put(cell(image, SECOND, 3) + 1, [0xff, 0xfe]);
  }),
  row("keys out of order", 29, (image) => {
    const [a, b] = [image.bytes.slice(heads(SECOND), heads(SECOND) + 4), heads(SECOND) + 4];
    image.put(heads(SECOND), image.bytes.slice(b, b + 4));
    image.put(b, a);
  }),
  row("a key twice", 29, (image) => {
    image.put(heads(SECOND) + 4, image.bytes.slice(heads(SECOND), heads(SECOND) + 4));
    offset(SECOND, 1, cell(image, SECOND, 0) - heads(SECOND))(image);
  }),
  row("a key above its parent's range", 30, (image) => {
    image.put32(heads(FIRST) + 4 * 9, 0xffff_ff7f);
  }),
  row("a leaf above its parent's range", 30, (image) => {
    // The last byte of the prefix of all of its keys.
    image.put8(heads(FIRST) + PAGE_BYTES - 1, 0x7f);
  }, "told"),
  row("a separator wrong by one bit", 31, (image) => image.flip(heads(ROOT) + 4 + 3, 0), "told"),
  row("another byte in a value", 16, (image) => {
    image.flip(cell(image, SECOND, 3) + 60, 4);
  }, "another"),
  row("bytes in the gap of a leaf", 43, (image) => {
    image.put8(EMPTY * PAGE_BYTES + 3000, 1);
  }, "right"),
  row("bytes in the gap of a leaf that a new entry takes", 43, (image) => {
    image.put8(SHORT * PAGE_BYTES + LEAF_ENTRY_BYTES + 40, 1);
  }, "right"),
];

/** The offset of the reference to the value in runs, the first of two entries of its leaf. */
function reference(image: HostileImage): number {
  const text = String.fromCharCode(...image.page(RUNS));
  return heads(RUNS) + text.indexOf(String.fromCharCode(RUN, 0, 0, 0, 16_000 & 255, 16_000 >> 8));
}

const VALUES: Row[] = [
  ...[0, 1, 8999, 9001, MAX].map((length) =>
    row(`a value that says it has ${length} bytes`, 37, (image) => {
      image.put32(reference(image) + 4, length);
    })
  ),
  row("a value of 2^48 - 1 bytes", 37, (image) => {
    image.put(reference(image) + 4, new Uint8Array(6).fill(0xff));
  }),
  ...[0, 1, 3, 250, 255].map((pages) =>
    row(`a run of ${pages} pages`, [38, 40], (image) => {
      image.putHeader8(RUN, HEADER.runPages, pages);
    })
  ),
  row("a run of more bytes than its value", 38, (image) => {
    image.putHeader32(RUN, HEADER.runBytes, 9001);
  }),
  row("a run of fewer bytes than its value", 38, (image) => {
    image.putHeader32(RUN, HEADER.runBytes, 8999);
  }),
  deep("two values that share a run", 39, (image) => {
    const [a, b] = [5, 9].map((page) => referenceTo(image, page)) as [number, number];
    image.put(b, image.bytes.slice(a, a + 4));
  }, "told"),
  ...[0, RUNS, ROOT, FREE, RUN + 1, 256, PAGE_COUNT, MAX].map((page) =>
    row(`a value whose run is page ${page}`, 41, (image) => image.put32(reference(image), page))
  ),
  row("a run that goes on with itself", 42, (image) => image.putHeader32(RUN, HEADER.link, RUN)),
  row("a run that goes on with another kind", 42, (image) => {
    image.putHeader32(RUN, HEADER.link, ROOT);
  }),
  deep("runs that go on in a circle, and a value of any length", 42, (image) => {
    image.putHeader32(5, HEADER.link, 9);
    image.putHeader32(9, HEADER.link, 5);
    image.put32(referenceTo(image, 5) + 4, 2 ** 31);
  }),
  row("bytes past the end of a value", 43, (image) => {
    image.put8((RUN + 2) * PAGE_BYTES - 1, 1);
  }, "right"),
  row("a value of another version than its run", 36, (image) => {
    image.put8(reference(image) + 10, 1);
  }),
  row("a run of another version than its value", 36, (image) => {
    image.putHeader32(RUN, HEADER.versionLow, 1);
  }),
  row("a later page of another run", 39, (image) => {
    image.putHeader32(RUN + 1, HEADER.link, RUN - 1);
  }),
  row("another byte in a run", 37, (image) => image.flip(RUN * PAGE_BYTES + 77, 1), "another"),
];

/** The offset of the reference to a run of 5000 bytes. */
function referenceTo(image: HostileImage, run: number): number {
  const bytes = [run, 0, 0, 0, 5000 & 255, 5000 >> 8, 0, 0, 0, 0];
  for (const leaf of image.pagesOf([KIND_LEAF])) {
    const page = image.page(leaf);
    for (let at = 0; at < PAGE_BYTES - 16; at++) {
      if (bytes.every((byte, i) => page[at + i] === byte)) return leaf * PAGE_BYTES + at;
    }
  }
  throw new Error(`no reference to ${run}`);
}

const BITMAP: Row[] = [
  row("a page in use that is marked free", 44, (image) => image.setInUse(SECOND, false)),
  row("a free page that is marked in use", 45, (image) => image.setInUse(FREE, true)),
  row("the header page marked free", 46, (image) => image.setInUse(0, false)),
  row("a superblock marked free", 46, (image) => image.setInUse(1, false)),
  row("bits past the page count", 47, (image) => image.setInUse(200, true)),
  row("a bitmap of zeros", 48, (image) => image.put(0, new Uint8Array(32))),
  row("a bitmap of ones", 48, (image) => image.put(0, new Uint8Array(32).fill(0xff))),
  row("a free header that is not zero", 45, (image) => image.put8(image.headerAt(FREE) + 9, 1)),
  row("a page in use that nothing leads to", 45, (image) => {
    image.overlay(LAST, FREE, true);
    image.setInUse(FREE, true);
  }, "right"),
];

/** The offset of the record of a tree in the catalog. */
function record(image: HostileImage, tree: number, root: number): number {
  const text = String.fromCharCode(...image.page(CATALOG));
  return CATALOG * PAGE_BYTES + text.indexOf(String.fromCharCode(root, 0, 0, 0, tree, 0, 0, 0));
}

const CATALOGS: Row[] = [
  ...[0, 1, FREE, RUN, RUNS, FIRST, 256, PAGE_COUNT, MAX].map((root) =>
    row(`a tree whose root is page ${root}`, 13, (image) => {
      image.put32(record(image, 1, ROOT), root);
    }, root === FIRST ? "told" : "refused")
  ),
  ...[0, 3, 77, MAX].map((id) =>
    row(`a tree that is number ${id}`, 16, (image) => image.put32(record(image, 1, ROOT) + 4, id))
  ),
  row("a tree of another type", 33, (image) => image.put8(record(image, 1, ROOT) + 8, 1)),
  row("a tree of no type", 33, (image) => image.put8(record(image, 1, ROOT) + 8, 7)),
  row("reserved bytes of a record", 12, (image) => image.put8(record(image, 1, ROOT) + 9, 1)),
  ...[0, 2, 3, 255].map((first) =>
    row(`a catalog whose keys all begin with ${first}`, 51, (image) => {
      for (let i = 0; i < image.entriesOf(CATALOG); i++) {
        image.put8(heads(CATALOG) + 4 * i + 3, first);
      }
    }, "told")
  ),
];

/** The offset of the records of a batch. */
function payload(image: HostileImage, batch: number): number {
  return image.batches[batch]!.position + BATCH.payload;
}

/** Batch 3 is empty: it confirms those before it, all in one area; the last is in the other. */
const FIRST_BATCH = 0;
const MIDDLE_BATCH = 1;
const CONFIRMING_BATCH = 3;
const LAST_BATCH = 4;
/** The page that the last batch took, and the last one of the file. */
const TAKEN_PAGE = 18;

const JOURNALS: Row[] = [
  ...[0, 1, 127, 2 ** 21, MAX].map((bytes) =>
    journal(`a batch of ${bytes} bytes`, 52, (image) => {
      image.putBatch(MIDDLE_BATCH, BATCH.payloadBytes, bytes);
    })
  ),
  ...[0, 1, 256, 257, 512, 768, 2 ** 31, MAX].map((page) =>
    journal(`a record of page ${page}`, 53, (image) => {
      image.put32(payload(image, MIDDLE_BATCH), page);
    })
  ),
  ...[0, 6, 255].map((type) =>
    journal(`a record of type ${type}`, 52, (image) => {
      image.put8(payload(image, MIDDLE_BATCH) + 4, type);
    })
  ),
  journal("a record of no pieces", 52, (image) => {
    image.put16(payload(image, MIDDLE_BATCH) + 6, 0);
  }),
  journal("a record of more pieces than there are", 52, (image) => {
    image.put16(payload(image, MIDDLE_BATCH) + 6, 0xffff);
  }),
  journal("a piece past the end of its page", 52, (image) => {
    image.put(payload(image, MIDDLE_BATCH) + 40, [0xff, 0x1f, 0xff, 0x1f]);
  }),
  ...[0, 3, 10, 2 ** 24].map((count) =>
    journal(
      `a batch with page count ${count}`,
      54,
      (image) => {
        image.putBatch(LAST_BATCH, BATCH.pageCount, count);
      },
      "refused",
      0,
    )
  ),
  ...[0, 99].map((root) =>
    journal(
      `a batch with catalog root ${root}`,
      13,
      (image) => {
        image.putBatch(LAST_BATCH, BATCH.catalogRoot, root);
      },
      root === 0 ? "told" : "refused",
      0,
    )
  ),
  ...[0, 3, 99].map((generation) =>
    journal(`a batch of generation ${generation}`, 55, (image) => {
      image.putBatch(MIDDLE_BATCH, BATCH.generation, generation);
    })
  ),
  journal(
    "a last batch of an older generation",
    55,
    (image) => {
      image.putBatch(LAST_BATCH, BATCH.generation, 0);
    },
    0,
    0,
  ),
  journal("a batch that is missing before a later one", 57, (image) => {
    image.put(image.batches[MIDDLE_BATCH]!.position, new Uint8Array(BATCH.payload));
  }),
  journal(
    "a last batch that is missing",
    57,
    (image) => {
      image.put(image.batches[LAST_BATCH]!.position, new Uint8Array(BATCH.payload));
    },
    0,
    0,
  ),
  journal("a batch twice", 58, (image) => {
    const [a, b] = [image.batches[FIRST_BATCH], image.batches[MIDDLE_BATCH]];
    image.put(b!.position, image.bytes.slice(a!.position, a!.position + a!.length));
  }),
  ...[0, 7, 9, 12, MAX].map((sequence) =>
    journal(`a batch of sequence ${sequence}`, 58, (image) => {
      image.putBatch(MIDDLE_BATCH, BATCH.sequence, sequence);
    })
  ),
  journal("a batch that says it stands elsewhere", 58, (image) => {
    image.putBatch(MIDDLE_BATCH, BATCH.offset, 4096 * 7);
  }),
  journal(
    "a last batch that waits for another",
    58,
    (image) => {
      image.putBatch(LAST_BATCH, BATCH.continues, 1);
    },
    0,
    0,
  ),
  journal("a batch that goes on in no known way", 58, (image) => {
    image.putBatch(MIDDLE_BATCH, BATCH.continues, 2);
  }),
  journal("reserved bytes of a batch", 12, (image) => {
    image.putBatch(MIDDLE_BATCH, BATCH.reserved, 1);
  }),
  journal("a batch of another database", 60, (image) => image.putBatch(MIDDLE_BATCH, 8, 7)),
  journal("an area that begins with nothing", 64, (image) => {
    image.put(image.batches[FIRST_BATCH]!.position, new Uint8Array(BATCH.payload));
  }),
  journal("a confirmation that is missing before a later batch", 64, (image) => {
    image.put(image.batches[CONFIRMING_BATCH]!.position, new Uint8Array(BATCH.payload));
  }),
  journal("a confirmation that says it has records", 52, (image) => {
    image.putBatch(CONFIRMING_BATCH, BATCH.payloadBytes, 100);
  }),
  journal("another byte in a batch before the last", 64, (image) => {
    image.flip(payload(image, MIDDLE_BATCH) + 20, 3);
  }),
  journal(
    "another byte in the last batch",
    64,
    (image) => {
      image.flip(payload(image, LAST_BATCH) + 20, 3);
    },
    "refused",
    0,
  ),
  journal(
    "a last batch with the last count of syncs",
    9,
    (image) => {
      image.putBatch(LAST_BATCH, BATCH.syncCount, MAX);
      image.putBatch(LAST_BATCH, BATCH.syncCount + 4, MAX);
    },
    "refused",
    0,
  ),
  journal("areas that were exchanged", 60, (image) => {
    image.putSuperblock(SUPERBLOCK.journalA, 2);
    image.putSuperblock(SUPERBLOCK.journalB, 1);
  }),
  journal("areas that are one", 50, (image) => image.putSuperblock(SUPERBLOCK.journalA, 2)),
  journal("an area in the chunk of the superblocks", 50, (image) => {
    image.putSuperblock(SUPERBLOCK.journalA, 0);
  }),
  journal("a replay that begins later", 10, (image) => {
    image.putSuperblock(SUPERBLOCK.replaySequence, 9);
  }),
  journal("a replay of a later generation", 10, (image) => {
    image.putSuperblock(SUPERBLOCK.replayGeneration, 2);
  }),
  journal("a file marked clean that is not", 10, (image) => {
    image.putSuperblock(SUPERBLOCK.state, 0);
  }, "told"),
  journal("a file cut before its journal", 61, (image) => {
    return image.bytes.slice(0, CHUNK_PAGES * PAGE_BYTES);
  }),
  journal(
    "a batch of two hundred thousand records of one page",
    63,
    (image) => {
      const records = 200_000;
      const bytes = new Uint8Array(records * 8);
      for (let i = 0; i < records; i++) bytes.set([TAKEN_PAGE, 0, 0, 0, 3], i * 8);
      image.put(payload(image, LAST_BATCH), bytes);
      image.putBatch(LAST_BATCH, BATCH.payloadBytes, bytes.length);
    },
    0,
    0,
  ),
  journal(
    "a batch of records that fill their pages whole, many times",
    62,
    (image) => {
      const bytes = new Uint8Array(1_600_000);
      for (let at = 0; at + 8 + 32 <= bytes.length; at += 40) {
        bytes.set([3 + ((at / 40) % 15), 0, 0, 0, 1], at);
      }
      image.put(payload(image, LAST_BATCH), bytes);
      image.putBatch(LAST_BATCH, BATCH.payloadBytes, bytes.length);
    },
    "refused",
    0,
  ),
];

/** All rows. */
export const ROWS: readonly Row[] = [
  ...SUPERBLOCKS,
  ...HEADERS,
  ...TREES,
  ...VALUES,
  ...BITMAP,
  ...CATALOGS,
  ...JOURNALS,
];

/** Points of the list of attacks without a row, and the test that covers them, or the reason. */
export const ELSEWHERE: Readonly<Record<number, string>> = {
  1: "tests/hostile/bad_file_test.ts",
  56: "the journal of every open database here ends before batches of its earlier turns",
  59: "the journal has no header of its own",
  65: "the journal is in the file",
  66: "not promised: other programs that write to the file",
  67: "tests/model/lock_test.ts",
  68: "tests/model/lock_test.ts",
  69: "pager/file/overlay_file_test.ts, tests/hostile/bad_file_test.ts",
  70: "tests/hostile/bad_file_test.ts",
  71: "tests/crash/fault_sweep_test.ts",
};
