/**
 * Applies archived commits to a copy that has no superblocks yet, up to a version or a time.
 *
 * The version of each commit follows the one before it; one that holds others too follows the one
 * before these. Each page that results is checked against the sums in its header, so packets that
 * do not belong to the copy are refused.
 */

import { BYPASSED, LogReader } from "../batch/log_record.ts";
import type { Disk } from "../file/disk.ts";
import { PAGE_COUNT_MAX } from "../format/format.ts";
import { Meta, type MetaFields } from "../format/meta.ts";
import type { Version } from "../format/units.ts";
import { ChunkRecords } from "../recovery/chunk_records.ts";
import { ChunkReplay } from "../recovery/chunk_replay.ts";
import { decodePacketHead, PACKET_HEAD_BYTES, type PacketHead } from "./commit_packets.ts";
import { damaged } from "./increment_format.ts";

/** Applies archived commits to a copy. */
export class CommitApply {
  /** The number of records applied. */
  records = 0;
  /** Whether a commit was left out, because it is after the end. */
  isPastEnd = false;
  /** The version of that commit. */
  nextVersion: Version = Infinity;
  /** The facts about the file after the last commit that was applied. */
  readonly meta: Meta = new Meta();
  /** The time of that commit. */
  time: number;
  readonly #replay: ChunkReplay;
  readonly #isPast: (version: Version, time: number) => boolean;
  readonly #reader = new LogReader();
  /** Commits up to this version are passed over. */
  readonly #known: Version;
  /** Whether the last packet continues. */
  #isOpen = false;

  /**
   * Begins after a state.
   *
   * @param disk The copy.
   * @param seed The seed of header sums.
   * @param state The facts about the file as it is, and its time.
   * @param isPast Whether a commit is after the end, so that it is left out.
   * @param skipsKnown Whether the commits may begin before the state, which has those.
   */
  constructor(
    disk: Disk,
    seed: number,
    state: { meta: MetaFields; time: number },
    isPast: (version: Version, time: number) => boolean,
    skipsKnown = false,
  ) {
    const options = { pageCount: PAGE_COUNT_MAX, seed, tolerant: false, kept: undefined };
    this.#replay = new ChunkReplay(disk, options);
    this.meta.assign(state.meta);
    this.time = state.time;
    this.#isPast = isPast;
    this.#known = skipsKnown ? state.meta.version : -1;
  }

  /**
   * Applies whole packets, as far as they are not past the end.
   *
   * @param offset Where they begin in their segment, for errors.
   * @throws {CorruptionError} The packets break a rule, or do not belong to the copy.
   */
  apply(packets: Uint8Array, offset: number): void {
    const records = new ChunkRecords();
    for (let at = 0; at < packets.length && !this.isPastEnd;) {
      const head = decodePacketHead(packets, at);
      if (head === undefined) throw damaged(offset + at, "a packet of a commit is malformed");
      const start = at + PACKET_HEAD_BYTES;
      const { version } = head.meta;
      if (version > this.#known) this.#begin(head, offset + at);
      if (this.isPastEnd) break;
      at = start + head.recordBytes;
      if (version > this.#known) this.#index(packets, start, at, offset, head, records);
    }
    records.finish();
    this.#replay.replay(records, () => false);
  }

  /**
   * Checks that the last commit is complete.
   *
   * @param offset The end of the segment, for the error.
   * @throws {CorruptionError} It is not.
   */
  end(offset: number): void {
    if (this.#isOpen) throw damaged(offset, "the segment ends inside a commit");
  }

  #begin({ meta, time, continues, joined }: PacketHead, offset: number): void {
    const wanted = this.#isOpen ? this.meta.version : this.meta.version + 1 + joined;
    if (meta.version !== wanted) {
      throw damaged(offset, `a commit of version ${meta.version} is in place of ${wanted}`);
    }
    if (!this.#isOpen && this.#isPast(meta.version, time)) {
      this.isPastEnd = true;
      this.nextVersion = meta.version;
      return;
    }
    this.meta.assign({ ...meta, allocatorHint: 0 });
    this.time = time;
    this.#isOpen = continues;
  }

  /** Notes the records of a packet. */
  #index(
    bytes: Uint8Array,
    start: number,
    end: number,
    offset: number,
    { meta }: PacketHead,
    into: ChunkRecords,
  ): void {
    const reader = this.#reader;
    into.addGroup(bytes.subarray(start, end));
    for (let at = start; at < end;) {
      const next = reader.read(bytes, at, end);
      const isWhole = next > 0 && reader.page < meta.pageCount && reader.isPlausible(bytes);
      if (!isWhole || reader.type === BYPASSED) {
        throw damaged(offset + at, "a record of a commit is malformed");
      }
      into.add(at - start, reader.page);
      this.records++;
      at = next;
    }
  }
}
