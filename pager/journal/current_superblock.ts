/**
 * The superblock of an open file: what both copies hold, and the way to replace it.
 *
 * Each new superblock has the next number and goes to both slots. `replace` takes all steps in
 * line, `extend` leaves out the last sync. A checkpoint that waits for its syncs off the thread
 * takes the steps one by one; where one of the two comes between, the steps that are left have
 * nothing to do. The caller first syncs what the new superblock relies on, and the copy before it.
 *
 * Invariant: while a slot is written, the other one has the current superblock on the medium.
 */

import type { Disk } from "../file/disk.ts";
import { assert } from "../format/assert.ts";
import { chunksOf } from "../format/format.ts";
import type { Superblock } from "../format/superblock.ts";
import { repairSuperblocks, writeSuperblockCopy } from "./superblocks.ts";

/** The superblock of an open file. */
export class CurrentSuperblock {
  readonly #disk: Disk;
  readonly #protect: boolean;
  #fields: Superblock;
  /** The superblock that is being written in steps. */
  #next: Superblock | undefined;
  /** Whether its second copy is written. */
  #hasSecondCopy = false;

  /**
   * The superblock that the file was opened with.
   *
   * @param disk The file.
   * @param fields The fields of the superblock.
   * @param protect Whether a torn sector may hold anything.
   */
  constructor(disk: Disk, fields: Superblock, protect: boolean) {
    this.#disk = disk;
    this.#fields = fields;
    this.#protect = protect;
  }

  /** Its fields. */
  get fields(): Readonly<Superblock> {
    return this.#fields;
  }

  /** Whether the file is marked open. */
  get isOpen(): boolean {
    return this.#fields.open;
  }

  /** Follows another writer, which has replaced it. */
  adopt(fields: Superblock): void {
    assert(this.#next === undefined, "only one writer replaces a superblock");
    this.#fields = fields;
  }

  /** Writes it again: the copies that the opening read may be in the system's cache only. */
  repair(): void {
    repairSuperblocks(this.#disk, this.#fields, this.#protect);
  }

  /** Replaces some of its fields, in both copies, each synced. */
  replace(changes: Partial<Superblock>): void {
    this.extend(changes);
    this.#disk.sync();
  }

  /**
   * Replaces some of its fields; the second copy gets to the medium with the next sync. For changes
   * to which nothing on the medium relies before that: the copy may be lost, and the first damaged.
   */
  extend(changes: Partial<Superblock>): void {
    // The copies of the steps are those that the caller synced, or were to be replaced by it.
    this.endSteps();
    const next = this.#replacedBy(changes);
    writeSuperblockCopy(this.#disk, next, 0);
    this.#disk.sync();
    writeSuperblockCopy(this.#disk, next, 1);
    this.#fields = next;
  }

  /** The first step: writes the first copy of the next superblock. A sync has to follow. */
  writeFirstCopy(changes: Partial<Superblock>): void {
    this.#completeSteps();
    this.#next = this.#replacedBy(changes);
    this.#hasSecondCopy = false;
    writeSuperblockCopy(this.#disk, this.#next, 0);
  }

  /** The second step: writes the second copy, unless a `replace` has. A sync has to follow. */
  writeSecondCopy(): void {
    if (this.#next === undefined) return;
    writeSuperblockCopy(this.#disk, this.#next, 1);
    this.#hasSecondCopy = true;
  }

  /** The last step, once the second copy is on the medium. */
  endSteps(): void {
    if (this.#next !== undefined) this.#fields = this.#next;
    this.#next = undefined;
  }

  #completeSteps(): void {
    if (this.#next === undefined) return;
    this.#disk.sync();
    if (!this.#hasSecondCopy) {
      this.writeSecondCopy();
      this.#disk.sync();
    }
    this.endSteps();
  }

  #replacedBy(changes: Partial<Superblock>): Superblock {
    const next = { ...this.#fields, ...changes, number: this.#fields.number + 1 };
    // No page of data is behind the page count, but chunks of the journal may be.
    next.allocatorHint = Math.min(next.allocatorHint, chunksOf(next.pageCount));
    return next;
  }
}
