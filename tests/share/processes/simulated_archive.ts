/**
 * An archive of a simulated file that several handles share: any of them may write it, one does,
 * and each of them may be killed. Time passes when the test says so.
 */

import { CopiedFile, Disk, MemoryFile } from "../../../pager/mod.ts";
import { ArchiveRole } from "../../../store/archive/archive_role.ts";
import { Archiver } from "../../../store/archive/archiver.ts";
import { ArchivedState } from "../../../store/archive/restore_archive.ts";
import { ArchiveIndex } from "../../../store/archive/segments/archive_index.ts";
import { hasCommits, parseSegment, type Segment } from "../../../store/archive/segments/segment.ts";
import type { Waits } from "../../../store/backup/waiting.ts";
import type { SharingSession } from "../../../store/follow/sharing_session.ts";
import { MemoryStore } from "../../support/databases/memory_store.ts";
import type { Random } from "../../support/random.ts";

const TIMES = { everyMs: 1000, baseEvery: 4000, keep: Infinity, mergeAfter: Infinity };
/** The turns after which an archive that has not got on is stuck. */
const TURNS_MAX = 4000;

/** Time that passes when a test says so. */
class StepTime implements Waits {
  #now = 0;
  readonly #sleepers = new Set<() => void>();

  readonly now = (): number => this.#now;

  readonly rest = (_: number, signal: AbortSignal | undefined): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = () => {
      this.#sleepers.delete(wake);
      resolve();
    };
    this.#sleepers.add(wake);
    signal?.addEventListener("abort", wake);
    if (signal?.aborted === true) wake();
    return promise;
  };

  /** Wakes whoever sleeps. */
  pass(ms: number): void {
    this.#now += ms;
    for (const wake of [...this.#sleepers]) wake();
  }
}

/** A handle, as far as its archive is concerned. */
export interface ArchivingHandle {
  readonly session: SharingSession;
  readonly isOver: () => boolean;
}

/** An archive of a simulated file. */
export class SimulatedArchive {
  readonly #store = new MemoryStore();
  /** The operations on the file before each segment was put. */
  readonly #puts: { segment: Segment; at: number }[] = [];
  readonly #archivers = new Map<SharingSession, { archiver: Archiver; time: StepTime }>();
  readonly #random: Random;

  /**
   * Begins without a segment.
   *
   * @param operations The number of operations on the file so far.
   */
  constructor(random: Random, operations: () => number) {
    this.#random = random;
    this.#store.before = (operation, name) => {
      const segment = operation === "put" ? parseSegment(name) : undefined;
      if (segment !== undefined) this.#puts.push({ segment, at: operations() });
    };
  }

  /** Lets a handle begin to archive, go on with it, look whether it may, or end. */
  async step({ session, isOver }: ArchivingHandle): Promise<void> {
    const known = this.#archivers.get(session);
    if (known === undefined || known.archiver.stats().ended) {
      const time = new StepTime();
      const { openArchiveLock } = session;
      const role = new ArchiveRole(openArchiveLock!);
      const archiver = new Archiver(session, this.#store, TIMES, { role, waits: time });
      session.archive = archiver;
      this.#archivers.set(session, { archiver, time });
      return;
    }
    const { archiver, time } = known;
    if (this.#random.once(12)) return archiver.end(new Error("on purpose"));
    time.pass(1000);
    for (let i = 0; i < 3; i++) await turn();
    if (archiver.stats().standsBy) return;
    let isDone = false;
    const done = () => void (isDone = true);
    archiver.flush().then(done, done);
    for (let turns = 0; !isDone && !isOver(); turns++) {
      if (turns > TURNS_MAX) throw new Error(`it is stuck: ${JSON.stringify(archiver.stats())}`);
      if (turns % 50 === 49) time.pass(1000);
      await turn();
    }
  }

  /** The segments with the versions that they lead to, and when they were put. */
  get puts(): readonly { segment: Segment; at: number }[] {
    return this.#puts;
  }

  /** A version inside a segment, and whether the archive may not have it by itself. */
  someVersion(): number | undefined {
    const inside = this.#puts.map(({ segment }) => segment)
      .filter((segment) => hasCommits(segment) && segment.to - segment.from > 1);
    if (inside.length === 0) return undefined;
    const { from, to } = this.#random.pick(inside);
    return from + 1 + this.#random.below(to - from - 1);
  }

  /** The file that a restore makes. */
  async restore(at: number): Promise<MemoryFile> {
    const chain = new ArchiveIndex(await this.#store.list()).plan(at);
    const file = new MemoryFile();
    const disk = new Disk(file);
    const state = new ArchivedState(disk, this.#store, undefined);
    await state.followAll(chain, at);
    await new CopiedFile(disk).complete(await state.finish());
    return file;
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
