/**
 * The arithmetic of page sizes: the cost of reading one row. The explorer's page uses it too.
 *
 * The fan-out determines the height of a tree. Each page that is not in memory is read whole, with
 * its header, and a disk transfers whole blocks.
 */

/** The rows and the disk. */
export interface Question {
  /** Rows of the tree. */
  readonly rows: number;
  /** Bytes of a row's value. */
  readonly rowBytes: number;
  /** Bytes of a key. */
  readonly keyBytes: number;
  /** The fill of pages, 0 to 1. */
  readonly fill: number;
  /** Bytes of a block of the disk. */
  readonly blockBytes: number;
}

/** The cost of reading a row. */
export interface Cost {
  /** Pages read. */
  readonly pages: number;
  /** Bytes requested. */
  readonly bytesAsked: number;
  /** Blocks that the disk reads, including those of the headers. */
  readonly blocks: number;
  /** Bytes that the disk transfers. */
  readonly bytesMoved: number;
}

/** The results for a page size. */
export interface Outcome {
  readonly pageBytes: number;
  /** Rows of a leaf. */
  readonly leafRows: number;
  /** Children of a branch. */
  readonly fanOut: number;
  /** Pages on the path from the root to a row. */
  readonly levels: number;
  /** With nothing in memory. */
  readonly cold: Cost;
  /** With all branches in memory. */
  readonly warm: Cost;
}

/** The page sizes to compare. */
export const PAGE_SIZES: readonly number[] = [1024, 4096, 8192, 16_384, 65_536];

const HEADER_BYTES = 32;
/** Overhead of an entry in bytes: in a leaf beside key and value, in a branch beside the key. */
const LEAF_EXTRA = 8;
const BRANCH_EXTRA = 11;

/** Computes the results for a page size. */
export function outcomeOf(question: Question, pageBytes: number): Outcome {
  const { rows, rowBytes, keyBytes, fill } = question;
  const usable = pageBytes * fill;
  // A value larger than a quarter of a page is outside of its leaf.
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
  // The header of each page is in a separate block elsewhere.
  const blocks = pages * (blocksOfPage + 1);
  return {
    pages,
    bytesAsked: pages * (pageBytes + HEADER_BYTES),
    blocks,
    bytesMoved: blocks * blockBytes,
  };
}
