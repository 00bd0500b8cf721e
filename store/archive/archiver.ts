/**
 * Ships the durable commits of an open database to a store, and now and then a base.
 *
 * Commits are queued as they are made, in bounded memory, and never wait for the store. When the
 * queue has lost commits, when an archive continues after a restart, and for the first base, pages
 * are copied instead: a base has all of them, an increment those that changed since the last
 * segment. Only states that are on the medium are shipped, so the archive never has a commit that a
 * crash of the database takes back.
 *
 * The tip is the segment that the next one follows. It advances only when a segment is whole in the
 * store, so a process that is killed leaves nothing but parts of a segment that does not exist.
 *
 * Of the processes that share a file, the one that has the role archives it. Another one stands by:
 * it takes the role when that one has ended, and continues behind the tip that the store has then.
 */

import {
  type CommitQueue,
  type CopyReader,
  CorruptionError,
  type QueuedCommit,
  SnapshotTooOldError,
} from "../../pager/mod.ts";
import { copyChunks } from "../backup/copy_loop.ts";
import { sourceOf } from "../backup/copy_pace.ts";
import { IncrementTarget } from "../backup/targets.ts";
import { SYSTEM_WAITS, type Waits } from "../backup/waiting.ts";
import type { ArchiveStats, Shipping } from "../watch/shipping.ts";
import type { Session } from "../write/session.ts";
import { type ArchivePosition, checkPosition, lastInStore, type Tip } from "./archive_position.ts";
import type { ArchiveRole } from "./archive_role.ts";
import type { ArchiveStore } from "./archive_store.ts";
import { CommitClock } from "./commit_clock.ts";
import { Merger } from "./merger.ts";
import { namesToDelete } from "./segments/retention.ts";
import {
  BASE,
  COMMITS,
  INCREMENT,
  linkOf,
  type Segment,
  type SegmentKind,
} from "./segments/segment.ts";
import { SegmentWriter } from "./segments/segment_writer.ts";
import { StoreCalls } from "./store_calls.ts";

/** How an archive ships. */
export interface ArchiveTimes {
  /** The time between two shipments, in milliseconds. */
  readonly everyMs: number;
  /** The time between two bases, in milliseconds. */
  readonly baseEvery: number;
  /** The time that can be restored, in milliseconds before now. */
  readonly keep: number;
  /** The length of the periods whose segments are merged when they are as old, in milliseconds. */
  readonly mergeAfter: number;
}

/** What an archiver has besides a database and a store. */
export interface ArchiverOptions {
  /** The position to continue after. Default: the last one in the store. */
  readonly after?: ArchivePosition | undefined;
  /** The role that it waits for, where other processes may archive the database too. */
  readonly role?: ArchiveRole | undefined;
  /** The time that passes. Default: that of the machine. */
  readonly waits?: Waits;
}

/** A copy of a version, and the time at which it began. */
interface Copy {
  readonly reader: CopyReader;
  readonly time: number;
}

/** A caller that waits for a version. */
interface Waiter extends PromiseWithResolvers<void> {
  readonly version: number;
}

/** The tip of a store without segments. */
const NOTHING: Tip = { version: 0, link: 0 };
/** The tip before the store has been looked at. */
const UNKNOWN: Tip = { version: 0, link: 0 };
const RETRY_MS = 1000;
/** The longest time between two looks of one that stands by. */
const LOOK_MS_MAX = 1000;
/** The longest time of a timer. */
const PAUSE_MS_MAX = 2 ** 31 - 1;

/** Ships the commits of a database. */
export class Archiver implements Shipping {
  readonly #session: Session;
  readonly #times: ArchiveTimes;
  readonly #calls: StoreCalls;
  readonly #clock = new CommitClock();
  readonly #queue: CommitQueue;
  readonly #end = new AbortController();
  readonly #waiters = new Set<Waiter>();
  /** The copy that the first segment is written from: the commits that are queued follow it. */
  #first: Copy | undefined;
  /** Ends the pause between two shipments. */
  #wake = new AbortController();
  #tip: Tip = UNKNOWN;
  /** Whether pages must be copied before commits can follow the tip. */
  #needsPages = true;
  /** The time since which pages are being copied before commits can follow the tip. */
  #copyingSince: number | undefined;
  #bases = 0;
  /** The time of the next base, of `#waits`. */
  #nextBase = Infinity;
  /** The base that is being written beside commits. */
  #base: Promise<void> | undefined;
  readonly #merger: Merger;
  #isClosing = false;
  #failure: unknown;
  readonly #after: ArchivePosition | undefined;
  readonly #role: ArchiveRole | undefined;
  readonly #waits: Waits;
  /** Whether it waits for the role. */
  #standsBy: boolean;
  /** Resolves when nothing more is shipped. */
  readonly #ended: Promise<void>;

  /**
   * Begins to ship, between transactions.
   *
   * @param session The database; it ends the archiver when it closes.
   * @throws {IoError} The system refused.
   */
  constructor(
    session: Session,
    store: ArchiveStore,
    times: ArchiveTimes,
    { after, role, waits = SYSTEM_WAITS }: ArchiverOptions = {},
  ) {
    this.#session = session;
    this.#waits = waits;
    this.#times = times;
    this.#after = after;
    this.#role = role;
    this.#calls = new StoreCalls(store, this.#end.signal, waits);
    this.#merger = new Merger(this.#calls, times.mergeAfter, this.#clock, waits);
    this.#standsBy = role?.tryTake() === false;
    this.#queue = session.pager.copies.follow(this.#clock.now);
    this.#queue.stop();
    try {
      this.#ended = this.#run(this.#standsBy ? undefined : this.#begin(), role);
    } catch (error) {
      this.end(error);
      throw error;
    }
  }

  /** The state. */
  stats(): ArchiveStats {
    const { failures, failure, objects, bytes } = this.#calls;
    const last = this.#failure ?? this.#merger.failure;
    const own = last === undefined ? undefined : String(last);
    return {
      version: this.#tip === UNKNOWN ? undefined : this.#tip.version,
      waitingSince: this.#copyingSince ?? this.#queue.oldest,
      waitingBytes: this.#queue.bytes,
      objects,
      bytes,
      bases: this.#bases,
      losses: this.#queue.losses,
      failures,
      failure: failure ?? own,
      ended: this.#end.signal.aborted,
      standsBy: this.#standsBy && !this.#end.signal.aborted,
    };
  }

  /** Resolves when it has ended; to the error that ended it, unless its owner did. */
  async over(): Promise<unknown> {
    await this.#ended;
    return this.#failure;
  }

  /** Resolves when everything committed so far is in the store. */
  async flush(): Promise<void> {
    const { version } = this.#session;
    if (this.#end.signal.aborted) throw this.#end.signal.reason;
    if (!this.#needsPages && this.#tip.version >= version) return;
    const waiter = { version, ...Promise.withResolvers<void>() };
    this.#waiters.add(waiter);
    this.#wake.abort();
    await waiter.promise;
  }

  /** Ships everything committed so far, each call of the store once, and ends. */
  async close(): Promise<void> {
    if (this.#end.signal.aborted) return;
    this.#isClosing = true;
    this.#calls.hurry();
    const flushed = this.flush();
    flushed.catch(() => {});
    this.#wake.abort();
    await this.#ended;
    await flushed;
  }

  /** Ends at once. */
  end(reason: unknown): void {
    if (this.#end.signal.aborted) return;
    this.#end.abort(reason);
    this.#session.pager.copies.unfollow(this.#queue);
    this.#first?.reader.close();
    this.#role?.release();
    for (const { reject, promise } of this.#waiters) {
      promise.catch(() => {});
      reject(this.#end.signal.reason);
    }
    this.#waiters.clear();
  }

  /** Ships until it ends. */
  async #run(
    begun: Copy | Promise<Copy> | undefined,
    role: ArchiveRole | undefined,
  ): Promise<void> {
    try {
      if (begun === undefined && role !== undefined) {
        if (!await this.#standBy(role)) return this.end(closed());
      }
      await this.#resume(await (begun ?? this.#begin()));
      for (;;) {
        const began = this.#waits.now();
        this.#wake = new AbortController();
        await this.#tryToShip();
        if (this.#isClosing && this.#waiters.size === 0) break;
        await this.#pause(began);
        this.#end.signal.throwIfAborted();
      }
      await this.#base;
      await this.#merger.end();
      this.end(closed());
    } catch (error) {
      if (!this.#end.signal.aborted) this.#failure = error;
      this.end(error);
    }
  }

  /**
   * Waits for the role. Meanwhile the store shows those who wait how far the process is that has
   * it. False if it ends before.
   */
  async #standBy(role: ArchiveRole): Promise<boolean> {
    const ms = Math.min(this.#times.everyMs, LOOK_MS_MAX);
    while (!role.tryTake()) {
      this.#wake = new AbortController();
      if (this.#waiters.size > 0) await this.#look();
      if (this.#isClosing && this.#waiters.size === 0) return false;
      const woken = this.#waiters.size > 0 ? [] : [this.#wake.signal];
      await this.#waits.rest(ms, AbortSignal.any([this.#end.signal, ...woken]));
      this.#end.signal.throwIfAborted();
    }
    this.#standsBy = false;
    return true;
  }

  /** Resolves those whose commits another process has put in the store. */
  async #look(): Promise<void> {
    try {
      const position = await this.#lastInStore();
      this.#failure = undefined;
      if (position === undefined) return;
      checkPosition(this.#session.pager.copies, position);
      this.#tip = position;
      this.#settle();
    } catch (error) {
      // The other process may have merged what was listed.
      if (!(error instanceof CorruptionError)) throw error;
      this.#failure = error;
    }
  }

  /** Begins the first copy, which the commits that are queued follow. */
  #begin(): Copy | Promise<Copy> {
    this.#copyingSince = this.#clock.now();
    return this.#inTurn(() => this.#first = this.#beginApart());
  }

  /** Runs a step that reads the database; where other processes write it, while none does. */
  #inTurn<T>(step: () => T): T | Promise<T> {
    return this.#session.inTurn(() => {
      this.#end.signal.throwIfAborted();
      return step();
    });
  }

  /** Waits for the time of the next shipment, or for a caller of `flush`. */
  async #pause(began: number): Promise<void> {
    const hasFailed = this.#failure !== undefined && !this.#isClosing;
    const left = hasFailed ? RETRY_MS : began + this.#times.everyMs - this.#waits.now();
    const isAwaited = this.#waiters.size > 0 && !hasFailed;
    const ms = isAwaited ? 0 : Math.min(Math.max(left, 0), PAUSE_MS_MAX);
    await this.#waits.rest(ms, AbortSignal.any([this.#end.signal, this.#wake.signal]));
  }

  /** Finds the position to continue after. */
  async #resume(first: Copy): Promise<void> {
    const position = this.#after ?? await this.#lastInStore();
    if (position === undefined) {
      this.#tip = NOTHING;
      return;
    }
    const { time } = position;
    checkPosition(this.#session.pager.copies, position, first.reader.meta.version);
    this.#clock.notBefore(time);
    if (first.time < time) {
      // The clock was set back: what is queued has times before those in the store.
      first.reader.close();
      this.#first = undefined;
    }
    this.#tip = position;
  }

  /** The position that the store leads to, and the time of the next base; undefined if empty. */
  async #lastInStore(): Promise<ArchivePosition | undefined> {
    const position = await lastInStore(this.#calls);
    if (position === undefined) return undefined;
    const { time, baseTime } = position;
    this.#clock.notBefore(time);
    const age = Math.max(0, this.#clock.now() - baseTime);
    this.#nextBase = this.#waits.now() + Math.max(0, this.#times.baseEvery - age);
    return position;
  }

  async #tryToShip(): Promise<void> {
    try {
      await this.#ship();
      this.#failure = undefined;
    } catch (error) {
      this.#end.signal.throwIfAborted();
      this.#session.checkOpen();
      const isTooOld = error instanceof SnapshotTooOldError;
      if (this.#isLatched || (this.#isClosing && !isTooOld)) throw error;
      // A page is damaged, or its snapshot has ended: the next attempt copies pages again.
      this.#failure = error;
      this.#needsPages = true;
    }
  }

  /** Whether this process writes nothing more, and another one can archive the database. */
  get #isLatched(): boolean {
    return this.#role !== undefined && this.#session.pager.failure !== undefined;
  }

  async #ship(): Promise<void> {
    const { pager, version } = this.#session;
    await this.#session.reachMedium(version);
    if (this.#needsPages || this.#queue.isLost) await this.#shipPages();
    else await this.#shipCommits(pager.durableVersion);
    if (this.#base === undefined && this.#waits.now() >= this.#nextBase) await this.#beginBase();
    // The end of a base deletes old segments, which a round of merging would miss.
    if (this.#base === undefined) this.#merger.look();
  }

  /** Ships the pages that changed since the tip, or all pages if there is none. */
  async #shipPages(): Promise<void> {
    const tip = this.#tip;
    this.#copyingSince ??= this.#queue.oldest ?? this.#clock.now();
    const copy = this.#first ?? await this.#inTurn(() => this.#beginApart());
    this.#first = undefined;
    const segment = await this.#write(copy, tip === NOTHING ? BASE : INCREMENT, tip);
    this.#needsPages = false;
    this.#copyingSince = undefined;
    this.#advance(segment);
  }

  /** Begins a copy that the commits that are queued from now on follow. */
  #beginApart(): Copy {
    const copy = this.#beginCopy();
    this.#queue.restart(copy.reader.meta.version);
    return copy;
  }

  /** Begins a copy of the last commit. Later commits have no earlier time. */
  #beginCopy(): Copy {
    return { reader: this.#session.pager.copies.begin(), time: this.#clock.now() };
  }

  /** Writes a segment of the pages of a copy, and closes the copy. */
  async #write({ reader, time }: Copy, kind: SegmentKind, after: Tip): Promise<Segment> {
    try {
      const { version } = reader.meta;
      const from = kind === BASE ? 0 : after.version;
      const fields = { kind, from, to: version, first: time, last: time, after: after.link };
      const writer = this.#writer(fields);
      const target = new IncrementTarget(writer, from);
      target.begin(reader);
      await this.#session.reachMedium(version);
      const work = { reader, target, since: from, ...sourceOf(this.#session) };
      await copyChunks(work, { signal: this.#end.signal });
      await target.complete(reader);
      if (kind === BASE) this.#noteBase();
      return writer.segment;
    } finally {
      reader.close();
    }
  }

  #noteBase(): void {
    this.#bases++;
    this.#nextBase = this.#waits.now() + this.#times.baseEvery;
  }

  /** Ships queued commits up to a version. */
  async #shipCommits(upTo: number): Promise<void> {
    const commits = this.#queue.take(upTo);
    if (commits.length === 0) {
      // Commits that are not in the queue: what they changed is copied.
      if (this.#tip.version < upTo) this.#queue.lose();
      return this.#settle();
    }
    try {
      this.#advance(await this.#writeCommits(commits));
    } catch (error) {
      this.#queue.lose();
      throw error;
    } finally {
      this.#queue.release();
    }
  }

  async #writeCommits(commits: readonly QueuedCommit[]): Promise<Segment> {
    const [head, last] = [commits[0]!, commits.at(-1)!];
    const { version, link } = this.#tip;
    const times = { first: head.time, last: last.time };
    const to = last.meta.version;
    const writer = this.#writer({ kind: COMMITS, from: version, to, ...times, after: link });
    const encoder = this.#session.pager.copies.encoder();
    for (const commit of commits) {
      for (const packet of encoder.packetsOf(commit)) {
        writer.append(packet);
        await writer.drained();
        this.#session.checkOpen();
      }
    }
    await writer.complete();
    return writer.segment;
  }

  #writer(fields: Omit<Segment, "sum">): SegmentWriter {
    const put = (name: string, bytes: Uint8Array) => this.#calls.put(name, bytes);
    const { databaseId, history: { history } } = this.#session.pager.copies;
    return new SegmentWriter(put, fields, { databaseId, history });
  }

  #advance(segment: Segment): void {
    this.#tip = { version: segment.to, link: linkOf(segment) };
    this.#settle();
  }

  /** Resolves those that wait for the tip. */
  #settle(): void {
    for (const waiter of this.#waiters) {
      if (waiter.version > this.#tip.version) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
  }

  /** Ships commits up to the last one, and begins a base of it, which commits do not wait for. */
  async #beginBase(): Promise<void> {
    const copy = await this.#inTurn(() => this.#beginCopy());
    const { reader } = copy;
    const { version } = reader.meta;
    this.#merger.noteBase(version);
    try {
      await this.#session.reachMedium(version);
      await this.#shipCommits(version);
    } catch (error) {
      reader.close();
      throw error;
    }
    // Otherwise the queue has lost commits, and pages are shipped first.
    if (this.#tip.version !== version || this.#queue.isLost) return reader.close();
    this.#base = this.#write(copy, BASE, this.#tip)
      .then(() => this.#deleteOld())
      .catch((error) => {
        if (!this.#end.signal.aborted) this.#failure = error;
        this.#nextBase = this.#waits.now() + RETRY_MS;
      })
      .finally(() => this.#base = undefined);
  }

  async #deleteOld(): Promise<void> {
    if (this.#times.keep === Infinity) return;
    await this.#merger.rest();
    const names = await this.#calls.list();
    const time = this.#clock.now() - this.#times.keep;
    for (const name of await namesToDelete(this.#calls, names, time)) {
      await this.#calls.delete(name);
    }
  }
}

function closed(): DOMException {
  return new DOMException("The archive was closed", "AbortError");
}
