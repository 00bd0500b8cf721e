/**
 * The superblock of an open file: what both copies hold, and the way to replace it.
 *
 * Each new superblock has the next number and goes to both slots (`writeSuperblock`). The caller
 * syncs whatever the new superblock relies on before it publishes.
 */

import type { Disk } from "../file/disk.ts";
import type { Superblock } from "../format/superblock.ts";
import { repairSuperblocks, writeSuperblock } from "./superblocks.ts";

/** The superblock of an open file. */
export class CurrentSuperblock {
  readonly #disk: Disk;
  readonly #protect: boolean;
  #fields: Superblock;

  /**
   * The superblock that the file was opened with.
   *
   * @param disk The file.
   * @param fields The fields of the superblock.
   * @param protect Whether a sector whose write was cut may hold anything.
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

  /** Writes it again: the copies that the opening read may be in the system's cache only. */
  repair(): void {
    repairSuperblocks(this.#disk, this.#fields, this.#protect);
  }

  /** Replaces some of its fields, in both copies, each synced. */
  publish(changes: Partial<Superblock>): void {
    const next = { ...this.#fields, ...changes, number: this.#fields.number + 1 };
    writeSuperblock(this.#disk, next);
    this.#fields = next;
  }
}
