/**
 * A database of Deno KV as a side of a migration: a file of its own, or one of a server. It is used
 * through the interface of `Deno.Kv`, which shows no expiry and chooses the versions itself.
 */

import { IoError } from "../../mod.ts";
import { hasNativeKv, openNative } from "../api/deno.ts";
import type { KvEntry, KvKey, KvListOptions } from "../api/types.ts";
import { encodeKey } from "../format/key.ts";
import { decodeKey } from "../format/key_reader.ts";
import { NEVER } from "../format/record.ts";
import { now } from "../schedule/clock.ts";
import { decodeValue, encodeValue } from "../value/value.ts";
import type { MovedEntry } from "../write/import.ts";
import { limitsOf } from "../write/limits.ts";
import type { Side } from "./side.ts";

const BATCH_ENTRIES = 100;

/** The part of `Deno.Kv` that is used. */
interface NativeKv {
  list(
    selector: { prefix: KvKey },
    options: KvListOptions,
  ): AsyncIterable<KvEntry<unknown>>;
  atomic(): NativeOperation;
  close(): void;
}

/** The part of `Deno.AtomicOperation` that is used. */
interface NativeOperation {
  set(key: KvKey, value: unknown, options?: { expireIn: number }): this;
  commit(): Promise<{ ok: boolean }>;
}

/** A database of Deno KV as a side of a migration. */
export class NativeSide implements Side {
  readonly name: string;
  readonly limits = limitsOf("deno");
  readonly showsAll = false;
  readonly messages = 0;
  readonly #kv: NativeKv;

  private constructor(name: string, kv: NativeKv) {
    this.name = name;
    this.#kv = kv;
  }

  /**
   * Opens a database.
   *
   * @param place A path, or a URL of a server.
   * @throws {TypeError} The program runs without `--unstable-kv`.
   * @throws {IoError} Deno, or the server, refused.
   */
  static async open(place: string): Promise<NativeSide> {
    const open = () => openNative(place);
    // The refusal of a program without the flag is no failure of the database.
    const kv = hasNativeKv() ? await named("open", place, open) : await open();
    return new NativeSide(place, kv as NativeKv);
  }

  async read(after: Uint8Array | undefined): Promise<MovedEntry[]> {
    // The cursor of a list of all keys is the whole last key.
    const cursor = after === undefined ? {} : { cursor: after.toBase64({ alphabet: "base64url" }) };
    return await this.#list({ ...cursor, limit: BATCH_ENTRIES, batchSize: BATCH_ENTRIES });
  }

  async lastKey(): Promise<Uint8Array | undefined> {
    const [last] = await this.#list({ reverse: true, limit: 1 });
    return last?.key;
  }

  async #list(options: KvListOptions): Promise<MovedEntry[]> {
    const list = () => Array.fromAsync(this.#kv.list({ prefix: [] }, options));
    const entries = await named("read", this.name, list);
    return entries.map(({ key, value, versionstamp }) => {
      const bytes = encodeKey(key);
      return { key: bytes, ...this.#encode(bytes, value), versionstamp, expiresAt: NEVER };
    });
  }

  #encode(key: Uint8Array, value: unknown): { encoding: number; data: Uint8Array } {
    try {
      return encodeValue(value);
    } catch (cause) {
      const { message } = cause as Error;
      throw new TypeError(`Cannot read ${keyText(key)} of ${this.name}: ${message}`, { cause });
    }
  }

  async add(entries: readonly MovedEntry[]): Promise<void> {
    const operation = this.#kv.atomic();
    for (const { key, encoding, data, expiresAt } of entries) {
      const value = decodeValue(encoding, data);
      if (expiresAt === NEVER) operation.set(decodeKey(key), value);
      else operation.set(decodeKey(key), value, { expireIn: Math.max(expiresAt - now(), 0) });
    }
    await named("write", this.name, () => operation.commit());
  }

  close(): void {
    this.#kv.close();
  }
}

/** Does something; an error of Deno KV names the database. */
async function named<T>(action: string, place: string, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (cause) {
    throw new IoError(`Cannot ${action} ${place}: ${(cause as Error).message}`, { cause });
  }
}

/** A key as text, its parts as in JSON where JSON has them. */
export function keyText(key: Uint8Array): string {
  const parts = decodeKey(key).map((part) => {
    if (typeof part === "bigint") return `${part}n`;
    return part instanceof Uint8Array ? `0x${part.toHex()}` : JSON.stringify(part);
  });
  return `[${parts.join(", ")}]`;
}
