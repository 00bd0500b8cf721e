/**
 * Descriptions of the map's tiles.
 */

import type { FileInfo } from "../../api_types.ts";
import { bytes, count, some } from "../base/figures.ts";
import { treeName } from "./chunk_panel.ts";
import type { Tile } from "./tile_store.ts";

/** The size of a tile. */
export function sizeWords(shift: number, file: FileInfo): string {
  const pages = 2 ** shift;
  if (shift === 0) return `one page, ${bytes(file.pageBytes)}`;
  const size = bytes(pages * file.pageBytes);
  if (pages === file.extentPages) return `${some(pages, "page")}, one extent, ${size}`;
  if (pages < file.chunkPages) return `${some(pages, "page")}, ${size}`;
  return `${some(pages, "page")}, ${some(pages / file.chunkPages, "chunk")}, ${size}`;
}

/** The description of a tile. */
export function tileWords(
  tile: Tile | undefined,
  index: number,
  shift: number,
  file: FileInfo,
): string {
  const first = index * 2 ** shift;
  const last = Math.min(file.pages, first + 2 ** shift) - 1;
  const where = first === last
    ? `Page ${count(first)}`
    : `Pages ${count(first)} to ${count(last)}, from byte ${count(first * file.pageBytes)}`;
  if (tile === undefined) return `${where}.`;
  if (tile.kind < 0) return `${where}: the headers are damaged.`;
  if (tile.inUse === 0) return `${where}: free.`;
  const kind = tile.kind === 0 ? "headers" : file.kinds[tile.kind] ?? `unknown kind ${tile.kind}`;
  const what = tile.tree < 0 || kind === "journal" || kind === "superblock"
    ? kind
    : `${kind} of tree ${treeName(tile.tree, file)}, ${tile.fill} % full, ` +
      `newest version ${count(tile.version)}`;
  const most = first === last ? "" : `${tile.inUse} % in use, mostly `;
  return `${where}: ${most}${what}.`;
}
