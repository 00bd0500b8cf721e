/**
 * The commands that show part of the file: `page` and `chunk`. They also work on a file that
 * another process has locked.
 */

import type { HeaderState, PageState } from "../../inspect.ts";
import { format, kindName } from "../../pager/mod.ts";
import { encodeBase64 } from "../form/base64.ts";
import { codecByName, type NamedCodec } from "../form/codecs.ts";
import { bytesForm } from "../form/json_form.ts";
import type { Inspection } from "../inspect/mod.ts";
import { Refusal } from "../io/exit.ts";
import { hex, hexRows } from "../io/hex.ts";
import { alignPairs, alignTable, count, countOf, oneLine, percent } from "../io/text.ts";
import { type CommandSpec, type Context, wholeNumber } from "../spec/command_spec.ts";
import { UNSYNCHRONISED } from "./map.ts";

const TEXT_UNITS_MAX = 40;
const CELL_BYTES_SHOWN = 12;
const BYTES_SHOWN = 256;

/** Shows a page. */
export const page: CommandSpec = {
  name: "page",
  summary: "show a page: its header, its cells, and their bytes in hexadecimal",
  file: "inspect",
  args: [{ name: "number", what: "which page, from 0" }],
  options: [{ flags: "--hex", what: "also all bytes of the page" }],
  examples: [
    ["page cities.quire 4", "a page of a tree, with its cells"],
    ["page cities.quire 1 --hex", "a superblock, byte by byte"],
  ],
  inShell: true,
  run(context, [number], options) {
    const inspection = context.inspect();
    const state = inspection.page(numberBelow("page", number!, inspection.file().pages));
    const tree = treeOf(inspection, state.header);
    if (context.json) return context.out.json(jsonOf(state, tree));
    printHeader(context, state, tree);
    printCells(context, state, tree);
    const isAll = options["hex"] === true;
    if (state.contents !== undefined && !isAll) return;
    context.out.line();
    context.out.lines(hexRows(state.bytes.subarray(0, isAll ? undefined : BYTES_SHOWN)));
    if (!isAll) context.out.line("--hex shows the rest");
  },
};

/** Lists the pages of a chunk. */
export const chunk: CommandSpec = {
  name: "chunk",
  summary: "list the pages of a chunk, from its page headers",
  file: "inspect",
  args: [{ name: "number", what: "which chunk, from 0" }],
  options: [],
  examples: [["chunk cities.quire 0", "the first 256 pages"]],
  inShell: true,
  run(context, [number]) {
    const { out, json } = context;
    const inspection = context.inspect();
    const wanted = numberBelow("chunk", number!, inspection.file().chunks);
    const { pages, kinds, usedBytes, entries, trees, versions } = inspection.headers(wanted);
    const names = new Map(inspection.trees().map(({ id, name }) => [id, name]));
    const rows = Array.from({ length: pages }, (_, slot) => ({
      page: wanted * format.CHUNK_PAGES + slot,
      kind: slot === 0 ? "headers" : kindName(kinds[slot]!),
      tree: trees[slot] === 0 ? null : names.get(trees[slot]!) ?? trees[slot],
      entries: entries[slot]!,
      usedBytes: usedBytes[slot]!,
      version: versions[slot]!,
    }));
    if (json) return rows.forEach((row) => out.json(row));
    const used = rows.filter(({ kind }) => kind !== "free");
    const lines = used.map(({ page, kind, tree, entries, usedBytes, version }) => [
      String(page),
      kind,
      tree === null ? "-" : oneLine(String(tree)),
      entries === 0 ? "-" : count(entries),
      usedBytes === 0 ? "-" : count(usedBytes),
      version === 0 ? "-" : String(version),
    ]);
    out.lines(alignTable([["page", "kind", "tree", "entries", "used", "version"], ...lines]));
    out.line();
    out.line(
      `chunk ${wanted}: ${countOf(used.length, "page")} in use, ${pages - used.length} free`,
    );
    tellUnsynchronised(context);
  },
};

/** A tree that a page may belong to. */
interface Owner {
  readonly name: string;
  readonly key: NamedCodec;
  readonly value: NamedCodec;
}

function numberBelow(what: string, text: string, end: number): number {
  const number = wholeNumber(what, text);
  if (number < end) return number;
  throw new Refusal(
    `Cannot show ${what} ${text}: the file has ${countOf(end, what)}, from 0 to ${end - 1}`,
  );
}

function treeOf(inspection: Inspection, { kind, tree }: HeaderState): Owner | undefined {
  const found = format.isOfTree(kind)
    ? inspection.trees().find(({ id }) => id === tree)
    : undefined;
  if (found === undefined) return undefined;
  const { name, codecs } = found;
  return { name, key: codecByName(codecs.key), value: codecByName(codecs.value) };
}

function printHeader(context: Context, { header, damage }: PageState, owner: Owner | undefined) {
  const { kind, kindName, level, tree, link, garbage, usedBytes, entries } = header;
  const isNode = kind === format.KIND_LEAF || kind === format.KIND_BRANCH;
  const hasEntries = isNode || kind === format.KIND_SHARED;
  const ofTree = owner === undefined ? `tree ${tree}` : `tree ${tree}, ${oneLine(owner.name)}`;
  const optional = (holds: boolean, name: string, value: string): [string, string][] =>
    holds ? [[name, value]] : [];
  context.out.lines(alignPairs([
    ["page", String(header.page)],
    ["kind", isNode ? `${kindName}, level ${level}` : kindName],
    ...optional(format.isOfTree(kind), "owner", tree === 0 ? "the catalog" : ofTree),
    ["place", `chunk ${header.chunk}, slot ${header.slot}, extent ${header.extent}`],
    ["bytes", `from ${count(header.offset)}; its header from ${count(header.headerOffset)}`],
    ...optional(header.version > 0, "version", String(header.version)),
    ...optional(hasEntries, "entries", count(entries)),
    ...optional(hasEntries, "fill", percent(usedBytes, format.PAGE_BYTES)),
    ...optional(isNode, "prefix", countOf(header.prefixBytes, "byte")),
    ...optional(garbage > 0, "garbage", countOf(garbage, "byte")),
    ...optional(header.runPages > 0, "run", countOf(header.runPages, "page")),
    ...optional(header.runBytes > 0, "holds", countOf(header.runBytes, "byte")),
    ...optional(header.runIndex > 0, "index", `${header.runIndex} in its run`),
    ...optional(link > 0, "link", `page ${link}`),
    ...optional(kind !== format.KIND_FREE, "sums", sumsOf(header)),
    ...optional(damage !== undefined, "damage", oneLine(damage ?? "")),
  ]));
  tellUnsynchronised(context);
}

function sumsOf({ pageSum, headerSum }: HeaderState): string {
  const digits = (sum: number) => (sum >>> 0).toString(16).padStart(8, "0");
  return `page ${digits(pageSum)}, header ${digits(headerSum)}`;
}

function printCells({ out }: Context, state: PageState, owner: Owner | undefined): void {
  const { contents, bytes, header } = state;
  if (contents === undefined) return;
  out.line();
  out.lines(alignTable([
    ["region", "offset", "bytes"],
    ...contents.regions.map(({ name, offset, bytes }) => [name, count(offset), count(bytes)]),
  ]));
  if (contents.cells.length === 0) return;
  const isLeaf = header.level === 0;
  const rows = contents.cells.map((cell) => [
    String(cell.index),
    count(cell.offset),
    count(cell.bytes),
    shortened(textOf(cell.key, isLeaf ? owner?.key : undefined)),
    leadsTo(cell, owner),
    hex(bytes.subarray(cell.offset, cell.offset + cell.bytes), CELL_BYTES_SHOWN),
  ]);
  const heading = ["cell", "offset", "bytes", "key", isLeaf ? "value" : "leads to", "hex"];
  out.line();
  out.lines(alignTable([heading, ...rows]));
}

type CellState = NonNullable<PageState["contents"]>["cells"][number];

/** The value of a cell, or its child page. */
function leadsTo({ note, target, valueBytes, value }: CellState, owner: Owner | undefined): string {
  if (note !== "") return shortened(note);
  if (valueBytes < 0) return `page ${target}`;
  if (target > 0) return `${countOf(valueBytes, "byte")} in page ${target}`;
  return shortened(textOf(value, owner?.value));
}

/** Bytes decoded by their codec, or else as text or digits: separators are partial keys. */
function textOf(bytes: Uint8Array, codec: NamedCodec | undefined): string {
  try {
    if (codec !== undefined) return codec.form.toText(codec.codec.decode(bytes));
  } catch {
    // Bytes that the codec rejects are shown undecoded.
  }
  const text = bytesForm.toJson(bytes);
  return typeof text === "string" && text === oneLine(text) ? text : hex(bytes);
}

function shortened(text: string): string {
  const line = oneLine(text);
  return line.length <= TEXT_UNITS_MAX ? line : `${line.slice(0, TEXT_UNITS_MAX - 3)}...`;
}

function tellUnsynchronised({ out, inspect }: Context): void {
  if (inspect().file().unsynchronised) out.line(UNSYNCHRONISED);
}

function jsonOf({ header, bytes, contents, damage }: PageState, owner: Owner | undefined): unknown {
  return {
    header,
    tree: owner?.name ?? null,
    damage: damage ?? null,
    regions: contents?.regions ?? [],
    cells: contents?.cells.map(({ key, value, ...rest }) => ({
      ...rest,
      key: bytesForm.toJson(key),
      value: bytesForm.toJson(value),
    })) ?? [],
    bytes: encodeBase64(bytes),
  };
}
