/**
 * Restores a state from an archive: a base, then the segments that follow it, up to a version or a
 * time.
 *
 * The chain of segments is chosen by their names before anything is written. Each object is checked
 * against its sums, each page against its header, and the state at the end of a base or an
 * increment against the sum of all headers. The new file gets its name after that. If a
 * segment was merged after it was chosen, it may be gone; the merged one continues from the state
 * that has been reached.
 */

import { setImmediate } from "node:timers";
import {
  assert,
  beginCopy,
  CommitApply,
  CopiedFile,
  type Disk,
  finishCopy,
  format,
  IncrementApply,
  IncrementReader,
  inFile,
  Meta,
  type ReplicaState,
  seedOf,
  type Superblock,
} from "../../pager/mod.ts";
import { FileSink } from "../backup/sinks.ts";
import type { ArchiveStore } from "./archive_store.ts";
import { ArchiveIndex, type ArchivePoint } from "./segments/archive_index.ts";
import { hasCommits, linkOf, type Segment, segmentName } from "./segments/segment.ts";
import { damagedObject, hasMember, type SegmentHead } from "./segments/segment_head.ts";
import {
  FedPieces,
  piecesOf,
  readSegment,
  SegmentsAhead,
  UnreadableSegmentError,
} from "./segments/segment_reader.ts";

/** The result of a restore from an archive. */
export interface ArchiveRestoreResult {
  /** The version of the new database. */
  readonly version: number;
  /** The number of pages written, once for each segment that changed them. */
  readonly pages: number;
  /** The time of its last commit. */
  readonly time: Date;
}

/** More than one slice of `IncrementApply` reads. */
const AHEAD_BYTES = 2 * format.CHUNK_BYTES;

/**
 * Builds a new database from an archive.
 *
 * @param to Its path, which must not exist.
 */
export async function restoreFromArchive(
  to: string,
  store: ArchiveStore,
  point: ArchivePoint,
  signal: AbortSignal | undefined,
): Promise<ArchiveRestoreResult> {
  const chain = new ArchiveIndex(await store.list()).plan(point);
  const sink = new FileSink(to, undefined);
  try {
    const state = new ArchivedState(sink.disk, store, signal);
    await state.followAll(chain, point);
    const superblock = await state.finish();
    await new CopiedFile(sink.disk).complete(superblock);
    signal?.throwIfAborted();
    await sink.complete();
    const { pages, meta: { version } } = state;
    return { version, pages, time: new Date(state.time) };
  } catch (error) {
    sink.abandon();
    throw sink.named(error);
  }
}

/** A state that is being built from segments. */
export class ArchivedState {
  /** The facts about the file. */
  readonly meta: Meta = new Meta();
  /** The time of its last commit, in milliseconds since 1970. */
  time = 0;
  /** The link of the last segment. */
  link = 0;
  /** The number of pages or records written. */
  pages = 0;
  readonly #disk: Disk;
  readonly #store: ArchiveStore;
  readonly #signal: AbortSignal | undefined;
  #databaseId: Uint8Array | undefined;

  /**
   * Begins without a state.
   *
   * @param disk An empty file.
   * @param store The store of the archive.
   * @param signal Ends the work when aborted.
   */
  constructor(disk: Disk, store: ArchiveStore, signal: AbortSignal | undefined) {
    this.#disk = disk;
    this.#store = store;
    this.#signal = signal;
  }

  /** Continues with the state that the file has. */
  continueAt({ databaseId, meta, time, link }: ReplicaState): void {
    this.#databaseId = databaseId;
    this.meta.assign(meta);
    this.time = time;
    this.link = link;
  }

  /** The id of the database. */
  get databaseId(): Uint8Array {
    assert(this.#databaseId !== undefined, "a segment was applied, or a file continued");
    return this.#databaseId;
  }

  /**
   * Applies segments that lead to a point.
   *
   * @throws {RangeError} One is of another database, or has another history.
   * @throws {CorruptionError} One cannot be read, and there is no other way.
   */
  async followAll(chain: readonly Segment[], point: ArchivePoint): Promise<void> {
    let left = chain;
    const goal = chain.at(-1)?.to ?? 0;
    const missing = new Set<string>();
    for (let done = 0, ahead = new SegmentsAhead(this.#store, left); done < left.length;) {
      try {
        await this.follow(left[done]!, point, ahead);
        done++;
      } catch (error) {
        if (!(error instanceof UnreadableSegmentError)) throw error;
        missing.add(segmentName(left[done]!));
        left = await this.#planAgain(missing, goal, error);
        ahead = new SegmentsAhead(this.#store, left);
        done = 0;
      }
    }
  }

  /** The segments that lead from the state to a version, without those that cannot be read. */
  async #planAgain(
    missing: ReadonlySet<string>,
    goal: number,
    error: UnreadableSegmentError,
  ): Promise<readonly Segment[]> {
    const names = (await this.#store.list()).filter((name) => !missing.has(name));
    const index = new ArchiveIndex(names);
    try {
      const chain = this.#databaseId === undefined
        ? index.plan(goal)
        : index.after(this.meta.version, this.link, goal);
      if (chain !== undefined) return chain;
    } catch (refusal) {
      if (!(refusal instanceof RangeError)) throw refusal;
    }
    throw error;
  }

  /**
   * Applies a segment, up to a point. One that was merged may begin before the state, if one of its
   * members leads there.
   *
   * @throws {RangeError} It is of another database, or has another history.
   * @throws {UnreadableSegmentError} Its object is missing or damaged; the state is as it was.
   * @throws {CorruptionError} It is damaged otherwise.
   */
  async follow(
    segment: Segment,
    point: ArchivePoint,
    store: ArchiveStore = this.#store,
  ): Promise<void> {
    this.#signal?.throwIfAborted();
    const head = await readSegment(store, segment);
    const name = segmentName(segment);
    if (this.#databaseId === undefined) {
      this.#databaseId = head.databaseId;
      beginCopy(this.#disk, head.databaseId);
    }
    if (this.#databaseId.some((byte, i) => byte !== head.databaseId[i])) {
      throw new RangeError(`Cannot restore: ${name} is of another database than the base`);
    }
    if (segment.from !== this.meta.version && !hasMember(head, this.meta.version, this.link)) {
      throw new RangeError(`Cannot restore: ${name} does not follow version ${this.meta.version}`);
    }
    try {
      if (hasCommits(segment)) await this.#applyCommits(head, point);
      else await this.#applyPages(head);
    } catch (error) {
      throw inFile(error, name);
    }
    this.link = linkOf(segment);
  }

  async #applyPages(head: SegmentHead): Promise<void> {
    const { segment } = head;
    const pieces = new FedPieces(piecesOf(this.#store, head));
    await pieces.feed(0, AHEAD_BYTES);
    const reader = new IncrementReader(pieces);
    const { base, meta, databaseId } = reader.head;
    const isSame = databaseId.every((byte, i) => byte === head.databaseId[i]);
    if (base !== segment.from || meta.version !== segment.to || !isSame) {
      throw damagedObject(0, "the increment does not match the segment");
    }
    const work = new IncrementApply(this.#disk, reader);
    const steps = work.run();
    for (let step = steps.next(); step.value !== true; step = steps.next()) {
      if (step.done === true) {
        const name = segmentName(segment);
        throw new RangeError(`Cannot restore: ${name} does not fit: it has another history`);
      }
      await this.#turn();
      await pieces.feed(pieces.position, AHEAD_BYTES);
    }
    this.pages += work.pages;
    this.meta.assign(meta);
    this.time = segment.last;
  }

  async #applyCommits(head: SegmentHead, point: ArchivePoint): Promise<void> {
    const { segment } = head;
    const work = new CommitApply(
      this.#disk,
      seedOf(head.databaseId),
      this,
      (version, time) => isPast(point, version, time),
      segment.from < this.meta.version,
    );
    let end = 0;
    for await (const { bytes, offset } of piecesOf(this.#store, head)) {
      work.apply(bytes, offset);
      end = offset + bytes.length;
      if (work.isPastEnd) break;
      await this.#turn();
    }
    work.end(end);
    if (!work.isPastEnd && work.meta.version !== segment.to) {
      throw damagedObject(end, `the commits end at version ${work.meta.version}`);
    }
    if (work.isPastEnd && typeof point === "number" && point !== work.meta.version) {
      const before = `versions ${work.meta.version} and ${work.nextVersion}`;
      const state = `version ${point} is between ${before}, which were archived together`;
      throw new RangeError(`Cannot restore: ${state}; restore one of these`);
    }
    this.pages += work.records;
    this.meta.assign(work.meta);
    this.time = work.time;
  }

  /** Makes the file a database of its own; returns the superblock that completes it. */
  async finish(): Promise<Superblock> {
    const steps = finishCopy(this.#disk, this.meta, this.databaseId);
    for (;;) {
      const step = steps.next();
      if (step.done === true) return step.value;
      await this.#turn();
    }
  }

  async #turn(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#signal?.throwIfAborted();
  }
}

function isPast(point: ArchivePoint, version: number, time: number): boolean {
  if (point === undefined) return false;
  return typeof point === "number" ? version > point : time > point.getTime();
}
