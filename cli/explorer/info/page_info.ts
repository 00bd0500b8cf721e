/**
 * A page for the explorer's page: header, regions, entries as text, bytes, and the path from the
 * root of its tree.
 *
 * The path is found by a look-up of the page's first key that bypasses the cache, so that
 * inspection does not change the cache. If the look-up does not reach the page, the path
 * consists of the root and the page.
 */

import { compareKeys } from "../../../btree/mod.ts";
import type { Cell, HeaderState, PageState } from "../../../inspect.ts";
import { format } from "../../../pager/mod.ts";
import type { Inspection } from "../../inspect/mod.ts";
import type { CellInfo, Crumb, PageInfo } from "../api_types.ts";
import type { Source } from "../source.ts";
import { treesOf } from "./file_info.ts";
import { hexOf, wordsOf } from "./words.ts";

const { KIND_BRANCH, KIND_LEAF, KIND_RUN } = format;
const { KIND_RUN_CONTINUED, KIND_SHARED } = format;
const CATALOG_TREE = 0;
const DEPTH_MAX = 32;

/** The tree of a page, as far as it is known. */
interface Owner {
  readonly name: string;
  readonly root: number;
  readonly keyCodec: string;
  readonly valueCodec: string;
}

/** A page. */
export function pageInfo({ inspection }: Source, page: number): PageInfo {
  const state = inspection.page(page);
  const { header, contents, damage } = state;
  const owner = ownerOf(inspection, header);
  const read = owner === undefined ? [] : crumbsTo(inspection, owner, state);
  return {
    page,
    kind: header.kind,
    kindName: header.kindName,
    tree: header.tree,
    treeName: owner?.name ?? "",
    level: header.level,
    usedBytes: header.usedBytes,
    fields: fieldsOf(header),
    damage: damage ?? null,
    regions: contents?.regions ?? [],
    prefixText: contents === undefined ? "" : wordsOf(contents.prefix, "bytes"),
    cells: contents?.cells.map((cell) => cellInfo(cell, owner)) ?? [],
    crumbs: read,
    hex: hexOf(state.bytes),
  };
}

function ownerOf(inspection: Inspection, header: HeaderState): Owner | undefined {
  const { kind, tree } = header;
  if (!format.isOfTree(kind)) return undefined;
  if (tree === CATALOG_TREE) {
    const root = inspection.file().catalogRoot;
    return { name: "catalog", root, keyCodec: "bytes", valueCodec: "bytes" };
  }
  const found = treesOf(inspection).find(({ id }) => id === tree);
  if (found === undefined) return undefined;
  const { name, root, codecs } = found;
  return { name, root, keyCodec: codecs.key, valueCodec: codecs.value };
}

/** The header fields that apply to the page's kind. */
function fieldsOf(header: HeaderState): [string, string][] {
  const { kind } = header;
  const isNode = kind === KIND_LEAF || kind === KIND_BRANCH;
  const hasCells = isNode || kind === KIND_SHARED;
  const isRun = kind === KIND_RUN;
  const isLater = kind === KIND_RUN_CONTINUED;
  const hex = (sum: number) => `0x${sum.toString(16).padStart(8, "0")}`;
  const fields: [boolean, string, string | number][] = [
    [true, "kind", `${header.kindName} (${kind})`],
    [isNode, "level", header.level],
    [hasCells, "entries", header.entries],
    [isRun, "pages in the run", header.runPages],
    [isLater, "index in the run", header.runIndex],
    [format.isOfTree(kind), "tree", header.tree],
    [kind === KIND_LEAF, "right sibling", header.link || "none"],
    [isRun, "next run", header.link || "last"],
    [isLater, "first page", header.link],
    [kind !== 0, "version", header.version],
    [hasCells, "cell start", header.cellStart],
    [isNode, "prefix", `${header.prefixBytes} bytes`],
    [kind === KIND_LEAF, "has references", header.holdsRuns ? "yes" : "no"],
    [isRun, "bytes in the run", header.runBytes],
    [hasCells, "garbage", `${header.garbage} bytes`],
    [kind !== 0, "page sum", hex(header.pageSum)],
    [kind !== 0, "header sum", hex(header.headerSum)],
    [true, "page begins at byte", header.offset],
    [true, "header begins at byte", header.headerOffset],
  ];
  return fields.filter(([has]) => has).map(([, name, value]) => [name, String(value)]);
}

function cellInfo(cell: Cell, owner: Owner | undefined): CellInfo {
  const { index, offset, bytes, valueBytes, target, note } = cell;
  const valueText = valueBytes < 0 || (target !== 0 && cell.value.length === 0)
    ? ""
    : wordsOf(cell.value, owner?.valueCodec ?? "bytes");
  return {
    index,
    offset,
    bytes,
    key: hexOf(cell.key),
    keyText: wordsOf(cell.key, owner?.keyCodec ?? "bytes"),
    valueBytes,
    valueText,
    target,
    note,
  };
}

/** The path from the root of a tree to one of its pages, as far as it is known. */
function crumbsTo(inspection: Inspection, owner: Owner, state: PageState): Crumb[] {
  const { page, level, kind } = state.header;
  const root = { page: owner.root, label: owner.name };
  if (page === owner.root) return [root];
  if (kind !== KIND_LEAF && kind !== KIND_BRANCH) {
    return [root, { page, label: `${state.header.kindName} ${page}` }];
  }
  // The first entry of a branch has no key.
  const key = state.contents?.cells[level > 0 ? 1 : 0]?.key;
  const crumbs = [root];
  let at = owner.root;
  for (let depth = 0; key !== undefined && depth < DEPTH_MAX; depth++) {
    const { header, contents } = inspection.page(at);
    if (header.level <= level || contents === undefined) break;
    at = childFor(contents.cells, key);
    if (at === 0 || at >= inspection.file().pages) break;
    crumbs.push({ page: at, label: `${header.level > 1 ? "branch" : "leaf"} ${at}` });
    if (at === page) return crumbs;
  }
  return [root, { page, label: `${state.header.kindName} ${page}` }];
}

/** The child of a branch whose range includes a key. */
function childFor(cells: readonly Cell[], key: Uint8Array): number {
  let found = 0;
  cells.forEach((cell, index) => {
    const isBelow = compareKeys(cell.key, cell.key.length, key, key.length) <= 0;
    if (index === 0 || isBelow) found = cell.target;
  });
  return found;
}
