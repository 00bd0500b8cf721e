/**
 * A `File` in memory on a file system with a limited number of blocks. The first write to a block
 * takes one, a truncation returns blocks, and a hole takes none. A write for which there are too
 * few blocks writes what fits, and the next one fails with ENOSPC.
 *
 * A power cut turns blocks that no sync followed into holes again.
 */

import { type File, MemoryFile } from "../../../pager/mod.ts";

/** The bytes of a block. */
export const BLOCK_BYTES = 4096;

/** A file with a limited number of blocks. */
export class BudgetFile implements File {
  /** How many blocks it may have. */
  budget: number;
  /** How often a write was refused. */
  refusals = 0;

  readonly #memory = new MemoryFile();
  readonly #blocks = new Set<number>();
  /** Blocks that were written after the last sync. */
  readonly #unsynced = new Set<number>();

  /** An empty file. */
  constructor(budget: number) {
    this.budget = budget;
  }

  /** How many blocks it has. */
  get used(): number {
    return this.#blocks.size;
  }

  /** The file as another process would find it if this one were killed. */
  afterKill(): BudgetFile {
    const copy = new BudgetFile(this.budget);
    const content = this.#memory.content();
    copy.#memory.writeAt(content, 0, content.length, 0);
    for (const block of this.#blocks) copy.#blocks.add(block);
    return copy;
  }

  /**
   * The file after a power cut that lost every block it could, on a disk that others have filled.
   */
  afterPowerCut(): BudgetFile {
    const copy = this.afterKill();
    for (const block of this.#unsynced) {
      copy.#blocks.delete(block);
      const position = block * BLOCK_BYTES;
      const length = Math.min(BLOCK_BYTES, copy.size() - position);
      copy.#memory.writeAt(new Uint8Array(length), 0, length, position);
    }
    copy.budget = copy.used;
    return copy;
  }

  /** The size in bytes. */
  size(): number {
    return this.#memory.size();
  }

  /** Reads the bytes present. */
  readAt(target: Uint8Array, start: number, length: number, position: number): number {
    return this.#memory.readAt(target, start, length, position);
  }

  /** Writes as far as there are blocks. */
  writeAt(source: Uint8Array, start: number, length: number, position: number): number {
    const count = this.#allocate(position, length);
    return this.#memory.writeAt(source, start, count, position);
  }

  /** Writes through to the medium, as far as there are blocks. */
  writeThroughAt(source: Uint8Array, start: number, length: number, position: number): number {
    const count = this.writeAt(source, start, length, position);
    for (let at = position; at < position + count; at += BLOCK_BYTES) this.#settle(at);
    this.#settle(position + count - 1);
    return count;
  }

  #settle(position: number): void {
    this.#unsynced.delete(Math.floor(position / BLOCK_BYTES));
  }

  /** Takes blocks for a write. Returns how many of its bytes have one. */
  #allocate(position: number, length: number): number {
    for (let at = position; at < position + length;) {
      const block = Math.floor(at / BLOCK_BYTES);
      if (!this.#blocks.has(block)) {
        if (this.#blocks.size >= this.budget) return this.#refuse(at - position);
        this.#blocks.add(block);
        this.#unsynced.add(block);
      }
      at = (block + 1) * BLOCK_BYTES;
    }
    return length;
  }

  #refuse(taken: number): number {
    if (taken > 0) return taken;
    this.refusals++;
    throw Object.assign(new Error("no space left: simulated"), { code: "ENOSPC" });
  }

  /** Truncates, which returns blocks, or extends with a hole. */
  truncate(size: number): void {
    this.#memory.truncate(size);
    for (const block of [...this.#blocks]) {
      if (block * BLOCK_BYTES < size) continue;
      this.#blocks.delete(block);
      this.#unsynced.delete(block);
    }
  }

  /** Makes its blocks survive a power cut. */
  sync(): void {
    this.#unsynced.clear();
  }

  /** Makes the blocks written so far survive a power cut, later. */
  async startSync(): Promise<void> {
    const blocks = [...this.#unsynced];
    await Promise.resolve();
    for (const block of blocks) this.#unsynced.delete(block);
  }

  /** Always taken. */
  lock(_exclusive: boolean): boolean {
    return true;
  }

  /** Keeps the bytes. */
  close(): void {}
}
