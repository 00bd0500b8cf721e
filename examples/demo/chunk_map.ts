/**
 * A map of a file for the terminal: a row for each chunk, a cell for a few pages.
 *
 * A cell shows only one of its pages: one of the kind that is rarest in the file, so that the few
 * header pages and branches are visible among the leaves. A large file has several chunks in a row
 * and more pages in a cell, so that the map fits on a screen; a file that fits in one row has a
 * cell for each page.
 */

import type { ChunkCensus } from "../../inspect.ts";
import { format } from "../../pager/mod.ts";
import { HEADER_PAGES, type Part, PART_OF_KIND, PARTS } from "./parts.ts";
import { countOf } from "./text.ts";

const ROWS_MAX = 24;
const ROW_CELLS = 64;
const BLOCK = "\u2588";
const SHADE = "\u2591";
const RESET = "\x1b[0m";

/** Options of a map. */
export interface ChunkMapOptions {
  /** Whether to draw coloured blocks instead of letters. */
  readonly coloured: boolean;
}

/**
 * The lines of the map of a file, with a legend below.
 *
 * @param chunks The chunks in order.
 * @param chunkCount The number of chunks.
 */
export function chunkMap(
  chunks: Iterable<ChunkCensus>,
  chunkCount: number,
  { coloured }: ChunkMapOptions,
): string[] {
  const parts = partsOfPages(chunks);
  const rowChunks = Math.ceil(chunkCount / ROWS_MAX);
  const isShort = parts.length <= ROW_CELLS;
  const cellPages = isShort ? 1 : format.CHUNK_PAGES * rowChunks / ROW_CELLS;
  const cells = rarestOfCells(parts, cellPages).map((part) => PARTS[part]!);
  const draw = coloured ? drawColours : drawLetters;
  const lines: string[] = [];
  for (let at = 0; at < cells.length; at += ROW_CELLS) {
    const label = String(at / ROW_CELLS * rowChunks).padStart(String(chunkCount).length);
    lines.push(`${label} ${draw(cells.slice(at, at + ROW_CELLS))}`);
  }
  const present = PARTS.filter((_, part) => parts.includes(part));
  const legend = present.map((part) => `${draw([part])} ${part.name}`).join("  ");
  const scale = isShort
    ? "a cell is a page"
    : `a row is ${countOf(rowChunks, "chunk")}, a cell ${cellPages} pages and shows the rarest`;
  return [...lines, "", legend, scale];
}

function partsOfPages(chunks: Iterable<ChunkCensus>): number[] {
  const parts: number[] = [];
  for (const { kinds, pages } of chunks) {
    parts.push(HEADER_PAGES);
    for (let slot = 1; slot < pages; slot++) parts.push(PART_OF_KIND[kinds[slot]!]!);
  }
  return parts;
}

function rarestOfCells(parts: readonly number[], cellPages: number): number[] {
  const pagesOf = new Array<number>(PARTS.length).fill(0);
  for (const part of parts) pagesOf[part]!++;
  const rarer = (a: number, b: number) => pagesOf[b]! < pagesOf[a]! ? b : a;
  const cells: number[] = [];
  for (let start = 0; start < parts.length; start += cellPages) {
    cells.push(parts.slice(start, start + cellPages).reduce(rarer));
  }
  return cells;
}

function drawLetters(cells: readonly Part[]): string {
  return cells.map(({ letter }) => letter).join("");
}

function drawColours(cells: readonly Part[]): string {
  let line = "";
  let colour = 0;
  for (const part of cells) {
    if (part.colour !== colour) line += `\x1b[${colour = part.colour}m`;
    line += part.letter === "." ? SHADE : BLOCK;
  }
  return line + RESET;
}
