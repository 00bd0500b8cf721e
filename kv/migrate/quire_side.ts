/**
 * A Quire file as a side of a migration. It passes on the stored bytes, with versions and expiry.
 *
 * Entries do not expire while it is open, so both sides can be compared at the end.
 */

import { type Database, open } from "../../mod.ts";
import { versionstampOf } from "../format/versionstamp.ts";
import { KvStore } from "../store.ts";
import type { MovedEntry } from "../write/import.ts";
import { limitsOf } from "../write/limits.ts";
import type { Side } from "./side.ts";

const BATCH_ENTRIES = 1000;
/** A batch ends behind the entry that exceeds it. */
const BATCH_BYTES = 4 * 2 ** 20;

/** How to open the file. */
export interface QuireSideOptions {
  /** Whether it is only read; a file that is added to is created if it does not exist. */
  readonly readOnly: boolean;
  /** How long to wait for another handle to close it, in milliseconds. */
  readonly lockTimeoutMs: number;
}

/** A Quire file as a side of a migration. */
export class QuireSide implements Side {
  readonly name: string;
  readonly limits = limitsOf("none");
  readonly showsAll = true;
  readonly messages: number;
  readonly #db: Database;
  readonly #store: KvStore;

  /**
   * Opens a file.
   *
   * @throws {LockedError} Another handle has it open.
   * @throws {CorruptionError} It is damaged, or not a Quire database.
   * @throws {IoError} The system refused, or there is no file to read.
   * @throws {TypeError} A tree has the name but not the codecs of one for KV.
   */
  constructor(path: string, options: QuireSideOptions) {
    this.name = path;
    this.#db = open(path, options);
    try {
      this.#store = new KvStore(this.#db);
      this.messages = this.#store.countMessages();
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  // deno-lint-ignore require-await -- its errors are rejections
  async read(after: Uint8Array | undefined): Promise<MovedEntry[]> {
    return this.#store.readStored((entries) => {
      const batch: MovedEntry[] = [];
      let bytes = 0;
      const range = after === undefined ? {} : { gt: after };
      for (const [key, record] of entries.entries({ ...range, limit: BATCH_ENTRIES })) {
        const { encoding, data, version, expiresAt } = record;
        batch.push({ key, encoding, data, versionstamp: versionstampOf(version), expiresAt });
        bytes += key.length + data.length;
        if (bytes > BATCH_BYTES) break;
      }
      return batch;
    });
  }

  // deno-lint-ignore require-await -- its errors are rejections
  async lastKey(): Promise<Uint8Array | undefined> {
    return this.#store.readStored((entries) => entries.last()?.[0]);
  }

  async add(entries: readonly MovedEntry[]): Promise<void> {
    await this.#store.import(entries);
  }

  close(): void {
    this.#db.close();
  }
}
