/**
 * The leaves that differ between two versions of a database, from page headers alone.
 *
 * A page whose header is the same in both versions has the same bytes in both. So an entry that
 * differs is in a leaf whose header differs, in one version or in both, or refers to a shared page
 * whose header differs, as a value may be replaced where it is. Each version has a set of its
 * leaves of either kind; the order of their keys is in the branches.
 *
 * In one history, a page that the newer version has from a version that the older one sees is the
 * same in both. Another page there shows that the older file has changes of its own. Where no page
 * shows that, what differs is still exact: equal headers mean equal bytes.
 */

import {
  type ChunkNumber,
  format,
  Frame,
  header,
  type PageNumber,
  type PageReader,
  PageSet,
} from "../../pager/mod.ts";
import type { TreeSource } from "../check/tree_walk.ts";
import { copyKey, KEY_BYTES_MAX } from "../node/node.ts";
import type { TreeContext } from "../walk/tree_context.ts";
import { TreeNodes } from "../walk/tree_nodes.ts";

const { CHUNK_PAGES, CHUNK_SHIFT, HEADER_WORD_SHIFT, HEADER_WORDS, SLOT_MASK } = format;
const { KIND_FREE, KIND_LEAF, KIND_SHARED } = format;
const { kindOf, treeOf, versionOf } = header;
const POOL = -1;

/** The pages of a database as of one version, with the headers of a whole chunk. */
export interface VersionHeaders {
  /** The facts about the file at that version. */
  readonly meta: { readonly version: number; readonly pageCount: number };
  /** Copies the header page of a chunk to slot 0 of a frame; free pages have zeros. */
  copyHeaderPage(chunk: ChunkNumber, into: Frame): void;
}

/** The leaves of one version that the other does not have, or has otherwise. */
export interface LeafSet {
  /** The leaves. */
  readonly pages: PageSet;
  /** The numbers of their trees. */
  readonly trees: Set<number>;
  /** Such shared pages, by the numbers of their trees. */
  readonly shared: Map<number, PageNumber[]>;
}

/** The leaves that differ between two versions. */
export class ChangedLeaves {
  /** Those of the older version. */
  readonly older: LeafSet = { pages: new PageSet(), trees: new Set(), shared: new Map() };
  /** Those of the newer version. */
  readonly newer: LeafSet = { pages: new PageSet(), trees: new Set(), shared: new Map() };
  readonly #olderHeaders = new Frame(-1, POOL, 1);
  readonly #newerHeaders = new Frame(-1, POOL, 1);

  /**
   * Compares the headers of all chunks; yields after each.
   *
   * @returns Whether both versions are of one history.
   * @throws {CorruptionError} A header breaks a rule.
   */
  *compare(
    older: VersionHeaders,
    newer: VersionHeaders,
  ): Generator<void, boolean, undefined> {
    const chunks = (from: VersionHeaders) => format.chunksOf(from.meta.pageCount);
    const count = Math.max(chunks(older), chunks(newer));
    for (let chunk = 0; chunk < count; chunk++) {
      copyHeaders(older, chunk, this.#olderHeaders);
      copyHeaders(newer, chunk, this.#newerHeaders);
      if (!this.#compareChunk(chunk, older.meta.version)) return false;
      yield;
    }
    return true;
  }

  /** Compares the headers of a chunk. Returns whether they are of one history. */
  #compareChunk(chunk: ChunkNumber, version: number): boolean {
    for (let slot = 1; slot < CHUNK_PAGES; slot++) {
      if (sameHeader(this.#olderHeaders, this.#newerHeaders, slot)) continue;
      const page = chunk * CHUNK_PAGES + slot;
      addPage(this.older, this.#olderHeaders, slot, page);
      addPage(this.newer, this.#newerHeaders, slot, page);
      if (kindOf(this.#newerHeaders, slot) === KIND_FREE) continue;
      if (page >= format.FRESH_PAGES && versionOf(this.#newerHeaders, slot) <= version) {
        return false;
      }
    }
    return true;
  }
}

function copyHeaders(from: VersionHeaders, chunk: ChunkNumber, into: Frame): void {
  if (chunk < format.chunksOf(from.meta.pageCount)) from.copyHeaderPage(chunk, into);
  else into.u32.fill(0);
}

function sameHeader(a: Frame, b: Frame, slot: number): boolean {
  const word = slot << HEADER_WORD_SHIFT;
  for (let at = word; at < word + HEADER_WORDS; at++) if (a.u32[at] !== b.u32[at]) return false;
  return true;
}

function addPage(set: LeafSet, headers: Frame, slot: number, page: PageNumber): void {
  const kind = kindOf(headers, slot);
  const tree = treeOf(headers, slot);
  if (kind === KIND_SHARED) {
    const pages = set.shared.get(tree);
    if (pages === undefined) set.shared.set(tree, [page]);
    else pages.push(page);
  } else if (kind === KIND_LEAF) {
    set.pages.add(page);
    set.trees.add(tree);
  }
}

/**
 * Adds the leaves with the entries that refer to shared pages of a tree; yields after each page.
 *
 * @throws {CorruptionError} A page of the tree is damaged.
 */
export function* addReferringLeaves(
  tree: TreeSource & { readonly context: TreeContext },
  set: LeafSet,
): Generator<void, void, undefined> {
  const { reader, id } = tree;
  const nodes = new TreeNodes(tree.context, id, tree.root, reader);
  for (const page of set.shared.get(id) ?? []) {
    const keys = keysIn(reader, page);
    for (const key of keys) set.pages.add(nodes.leafFor(key, key.length).page);
    if (keys.length > 0) set.trees.add(id);
    yield;
  }
}

/** The keys of the entries that refer to a shared page, which begin with one byte in the page. */
function keysIn(reader: PageReader, page: PageNumber): Uint8Array[] {
  const place = reader.at(page);
  const frame = reader.frames[place >>> CHUNK_SHIFT]!;
  const slot = place & SLOT_MASK;
  const key = new Uint8Array(KEY_BYTES_MAX);
  return Array.from({ length: header.entriesOf(frame, slot) }, (_, index) => {
    return key.slice(1, copyKey(frame, slot, index, key));
  });
}
