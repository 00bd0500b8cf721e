/**
 * The file of a replica, and the versions that follow it in memory.
 *
 * The file has one version, and does not change: segments are applied to a layer in memory. When
 * that exceeds `LAYER_BYTES_MAX`, or a segment is large, a new file is written beside it, which
 * takes its name when it is complete and on the medium. So a crash leaves the file as it was, and
 * following continues there. A view shows one version, and can be read until the next such file.
 *
 * Invariant: the base is open until this is closed. If the new file cannot be opened, the base is
 * still the old one, which has lost its name, and every call first tries to open the new one. So
 * nothing replaces a file that another handle may have locked.
 */

import { setImmediate } from "node:timers";
import {
  CopiedFile,
  coverChunks,
  Disk,
  type File,
  finishCopy,
  format,
  LayeredFile,
  Meta,
  openDiskFile,
  readReplica,
  type ReplicaState,
  superblockOf,
  writeAsDatabase,
  writeAsReplica,
} from "../../pager/mod.ts";
import { FileSink } from "../backup/sinks.ts";
import type { ArchiveStore } from "./archive_store.ts";
import { ArchivedState } from "./restore_archive.ts";
import { ArchiveIndex } from "./segments/archive_index.ts";
import { BASE, type Segment } from "./segments/segment.ts";
import { hasMember } from "./segments/segment_head.ts";
import { readSegment, UnreadableSegmentError } from "./segments/segment_reader.ts";

const { CHUNK_BYTES, FRESH_PAGES, PAGE_BYTES } = format;
/** The most bytes of pages that stay in memory. */
const LAYER_BYTES_MAX = 64 * 1024 * 1024;
/** A segment with more parts than these is applied to a new file. */
const PARTS_MAX = 4;

/** Opens a file, and locks it. */
type OpenFile = (path: string) => File;

/** The file of a replica. */
export class ReplicaFile {
  /** The state that the view shows. */
  state: ReplicaState;
  /** The file as of that state; later states are others. */
  view: LayeredFile;
  readonly #path: string;
  /** Is called before the file is replaced: views of it end. */
  readonly #replaced: () => void;
  readonly #layerBytesMax: number;
  readonly #openFile: OpenFile;
  #base: Disk;
  /** Whether the file was replaced, and could not be opened since. */
  #isStale = false;
  #isClosed = false;

  /**
   * Opens the file of a replica, and locks it.
   *
   * @param path Its path.
   * @param replaced Is called when the file was replaced, before its views end.
   * @param openFile Opens a file, and locks it.
   * @throws {CorruptionError} It is not the file of a replica, or is damaged.
   * @throws {LockedError} Another handle has it open.
   */
  constructor(
    path: string,
    replaced: () => void,
    layerBytesMax = LAYER_BYTES_MAX,
    openFile: OpenFile = (path) => openDiskFile(path, { create: false }),
  ) {
    this.#path = path;
    this.#replaced = replaced;
    this.#layerBytesMax = layerBytesMax;
    this.#openFile = openFile;
    [this.#base, this.view, this.state] = openBase(path, openFile);
  }

  /**
   * Applies what the archive has after the state. Returns whether it had something.
   *
   * @throws {CorruptionError} An object is damaged. The state is one before it.
   * @throws {RangeError} The archive is of another database. The state is as it was.
   * @throws {IoError} The system refused. The state may be one before the end.
   */
  async follow(store: ArchiveStore, signal: AbortSignal): Promise<boolean> {
    this.#reopen();
    const missing = new Set<string>();
    let failure: UnreadableSegmentError | undefined;
    for (;;) {
      try {
        const names = (await store.list()).filter((name) => !missing.has(name));
        const hasMoved = await this.#followList(store, new ArchiveIndex(names), signal);
        if (failure !== undefined && !hasMoved) throw failure;
        return hasMoved;
      } catch (error) {
        if (!(error instanceof UnreadableSegmentError) || error === failure) throw error;
        // It was merged after the list, or is lost: another way may be there.
        missing.add(error.path!);
        failure = error;
      }
    }
  }

  async #followList(
    store: ArchiveStore,
    index: ArchiveIndex,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { version } = this.state.meta;
    const segments = await this.#segmentsIn(store, index);
    if (segments === undefined) {
      // A list may come late. Otherwise the segments are deleted: begin again with a later base.
      if (index.tip === undefined || index.tip.to <= version) return false;
      const chain = index.plan(undefined);
      const { databaseId } = this.state;
      await this.#replace((sink) => buildReplica(sink, store, chain, signal, databaseId));
      return true;
    }
    for (const segment of segments) await this.#apply(store, segment, signal);
    return segments.length > 0;
  }

  /** The segments of an archive from the state to its tip; undefined if there are none. */
  async #segmentsIn(store: ArchiveStore, index: ArchiveIndex): Promise<Segment[] | undefined> {
    const { meta: { version }, link } = this.state;
    const segments = index.after(version, link);
    const first = segments?.[0];
    if (first === undefined || first.from === version) return segments;
    return hasMember(await readSegment(store, first), version, link) ? segments : undefined;
  }

  /**
   * Applies a segment of a stream: one that follows the state, or a base.
   *
   * @param store Has its objects.
   * @throws {CorruptionError} An object is damaged. The state is as it was.
   * @throws {RangeError} The segment does not follow, or is of another database. The state is as it
   * was.
   */
  async receive(store: ArchiveStore, segment: Segment, signal: AbortSignal): Promise<void> {
    this.#reopen();
    const { databaseId, link, meta: { version } } = this.state;
    if (segment.kind === BASE) {
      if (segment.to < version) {
        const state = `it is at version ${segment.to}, and the replica at ${version}`;
        throw new RangeError(`Cannot follow the stream: ${state}`);
      }
      await this.#replace((sink) => buildReplica(sink, store, [segment], signal, databaseId));
    } else if (segment.from === version && segment.after === link) {
      await this.#apply(store, segment, signal);
    } else {
      throw new RangeError(
        `Cannot follow the stream: it goes on after version ${segment.from}, or another history, ` +
          `and the replica is at ${version}`,
      );
    }
  }

  async #apply(store: ArchiveStore, segment: Segment, signal: AbortSignal): Promise<void> {
    const { parts } = await readSegment(store, segment);
    if (parts.length > PARTS_MAX) {
      return await this.#replace(async (sink) => {
        await this.#copyPages(sink.disk, signal);
        const state = await applyTo(sink.disk, this.state, store, segment, signal);
        await completeReplica(sink, state);
      });
    }
    const view = this.view.fork();
    const disk = new Disk(view);
    const state = await applyTo(disk, this.state, store, segment, signal);
    writeAsDatabase(disk, superblockOf(state));
    this.state = state;
    this.view = view;
    if (view.bytes > this.#layerBytesMax) await this.persist();
  }

  /** Writes what is in memory to the file. */
  async persist(): Promise<void> {
    this.#reopen();
    if (this.view.bytes === 0) return;
    await this.#replace(async (sink) => {
      await this.#copyPages(sink.disk);
      await completeReplica(sink, this.state);
    });
  }

  /**
   * Replaces the file by a database with an id of its own, and closes it.
   *
   * @throws {CorruptionError} A header is damaged; the file is as it was.
   */
  async promote(): Promise<void> {
    this.#reopen();
    const { databaseId, meta } = this.state;
    await this.#write(async (sink) => {
      await this.#copyPages(sink.disk);
      const steps = finishCopy(sink.disk, meta, databaseId);
      for (let step = steps.next();; step = steps.next()) {
        if (step.done === true) {
          await new CopiedFile(sink.disk).complete(step.value);
          break;
        }
        await turn();
      }
      await sink.complete();
    });
    this.close();
  }

  /** Closes the file, without writing to it. A second call does nothing. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#replaced();
    this.#base.close();
  }

  async #replace(write: (sink: FileSink) => Promise<void>): Promise<void> {
    await this.#write(write);
    this.#isStale = true;
    this.#reopen();
  }

  /**
   * Opens the file that has replaced the base, if it was not opened yet. The base is closed behind
   * that, so that it can be read whatever happens.
   */
  #reopen(): void {
    if (!this.#isStale) return;
    const before = this.#base;
    [this.#base, this.view, this.state] = openBase(this.#path, this.#openFile);
    this.#isStale = false;
    try {
      this.#replaced();
    } finally {
      before.close();
    }
  }

  async #write(write: (sink: FileSink) => Promise<void>): Promise<void> {
    const sink = new FileSink(this.#path, this.#path, true);
    try {
      await write(sink);
    } catch (error) {
      sink.abandon();
      throw sink.named(error);
    }
  }

  /** Copies all pages but the superblocks; pages of zeros stay holes. */
  async #copyPages(to: Disk, signal?: AbortSignal): Promise<void> {
    const from = new Disk(this.view);
    const bytes = new Uint8Array(CHUNK_BYTES);
    const end = this.state.meta.pageCount * PAGE_BYTES;
    for (let position = 0; position < end; position += CHUNK_BYTES) {
      const length = from.read(bytes, 0, Math.min(CHUNK_BYTES, end - position), position);
      if (position === 0) bytes.fill(0, PAGE_BYTES, FRESH_PAGES * PAGE_BYTES);
      for (let at = 0; at < length; at += PAGE_BYTES) {
        const page = bytes.subarray(at, at + PAGE_BYTES);
        if (page.some((byte) => byte !== 0)) to.write(bytes, at, PAGE_BYTES, position + at);
      }
      await turn(signal);
    }
  }
}

/** Creates the file of a replica from an archive. */
export async function createReplica(
  path: string,
  store: ArchiveStore,
  signal: AbortSignal | undefined,
): Promise<void> {
  await createReplicaOf(path, store, new ArchiveIndex(await store.list()).plan(undefined), signal);
}

/** Creates the file of a replica from segments, of which the first is a base. */
export async function createReplicaOf(
  path: string,
  store: ArchiveStore,
  chain: readonly Segment[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const sink = new FileSink(path, undefined);
  try {
    await buildReplica(sink, store, chain, signal);
  } catch (error) {
    sink.abandon();
    throw sink.named(error);
  }
}

async function buildReplica(
  sink: FileSink,
  store: ArchiveStore,
  chain: readonly Segment[],
  signal: AbortSignal | undefined,
  wantedId?: Uint8Array,
): Promise<void> {
  const work = new ArchivedState(sink.disk, store, signal);
  await work.followAll(chain.slice(0, 1), undefined);
  if (wantedId?.some((byte, i) => byte !== work.databaseId[i])) {
    throw new RangeError("Cannot follow: it is of another database");
  }
  await work.followAll(chain.slice(1), undefined);
  const { databaseId, meta, time, link } = work;
  meta.pageCount = coverChunks(sink.disk, FRESH_PAGES, meta.pageCount);
  await completeReplica(sink, { databaseId, meta, time, link });
}

async function completeReplica(sink: FileSink, state: ReplicaState): Promise<void> {
  sink.disk.truncate(state.meta.pageCount * PAGE_BYTES);
  await sink.disk.startSync();
  writeAsReplica(sink.disk, superblockOf(state));
  await sink.complete();
}

/** Applies a segment to a copy of a state; returns the state after it. */
async function applyTo(
  disk: Disk,
  state: ReplicaState,
  store: ArchiveStore,
  segment: Segment,
  signal: AbortSignal,
): Promise<ReplicaState> {
  const work = new ArchivedState(disk, store, signal);
  const { databaseId, meta } = state;
  work.continueAt(state);
  await work.follow(segment, undefined);
  const after = new Meta();
  after.assign(work.meta);
  after.pageCount = coverChunks(disk, meta.pageCount, after.pageCount);
  disk.truncate(after.pageCount * PAGE_BYTES);
  return { databaseId, meta: after, link: work.link, time: work.time };
}

function openBase(
  path: string,
  openFile: OpenFile,
): [base: Disk, view: LayeredFile, state: ReplicaState] {
  const file = openFile(path);
  const base = new Disk(file);
  try {
    const view = new LayeredFile(file);
    const disk = new Disk(view);
    const state = readReplica(disk);
    writeAsDatabase(disk, superblockOf(state));
    return [base, view, state];
  } catch (error) {
    base.close();
    throw error;
  }
}

async function turn(signal?: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
  signal?.throwIfAborted();
}
