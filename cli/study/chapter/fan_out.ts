/**
 * The chapter on fan-out and depth by page size: arithmetic alone, with its steps.
 */

import { outcomeOf, PAGE_SIZES, type Question } from "../page_arithmetic.ts";
import type { StudyChapter } from "../report_types.ts";
import { BLOCK_BYTES } from "../subject.ts";

const MILLION = 1_000_000;
const BILLION = 1000 * MILLION;
const QUIRE_PAGE_BYTES = 8192;

/** The tree of the arithmetic, apart from its rows. */
const TREE: Omit<Question, "rows"> = {
  rowBytes: 100,
  keyBytes: 16,
  fill: 0.7,
  blockBytes: BLOCK_BYTES,
};
const numbers = new Intl.NumberFormat("en-US");

/** The shape of a tree, by the size of its pages. */
export function fanOut(): StudyChapter {
  const { rowBytes, keyBytes, fill } = TREE;
  return {
    id: "fan-out",
    title: "Fan-out and depth",
    about: `A tree of rows of ${rowBytes} bytes with keys of ${keyBytes} bytes, in pages that ` +
      `are ${fill} full. Larger pages have more children, so a tree is lower; a look-up whose ` +
      "branches are in memory (warm) moves its leaf alone, which is smaller with small pages. " +
      "Each page that is read costs a block more, for its header.",
    columns: [
      { key: "pageBytes", title: "page", unit: "bytes" },
      { key: "leafRows", title: "rows a leaf", unit: "count" },
      { key: "children", title: "children", unit: "count" },
      { key: "levelsOfMillion", title: "levels: 10^6", unit: "count" },
      { key: "levelsOfBillion", title: "10^9 rows", unit: "count" },
      { key: "coldBytes", title: "moved cold", unit: "bytes" },
      { key: "warmBytes", title: "moved warm", unit: "bytes" },
    ],
    rows: PAGE_SIZES.map((pageBytes) => {
      const large = outcomeOf({ ...TREE, rows: BILLION }, pageBytes);
      return {
        pageBytes,
        leafRows: large.leafRows,
        children: large.fanOut,
        levelsOfMillion: outcomeOf({ ...TREE, rows: MILLION }, pageBytes).levels,
        levelsOfBillion: large.levels,
        coldBytes: large.cold.bytesMoved,
        warmBytes: large.warm.bytesMoved,
      };
    }),
    bars: "coldBytes",
    notes: stepsOf(QUIRE_PAGE_BYTES, BILLION),
  };
}

/** The steps of the arithmetic for a page size. */
function stepsOf(pageBytes: number, rows: number): string[] {
  const { rowBytes, keyBytes, fill } = TREE;
  const { leafRows, fanOut, levels } = outcomeOf({ ...TREE, rows }, pageBytes);
  const counts = [Math.ceil(rows / leafRows)];
  while (counts.at(-1)! > 1) counts.push(Math.ceil(counts.at(-1)! / fanOut));
  const usable = numbers.format(Math.floor(pageBytes * fill));
  const entry = rowBytes + keyBytes + 8;
  return [
    `Pages of ${numbers.format(pageBytes)} bytes: ${usable} in use; by ${keyBytes} + 11 bytes of ` +
    `a child ${fanOut} children; by ${rowBytes} + ${keyBytes} + 8 = ${entry} bytes of a row ` +
    `${leafRows} rows a leaf.`,
    `${numbers.format(rows)} rows: ${
      counts.map((pages) => numbers.format(pages)).join(" -> ")
    } pages: ${levels} levels.`,
  ];
}
