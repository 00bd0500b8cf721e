/**
 * What the file would save if the journal moved behind its data, in chunks.
 *
 * It reads header pages, and changes nothing. Behind a damaged or unreadable one, a move saves
 * nothing.
 */

import { CorruptionError, IoError } from "../format/errors.ts";
import { chunksOf } from "../format/format.ts";
import type { MetaFields } from "../format/meta.ts";
import type { Journal } from "../journal/journal.ts";
import type { JournalLocation } from "./journal_location.ts";

/** A move is worth while if it saves this many chunks, and this part of the data's chunks. */
const WORTH_CHUNKS_MIN = 2;
const WORTH_PART = 16;

/** What a move of the journal saves. */
export class JournalSavings {
  readonly #meta: MetaFields;
  readonly #journal: Journal;
  readonly #location: JournalLocation;

  /** The savings of a journal at a location. */
  constructor(meta: MetaFields, journal: Journal, location: JournalLocation) {
    this.#meta = meta;
    this.#journal = journal;
    this.#location = location;
  }

  /** The chunks of the file without those of the journal. */
  get dataChunks(): number {
    return chunksOf(this.#meta.pageCount) - this.#journal.chunkCount;
  }

  /** The chunks that make a move worth while. */
  get worth(): number {
    return Math.max(WORTH_CHUNKS_MIN, this.dataChunks / WORTH_PART);
  }

  /** The chunks that a move saves at most. */
  get most(): number {
    return fromHeaders(() => this.#location.savedByRenewal(), -Infinity);
  }

  /** Whether the journal is behind the data already. */
  get isBehindData(): boolean {
    return fromHeaders(() => this.#location.isBehindData(), false);
  }

  /** The first free chunk behind the data, or -1. */
  get firstFreeChunk(): number {
    return fromHeaders(() => this.#location.firstFreeChunk(), -1);
  }

  /** Whether the journal keeps a number of free chunks in the file, besides as many as it has. */
  keepsTail(chunks: number): boolean {
    return this.most >= this.#journal.chunkCount + Math.max(chunks, this.worth);
  }
}

/** What header pages say, or what holds where one is damaged or unreadable. */
function fromHeaders<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof CorruptionError || error instanceof IoError) return otherwise;
    throw error;
  }
}
