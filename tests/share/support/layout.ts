/**
 * The file of the model: what its sectors hold, and where.
 *
 * The two copies of the superblock come first, then chunks. A chunk is a header page and three
 * pages, each of two sectors; as a chunk of the journal it holds six sectors of batches instead of
 * its pages. The page numbers of a chunk are those of its place in the file. A page holds two
 * values, one in each sector.
 */

import type { State } from "./truth.ts";

/** Pages of a chunk, its header page among them. */
export const SLOTS = 4;
/** The most chunks that the file has. */
export const CHUNKS_MAX = 7;
/** The most chunks that have pages in use, so that a journal always has room behind them. */
export const DATA_CHUNKS_MAX = 4;
/** Sectors of an area in each of its chunks. */
export const AREA_SECTORS = 6;
/** The first sector of each copy of the superblock. */
export const COPIES: readonly number[] = [0, 2];

const CHUNK_SECTORS = 8;
const FIRST_CHUNK = 4;

/** What a header says of its page. */
export interface Header {
  readonly kind: "free" | "data" | "journal";
  readonly version: number;
  readonly sum: number;
}

/** The header of a free page. */
export const FREE: Header = { kind: "free", version: 0, sum: 0 };
/** The header of a page of the journal. */
export const JOURNAL: Header = { kind: "journal", version: 0, sum: 0 };

/** A page with its header. */
export interface Page {
  readonly bytes: readonly number[];
  readonly header: Header;
}

/** The change of a transaction to one page. */
export interface LogRecord {
  readonly kind: "whole" | "changed" | "freed" | "bypassed";
  readonly page: number;
  /** Both values, or the one that changed. */
  readonly bytes: readonly number[];
  /** The sector that changed. */
  readonly at: number;
  readonly header: Header;
  readonly version: number;
  readonly generation: number;
  readonly sequence: number;
}

/** A header page as it was before the first touch of its chunk in a generation. */
export interface LoggedHeaders {
  readonly chunk: number;
  readonly headers: readonly Header[];
}

/** A batch of the journal, in one sector or two; the same object is in both. */
export interface Batch {
  readonly type: "batch";
  readonly id: number;
  readonly generation: number;
  readonly offset: number;
  readonly sequence: number;
  /** The last sequence known to be on the medium before its write. */
  readonly durable: number;
  /** The id of the batch before it. */
  readonly previous: number;
  readonly sectors: number;
  /** Whether it applies only together with the next batch. */
  readonly continues: boolean;
  readonly version: number;
  /** Chunks of the file. */
  readonly count: number;
  readonly records: readonly LogRecord[];
  readonly headers: readonly LoggedHeaders[];
  readonly state: State;
}

/** A superblock, in two sectors; the same object is in both. */
export interface Superblock {
  readonly type: "superblock";
  readonly number: number;
  readonly isOpen: boolean;
  /** The generation, and the last sequence before it, from which replay begins. */
  readonly generation: number;
  readonly sequence: number;
  readonly version: number;
  readonly count: number;
  readonly state: State;
  /** The chunks of both areas. */
  readonly areas: readonly [readonly number[], readonly number[]];
}

/** A sector of the file: part of a superblock, header page, page or batch. */
export type Sector = Superblock | Batch | readonly Header[] | number;

/** The first sector of a chunk. */
export function chunkAt(chunk: number): number {
  return FIRST_CHUNK + chunk * CHUNK_SECTORS;
}

/** The sector with the header of a page. */
export function headerAt(page: number): number {
  const slot = page % SLOTS;
  return chunkAt((page - slot) / SLOTS) + (slot >> 1);
}

/** The first sector of a page. */
export function pageAt(page: number): number {
  const slot = page % SLOTS;
  return chunkAt((page - slot) / SLOTS) + 2 * slot;
}

/** The chunk of a page. */
export function chunkOf(page: number): number {
  return (page - page % SLOTS) / SLOTS;
}

/** The sector at an offset of an area. */
export function areaAt(chunks: readonly number[], offset: number): number {
  const within = offset % AREA_SECTORS;
  return chunkAt(chunks[(offset - within) / AREA_SECTORS]!) + 2 + within;
}

/** The count of chunks that has both areas inside the file. */
export function areasEnd(areas: Superblock["areas"]): number {
  let end = 0;
  for (const chunk of areas[0]) end = Math.max(end, chunk + 1);
  for (const chunk of areas[1]) end = Math.max(end, chunk + 1);
  return end;
}

/** The sum of a page. */
export function sumOf(bytes: readonly unknown[]): number {
  const [first, second] = bytes;
  if (typeof first !== "number" || typeof second !== "number") return NaN;
  return (Math.imul(first, 0x9e3779b1) + Math.imul(second, 0x85ebca6b)) | 0;
}
