/**
 * A table of the kinds of pages in a file, from its page headers alone.
 */

import type { Census } from "../../inspect.ts";
import { format } from "../../pager/mod.ts";
import { HEADER_PAGES, PARTS } from "./parts.ts";
import { alignTable, count, countOf, percent } from "./text.ts";

const HEADINGS = ["kind", "pages", "bytes", "used", "fill", "entries"];
const NODES = ["branches", "leaves"];
/** Parts that the table omits if a file has none. */
const OPTIONAL = ["journal"];

/**
 * The lines of the table of a file, with a summary below.
 *
 * @param dataBytes The bytes of all keys and values.
 */
export function fileTable(census: Census, fileBytes: number, dataBytes: number): string[] {
  const rows = PARTS.map((_, part) => rowOf(census, part))
    .filter(([name, pages]) => pages !== "0" || !OPTIONAL.includes(name!));
  const total = ["total", count(census.pages), count(census.pages * format.PAGE_BYTES)];
  return [
    ...alignTable([HEADINGS, ...rows, [...total, "", "", ""]]),
    "",
    "Among the leaves is the catalog's, with an entry for each tree.",
    `${count(fileBytes)} bytes of file hold ${count(dataBytes)} bytes of keys and values: ` +
    `${(fileBytes / Math.max(dataBytes, 1)).toFixed(2)} for each.`,
    `The table read ${countOf(census.chunks, "header page")}, one for each chunk: ` +
    `${percent(census.chunks, census.pages)} of the file.`,
  ];
}

function rowOf(census: Census, part: number): string[] {
  const { name, kinds } = PARTS[part]!;
  const sum = (ofKind: readonly number[]) => kinds.reduce((all, kind) => all + ofKind[kind]!, 0);
  const pages = part === HEADER_PAGES ? census.chunks : sum(census.pagesOfKind);
  const bytes = pages * format.PAGE_BYTES;
  const used = sum(census.usedBytesOfKind);
  const isNode = NODES.includes(name);
  const hasFill = isNode || name === "runs";
  return [
    name,
    count(pages),
    count(bytes),
    hasFill ? count(used) : "-",
    hasFill ? percent(used, bytes) : "-",
    isNode ? count(sum(census.entriesOfKind)) : "-",
  ];
}
