/**
 * The file, its superblocks, its chunks and its trees for the explorer's page.
 */

import type { Superblock, SuperblockState, TreeState } from "../../../inspect.ts";
import { CorruptionError } from "../../../mod.ts";
import { format, kindName } from "../../../pager/mod.ts";
import type { Inspection } from "../../inspect/mod.ts";
import type { ChunkInfo, FileInfo, SuperblockInfo } from "../api_types.ts";
import type { Source } from "../source.ts";
import { hexOf } from "./words.ts";

const { CHUNK_PAGES, HEADER_BYTES, KIND_COUNT, KIND_FREE } = format;

/** The file as a whole. */
export function fileInfo(source: Source): FileInfo {
  const { inspection, name, live, database } = source;
  const { superblocks, unsynchronised, journal: _, checkpoint: __, ...rest } = inspection.file();
  const trees = treesOf(inspection).map(({ id, name, root, codecs }) => {
    return { id, name, root, keyCodec: codecs.key, valueCodec: codecs.value };
  });
  return {
    ...rest,
    name,
    unsynchronised,
    live,
    hasDatabase: database !== undefined,
    followed: database?.follows ?? false,
    headerBytes: HEADER_BYTES,
    trees,
    superblocks: superblocks.map(superblockInfo),
    kinds: Array.from({ length: KIND_COUNT }, (_, kind) => kindName(kind)),
  };
}

/** The trees of the catalog; none if it is damaged, so that the rest can still be shown. */
export function treesOf(inspection: Inspection): TreeState[] {
  try {
    return inspection.trees();
  } catch (error) {
    if (error instanceof CorruptionError) return [];
    throw error;
  }
}

/** One copy of the superblock. */
export function superblockInfo({ page, content, damage }: SuperblockState): SuperblockInfo {
  if (content === undefined) return { page, damage: damage ?? "damaged", fields: [] };
  const [a, b] = content.journals.map((chunks) =>
    chunks.length === 0 ? "none" : chunks.join(", ")
  ) as [string, string];
  const fields: [string, string | number][] = [
    ["number", content.number],
    ["state", content.open ? "open" : "clean"],
    ["database id", hexOf(content.databaseId)],
    ["version", content.version],
    ...historyOf(content),
    ["pages", content.pageCount],
    ["catalog root", content.catalogRoot],
    ["next tree", content.nextTreeId],
    ["allocator hint", content.allocatorHint],
    ["replay generation", content.replayGeneration],
    ["replay sequence", content.replaySequence],
    ["syncs", content.syncCount],
    ["journal a, chunks", a],
    ["journal b, chunks", b],
  ];
  return { page, damage: null, fields: fields.map(([name, value]) => [name, String(value)]) };
}

/** What a superblock says of its history, if the file is a copy. */
function historyOf({ history, origin, originVersion }: Superblock): [string, string | number][] {
  if (history === 0) return [];
  return [["history", history], ["copied from history", origin], ["at version", originVersion]];
}

/** A chunk, page by page. */
export function chunkInfo({ inspection }: Source, chunk: number): ChunkInfo {
  const headers = inspection.headers(chunk);
  const pages = Array.from({ length: headers.pages }, (_, slot) => {
    const kind = slot === 0 ? KIND_FREE : headers.kinds[slot]!;
    return {
      page: chunk * CHUNK_PAGES + slot,
      kind,
      kindName: slot === 0 ? "headers" : kindName(kind),
      tree: headers.trees[slot]!,
      version: headers.versions[slot]!,
      entries: headers.entries[slot]!,
      usedBytes: headers.usedBytes[slot]!,
    };
  });
  return { chunk, pages };
}
