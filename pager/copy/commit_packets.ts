/**
 * Commits as packets, the form in which an archive keeps them.
 *
 * | at | size | field                                                    |
 * | -- | ---- | -------------------------------------------------------- |
 * |  0 | u32  | bytes of records                                         |
 * |  4 | u32  | 1 = the next packet continues the commit                 |
 * |  8 | u64  | version of the commit                                    |
 * | 16 | u64  | time of the commit, in milliseconds since 1970           |
 * | 24 | u32  | page count after it                                      |
 * | 28 | u32  | catalog root after it                                    |
 * | 32 | u32  | next tree id after it                                    |
 * | 36 | u32  | commits before it that it holds too, as one with them    |
 * | 40 |      | records, as in a batch of the journal                    |
 *
 * Integers are little-endian. A packet has whole records, of types `WHOLE`, `CHANGED` and `FREED`
 * alone: the bytes of a page that was bypassed are read, and become a `WHOLE` record. Commits that
 * another process has written as one batch are one: the versions between cannot be restored.
 */

import { BYPASSED, HEADERS, LogBuffer, LogReader } from "../batch/log_record.ts";
import { assert } from "../format/assert.ts";
import { CHUNK_SHIFT } from "../format/format.ts";
import { Frame, POOL } from "../format/frame.ts";
import type { MetaFields } from "../format/meta.ts";
import type { Slot } from "../format/units.ts";
import type { SnapshotState } from "../transaction/snapshot_list.ts";
import type { QueuedCommit } from "./commit_queue.ts";
import { checkSums, type CopySource } from "./copy_reader.ts";

/** The bytes before the records of a packet. */
export const PACKET_HEAD_BYTES = 40;
/** A packet with this many bytes of records ends; the last record may exceed it. */
const PACKET_RECORDS = 1024 * 1024;
/** The slot of a page by itself; headers are in slot 0. */
const SCRATCH: Slot = 1;

/** The head of a packet. */
export interface PacketHead {
  /** The bytes of records that follow it. */
  readonly recordBytes: number;
  /** Whether the next packet continues the commit. */
  readonly continues: boolean;
  /** The commits before it that it holds too. */
  readonly joined: number;
  /** The time of the commit, in milliseconds since 1970. */
  readonly time: number;
  /** The facts about the file after the commit. */
  readonly meta: Omit<MetaFields, "allocatorHint">;
}

/** Encodes commits, and reads the pages that they name. */
export class PacketEncoder {
  readonly #source: CopySource;
  readonly #records = new LogBuffer();
  readonly #scratch = new Frame(-1, POOL, SCRATCH + 1);

  /**
   * Creates an encoder.
   *
   * @param source The parts of the pager, for pages that are in the file.
   */
  constructor(source: CopySource) {
    this.#source = source;
  }

  /**
   * The packets of a commit, each valid until the next.
   *
   * @throws {CorruptionError} A page does not match its header.
   * @throws {IoError} The file cannot be read.
   * @throws {SnapshotTooOldError} The pages of the commit are gone.
   */
  *packetsOf(commit: QueuedCommit): Generator<Uint8Array> {
    const { records } = commit;
    const reader = new LogReader();
    this.#records.clear();
    for (let at = 0; at < records.length;) {
      const end = reader.read(records, at, records.length);
      assert(end > at, "the records of a commit are whole");
      if (reader.type === BYPASSED) this.#addPage(reader.page, commit.snapshot);
      else if (reader.type !== HEADERS) this.#records.addEncoded(records, at, end);
      at = end;
      if (this.#records.length < PACKET_RECORDS || at === records.length) continue;
      yield this.#packet(commit, true);
      this.#records.clear();
    }
    yield this.#packet(commit, false);
  }

  #addPage(page: number, snapshot: SnapshotState | undefined): void {
    assert(snapshot !== undefined, "a commit with bypassed pages has a snapshot");
    const { versions, loader } = this.#source;
    loader.checkReadable(page >>> CHUNK_SHIFT << CHUNK_SHIFT >>> 0);
    if (!versions.copyTo(page, snapshot, this.#scratch, SCRATCH)) {
      loader.copyPage(page, this.#scratch, SCRATCH);
    }
    checkSums(this.#scratch, SCRATCH, page, loader.seed);
    this.#records.addWhole(page, this.#scratch, SCRATCH);
  }

  #packet({ meta, time, joined }: QueuedCommit, continues: boolean): Uint8Array {
    const { bytes, length } = this.#records;
    const packet = new Uint8Array(PACKET_HEAD_BYTES + length);
    const view = new DataView(packet.buffer);
    view.setUint32(0, length, true);
    view.setUint32(4, continues ? 1 : 0, true);
    view.setBigUint64(8, BigInt(meta.version), true);
    view.setBigUint64(16, BigInt(time), true);
    view.setUint32(24, meta.pageCount, true);
    view.setUint32(28, meta.catalogRoot, true);
    view.setUint32(32, meta.nextTreeId, true);
    view.setUint32(36, joined, true);
    packet.set(bytes.subarray(0, length), PACKET_HEAD_BYTES);
    return packet;
  }
}

/**
 * Decodes the head of the packet at an offset; undefined if the bytes there are no whole packet.
 */
export function decodePacketHead(bytes: Uint8Array, at: number): PacketHead | undefined {
  if (at + PACKET_HEAD_BYTES > bytes.length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, PACKET_HEAD_BYTES);
  const recordBytes = view.getUint32(0, true);
  if (at + PACKET_HEAD_BYTES + recordBytes > bytes.length) return undefined;
  if (view.getUint32(4, true) > 1) return undefined;
  const meta = {
    version: Number(view.getBigUint64(8, true)),
    pageCount: view.getUint32(24, true),
    catalogRoot: view.getUint32(28, true),
    nextTreeId: view.getUint32(32, true),
  };
  const continues = view.getUint32(4, true) === 1;
  const time = Number(view.getBigUint64(16, true));
  return { recordBytes, continues, joined: view.getUint32(36, true), time, meta };
}
