/**
 * An archive store in memory, whose operations a test can make fail, come late or lie.
 */

import type { ArchiveStore } from "../../../mod.ts";

/** An archive store in memory. */
export class MemoryStore implements ArchiveStore {
  /** The objects. */
  readonly objects: Map<string, Uint8Array> = new Map();
  /** The names in the order in which they were put. */
  readonly puts: string[] = [];
  /** Called before each operation; it may throw, or wait. */
  before: (operation: string, name: string) => void | Promise<void> = () => {};

  async put(name: string, bytes: Uint8Array): Promise<void> {
    await this.before("put", name);
    this.objects.set(name, bytes.slice());
    this.puts.push(name);
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    await this.before("get", name);
    return this.objects.get(name)?.slice();
  }

  async list(): Promise<string[]> {
    await this.before("list", "");
    return [...this.objects.keys()];
  }

  async delete(name: string): Promise<void> {
    await this.before("delete", name);
    this.objects.delete(name);
  }
}
