/**
 * Handles that share a simulated file in one thread: each may be killed before any call to the
 * system, or in the middle of a write, and gives its locks up then, as a process does.
 */

import type { FileLock, SideBytes } from "../../../pager/file/share_files.ts";
import { type File, IoError } from "../../../pager/mod.ts";
import type { ShareFiles } from "../../../pager/share/open_share.ts";
import { Pins } from "../../../pager/sidecar/pins.ts";
import type { PowerFile } from "../../support/files/power_file.ts";

/** A version that no checkpoint waits for. */
const NEVER = 2 ** 48 - 1;

/** The error of a call of a process that was killed. */
export class Killed extends Error {}

/** The locks of one file, by the life that has them. */
class LockTable {
  readonly #shared = new Set<Life>();
  #exclusive: Life | undefined;

  tryLock(life: Life, exclusive: boolean): boolean {
    this.unlock(life);
    if (this.#exclusive !== undefined || (exclusive && this.#shared.size > 0)) return false;
    if (exclusive) this.#exclusive = life;
    else this.#shared.add(life);
    return true;
  }

  unlock(life: Life): void {
    this.#shared.delete(life);
    if (this.#exclusive === life) this.#exclusive = undefined;
  }
}

/** A file, its locks, and its sidecar. */
export class SharedWorld {
  /** The file. */
  readonly file: PowerFile;
  /** The bytes of the sidecar. */
  readonly side = new Uint8Array(4096);
  /** The beginning of the lock file. */
  readonly note = new Uint8Array(24);
  readonly tables = {
    file: new LockTable(),
    lock: new LockTable(),
    here: new LockTable(),
    queue: new LockTable(),
    archive: new LockTable(),
  };

  /** The milliseconds by which the clock moves at a look. */
  stepMs: () => number = () => 0;
  #now = 0;
  /** The pins of a process that waits for the write lock. */
  #visitor: Pins | undefined;

  constructor(file: PowerFile) {
    this.file = file;
  }

  /** The time, which moves with each look. */
  readonly now = (): number => this.#now += this.stepMs();

  /** Lets a process wait for the write lock, one that takes it and gives it up when it is free. */
  beginVisit(): void {
    const pins = new Pins(
      {
        read: (into, position) => into.set(this.side.subarray(position, position + into.length)),
        write: (bytes, position) => this.side.set(bytes, position),
        close: () => {},
      },
      0,
    );
    if (this.#visitor !== undefined || !pins.take(NEVER)) return;
    pins.setWaiting("blocking");
    this.#visitor = pins;
  }

  /** A lock was given up: whoever waits for it has it now, and is gone. */
  visit(table: LockTable): void {
    if (table !== this.tables.lock) return;
    this.#visitor?.release();
    this.#visitor = undefined;
  }

  /** The processes that were begun. */
  readonly lives: Life[] = [];

  /** A process that lives for a number of calls to the system. */
  begin(calls: number): Life {
    const life = new Life(this, calls);
    this.lives.push(life);
    return life;
  }
}

/** The life of a process: it counts its calls, and ends with one of them. */
export class Life {
  readonly world: SharedWorld;
  #left: number;

  constructor(world: SharedWorld, calls: number) {
    this.world = world;
    this.#left = calls;
  }

  /** Whether it was killed. */
  get isOver(): boolean {
    return this.#left <= 0;
  }

  /** Lets it live for this many more calls. */
  killAfter(calls: number): void {
    this.#left = calls;
  }

  /** Counts a call; the last one is cut. */
  step(half: () => void = () => {}): void {
    if (this.#left > 0 && --this.#left === 0) {
      half();
      this.end();
    }
    if (this.isOver) throw new Killed("the process was killed");
  }

  /** Kills the process: the system gives its locks up. */
  end(): void {
    this.#left = 0;
    for (const table of Object.values(this.world.tables)) table.unlock(this);
  }

  /** The files as this process has them open. */
  files(): ShareFiles {
    const { file, lock, here, queue, archive } = this.world.tables;
    return {
      base: new LifeFile(this, file),
      lockFile: new LifeLock(this, lock, "lock"),
      presence: new LifeLock(this, here, "here"),
      side: new LifeSide(this),
      queue: new LifeLock(this, queue, "queue"),
      openArchiveLock: () => new LifeLock(this, archive, "archive"),
      now: this.world.now,
    };
  }
}

/** The file as one process has it open. */
class LifeFile implements File {
  readonly #life: Life;
  readonly #table: LockTable;

  constructor(life: Life, table: LockTable) {
    this.#life = life;
    this.#table = table;
  }

  get #file(): PowerFile {
    return this.#life.world.file;
  }

  size(): number {
    this.#life.step();
    return this.#file.size();
  }

  readAt(target: Uint8Array, start: number, length: number, position: number): number {
    this.#life.step();
    return this.#file.readAt(target, start, length, position);
  }

  writeAt(source: Uint8Array, start: number, length: number, position: number): number {
    const half = () => {
      const part = Math.floor(length / 1024) * 512;
      if (part > 0) this.#file.writeAt(source, start, part, position);
    };
    this.#life.step(half);
    return this.#file.writeAt(source, start, length, position);
  }

  writeThroughAt(source: Uint8Array, start: number, length: number, position: number): number {
    const half = () => {
      const part = Math.floor(length / 1024) * 512;
      if (part > 0) this.#file.writeAt(source, start, part, position);
    };
    this.#life.step(half);
    return this.#file.writeThroughAt(source, start, length, position);
  }

  truncate(size: number): void {
    this.#life.step();
    this.#file.truncate(size);
  }

  sync(): void {
    this.#life.step();
    this.#file.sync();
  }

  startSync(): Promise<void> {
    throw new Error("a shared file is synced in line");
  }

  lock(exclusive: boolean): boolean {
    this.#life.step();
    return this.#table.tryLock(this.#life, exclusive);
  }

  close(): void {
    this.#table.unlock(this.#life);
  }
}

class LifeLock implements FileLock {
  readonly identity: string;
  readonly #life: Life;
  readonly #table: LockTable;

  constructor(life: Life, table: LockTable, name: string) {
    this.#life = life;
    this.#table = table;
    // Handles of one thread know each other by it: one that has kept the lock gives it up.
    this.identity = `${name} of the simulated file`;
  }

  tryLock(exclusive: boolean): boolean {
    this.#life.step();
    return this.#table.tryLock(this.#life, exclusive);
  }

  async lock(): Promise<boolean> {
    while (!this.tryLock(true)) await new Promise((resolve) => setTimeout(resolve, 0));
    return true;
  }

  unlock(): void {
    this.#table.unlock(this.#life);
    this.#life.world.visit(this.#table);
  }

  isAtPath(): boolean {
    return true;
  }

  reopen(): void {}

  readNote(into: Uint8Array, position: number): void {
    this.#life.step();
    into.set(this.#life.world.note.subarray(position, position + into.length));
  }

  writeNote(bytes: Uint8Array, position: number): void {
    const { note } = this.#life.world;
    this.#life.step(() => note.set(bytes.subarray(0, bytes.length >> 1), position));
    note.set(bytes, position);
  }

  close(): void {
    this.#table.unlock(this.#life);
  }
}

class LifeSide implements SideBytes {
  readonly #life: Life;

  constructor(life: Life) {
    this.#life = life;
  }

  read(into: Uint8Array, position: number): void {
    this.#step();
    into.set(this.#life.world.side.subarray(position, position + into.length));
  }

  write(bytes: Uint8Array, position: number): void {
    const half = () => this.#life.world.side.set(bytes.subarray(0, bytes.length >> 1), position);
    this.#step(half);
    this.#life.world.side.set(bytes, position);
  }

  #step(half?: () => void): void {
    try {
      this.#life.step(half);
    } catch (cause) {
      throw new IoError("Cannot use the sidecar: the process was killed", { cause });
    }
  }

  close(): void {}
}
