/**
 * The records of the journal since the replay point, by page: with them, a page of the file becomes
 * the page of any version that was read, as long as the file does not have a newer one.
 *
 * Records of header pages are not needed: each page that changed since the replay point has a
 * record with its header, and the file has the headers of all others.
 *
 * Memory is in proportion to the journal. Invariant: groups are added in the order of their
 * sequence.
 */

import { CHANGED, FREED, HEADERS, LogReader, WHOLE } from "../batch/log_record.ts";
import { CorruptionError } from "../format/errors.ts";
import { CHUNK_PAGES, KIND_FREE, PAGE_BYTES, PAGE_SHIFT } from "../format/format.ts";
import type { Frame } from "../format/frame.ts";
import { formatHeader } from "../format/header.ts";
import type { ChunkNumber, PageNumber, Slot, Version } from "../format/units.ts";
import type { Group } from "./batch_reader.ts";

/** The records of one generation. */
interface Generation {
  readonly number: number;
  readonly groups: Group[];
  /** For each page, pairs of a group's index and the offset of a record. */
  readonly pages: Map<PageNumber, number[]>;
  /** The chunks of these pages. */
  readonly chunks: Set<ChunkNumber>;
}

/** A record. */
interface Found {
  readonly group: Group;
  readonly at: number;
}

/** The records of the journal since the replay point, by page. */
export class RecordIndex {
  /** The bytes of records. */
  bytes = 0;
  #generations: Generation[] = [];
  readonly #reader = new LogReader();

  /** Forgets all records. */
  clear(): void {
    this.dropBefore(Infinity);
  }

  /** Forgets the records of the generations before one: their pages are in the file. */
  dropBefore(generation: number): void {
    this.#generations = this.#generations.filter(({ number }) => number >= generation);
    this.bytes = 0;
    for (const { groups } of this.#generations) {
      for (const { bytes } of groups) this.bytes += bytes.length;
    }
  }

  /**
   * Replaces all records by those of groups.
   *
   * @throws {CorruptionError} A record is malformed. The records are those of before.
   */
  replace(groups: readonly Group[]): void {
    for (const group of groups) check(group, this.#reader);
    this.clear();
    for (const group of groups) this.add(group, () => {});
  }

  /**
   * Adds the records of a group, and calls a function for each page that one changes.
   *
   * @throws {CorruptionError} A record is malformed. None counts.
   */
  add(group: Group, each: (reader: LogReader) => void): void {
    check(group, this.#reader);
    if (group.bytes.length === 0) return;
    const { groups, pages, chunks } = this.#generation(group.generation);
    const index = groups.push(group) - 1;
    this.bytes += group.bytes.length;
    const reader = this.#reader;
    for (let at = 0; at < group.bytes.length;) {
      const next = reader.read(group.bytes, at, group.bytes.length);
      if (reader.type !== HEADERS) {
        const positions = pages.get(reader.page);
        if (positions === undefined) pages.set(reader.page, [index, at]);
        else positions.push(index, at);
        chunks.add(Math.floor(reader.page / CHUNK_PAGES));
        each(reader);
      }
      at = next;
    }
  }

  #generation(number: number): Generation {
    const last = this.#generations.at(-1);
    if (last?.number === number) return last;
    const made = { number, groups: [], pages: new Map(), chunks: new Set<ChunkNumber>() };
    this.#generations.push(made);
    return made;
  }

  /** The pages that have records of generations before one, each once. */
  *pagesBefore(generation: number): Iterable<PageNumber> {
    const seen = new Set<PageNumber>();
    for (const { number, pages } of this.#generations) {
      if (number >= generation) continue;
      for (const page of pages.keys()) {
        if (seen.has(page)) continue;
        seen.add(page);
        yield page;
      }
    }
  }

  /** Whether a page has a record. */
  has(page: PageNumber): boolean {
    for (const { pages } of this.#generations) if (pages.has(page)) return true;
    return false;
  }

  /** Whether a page of a chunk has a record. */
  hasPartOf(chunk: ChunkNumber): boolean {
    for (const { chunks } of this.#generations) if (chunks.has(chunk)) return true;
    return false;
  }

  /** The version of the first record of a page after a version; Infinity if there is none. */
  replacedAt(page: PageNumber, version: Version): number {
    for (const { pages, groups } of this.#generations) {
      const positions = pages.get(page) ?? [];
      for (let i = 0; i < positions.length; i += 2) {
        const { meta } = groups[positions[i]!]!;
        if (meta.version > version) return meta.version;
      }
    }
    return Infinity;
  }

  /**
   * Writes the header that the last record of a page gives it to a slot of a frame. Returns false,
   * and writes nothing, if the page has no record.
   *
   * @param version Later records do not count; by default all count.
   */
  copyHeader(page: PageNumber, frame: Frame, slot: Slot, version: Version = Infinity): boolean {
    for (let i = this.#generations.length - 1; i >= 0; i--) {
      const { pages, groups } = this.#generations[i]!;
      const positions = pages.get(page) ?? [];
      for (let at = positions.length - 2; at >= 0; at -= 2) {
        const group = groups[positions[at]!]!;
        if (group.meta.version > version) continue;
        this.#applyHeader({ group, at: positions[at + 1]! }, frame, slot);
        return true;
      }
    }
    return false;
  }

  #applyHeader({ group: { bytes }, at }: Found, frame: Frame, slot: Slot): void {
    const reader = this.#reader;
    reader.read(bytes, at, bytes.length);
    if (reader.type === FREED) formatHeader(frame, slot, KIND_FREE, 0, 0);
    else reader.applyHeader(bytes, frame, slot);
  }

  /**
   * Makes a page and its header, which a slot holds as the file has them, those of a version.
   *
   * @param version Later records do not count; by default all count.
   */
  apply(page: PageNumber, frame: Frame, slot: Slot, version: Version = Infinity): void {
    const records = this.#recordsOf(page, version);
    for (const record of records) this.#applyRecord(record, frame, slot);
    const last = records.at(-1);
    if (last !== undefined) this.#applyHeader(last, frame, slot);
  }

  /** The records of a page up to a version, from the last one that does not need those before. */
  #recordsOf(page: PageNumber, version: Version): Found[] {
    let records: Found[] = [];
    for (const { pages, groups } of this.#generations) {
      const positions = pages.get(page) ?? [];
      for (let i = 0; i < positions.length; i += 2) {
        const group = groups[positions[i]!]!;
        if (group.meta.version > version) return records;
        const at = positions[i + 1]!;
        if (group.bytes[at + TYPE_AT] !== CHANGED) records = [];
        records.push({ group, at });
      }
    }
    return records;
  }

  #applyRecord({ group: { bytes }, at }: Found, frame: Frame, slot: Slot): void {
    const reader = this.#reader;
    reader.read(bytes, at, bytes.length);
    if (reader.type === WHOLE) frame.u8.fill(0, slot << PAGE_SHIFT, (slot + 1) << PAGE_SHIFT);
    if (reader.type === WHOLE || reader.type === CHANGED) reader.applyPieces(bytes, frame, slot);
  }
}

/** The offset of the type in a record. */
const TYPE_AT = 4;

/** Refuses a group with a record that no commit writes, before any of them counts. */
function check({ bytes, meta }: Group, reader: LogReader): void {
  for (let at = 0; at < bytes.length;) {
    const next = reader.read(bytes, at, bytes.length);
    if (next < 0 || reader.page >= meta.pageCount || !reader.isPlausible(bytes)) {
      const rule = "a record of the journal is malformed";
      throw new CorruptionError(reader.page, reader.page * PAGE_BYTES, rule);
    }
    at = next;
  }
}
