/**
 * What reading one row would move with pages of another size: the arithmetic of the what-if panel.
 *
 * A tree is as high as its fan-out makes it; every page that is not in memory is read whole, with
 * its header, and a disk moves whole blocks.
 */

/** What is stored, and on what. */
export interface Question {
  /** Rows of the tree. */
  readonly rows: number;
  /** Bytes of a row's value. */
  readonly rowBytes: number;
  /** Bytes of a key. */
  readonly keyBytes: number;
  /** How full pages are, 0 to 1. */
  readonly fill: number;
  /** Bytes of a block of the disk. */
  readonly blockBytes: number;
}

/** What reading a row takes. */
export interface Cost {
  /** Pages read. */
  readonly pages: number;
  /** Bytes that are asked for. */
  readonly bytesAsked: number;
  /** Blocks that the disk touches for them, those of the headers among them. */
  readonly blocks: number;
  /** Bytes that the disk moves. */
  readonly bytesMoved: number;
}

/** What a page size means. */
export interface Outcome {
  readonly pageBytes: number;
  /** Rows of a leaf. */
  readonly leafRows: number;
  /** Children of a branch. */
  readonly fanOut: number;
  /** Pages on the way from the root to a row. */
  readonly levels: number;
  /** With nothing in memory. */
  readonly cold: Cost;
  /** With all branches in memory. */
  readonly warm: Cost;
}

/** The page sizes that are compared. */
export const PAGE_SIZES: readonly number[] = [1024, 4096, 8192, 16_384, 65_536];

const HEADER_BYTES = 32;
/** Bytes that an entry of a leaf takes beside key and value, and of a branch beside its key. */
const LEAF_EXTRA = 8;
const BRANCH_EXTRA = 11;

/** What a page size would mean. */
export function outcomeOf(question: Question, pageBytes: number): Outcome {
  const { rows, rowBytes, keyBytes, fill } = question;
  const usable = pageBytes * fill;
  // A value that takes more than a quarter of a page has pages of its own.
  const isLarge = rowBytes > pageBytes / 4;
  const inLeaf = isLarge ? 16 : rowBytes;
  const leafRows = Math.max(1, Math.floor(usable / (inLeaf + keyBytes + LEAF_EXTRA)));
  const fanOut = Math.max(2, Math.floor(usable / (keyBytes + BRANCH_EXTRA)));
  let levels = 1;
  for (let pages = Math.ceil(rows / leafRows); pages > 1; pages = Math.ceil(pages / fanOut)) {
    levels++;
  }
  const valuePages = isLarge ? Math.ceil(rowBytes / pageBytes) : 0;
  return {
    pageBytes,
    leafRows,
    fanOut,
    levels,
    cold: costOf(levels + valuePages, pageBytes, question.blockBytes),
    warm: costOf(1 + valuePages, pageBytes, question.blockBytes),
  };
}

function costOf(pages: number, pageBytes: number, blockBytes: number): Cost {
  const blocksOfPage = Math.max(1, Math.ceil(pageBytes / blockBytes));
  // The header of each page is in a block of its own, somewhere else.
  const blocks = pages * (blocksOfPage + 1);
  return {
    pages,
    bytesAsked: pages * (pageBytes + HEADER_BYTES),
    blocks,
    bytesMoved: blocks * blockBytes,
  };
}
