/**
 * Opens a KV database: in a file, in a database that is open already, or of a server.
 */

import { Database } from "../mod.ts";
import { openNative } from "./api/deno.ts";
import { checkOptionNames } from "./api/option_names.ts";
import type { KvOptions } from "./api/types.ts";
import { hidesExpired, Kv } from "./kv.ts";
import { shareDatabase, shareFile } from "./owners.ts";
import { limitsOf } from "./write/limits.ts";

const OPTIONS = ["limits", "expired"];
const REMOTE = /^https?:\/\//;

/**
 * Opens a KV database with the interface of `Deno.Kv`.
 *
 * Handles on one file in a process share it, and the last one that is closed closes it. A
 * `Database` of the program stays open; its trees `kv`, `kv.expiry`, `kv.queue`,
 * `kv.queue.aside` and `kv.meta` hold the data.
 *
 * ```ts
 * import { openKv } from "./mod.ts";
 *
 * using kv = await openKv(":memory:");
 * await kv.set(["users", "ada"], { born: 1815 });
 * for await (const { key } of kv.list({ prefix: ["users"] })) console.assert(key[1] === "ada");
 * ```
 *
 * @param place A path or a `file:` URL of a file, which is created if it does not exist;
 * `":memory:"`; an open database; or an `http:` or `https:` URL, which `Deno.openKv` opens.
 * @throws {LockedError} Another process has the file open.
 * @throws {CorruptionError} The file is damaged, or not a Quire database.
 * @throws {IoError} The system refused.
 * @throws {TypeError} The place or an option is malformed, or a tree has the name but not the
 * codecs of one for KV.
 */
export async function openKv(
  place: string | URL | Database,
  options: KvOptions = {},
): Promise<Kv> {
  checkOptionNames("open", options, OPTIONS);
  if (place instanceof Database) return handleOn(shareDatabase(place), options);
  const url = String(place);
  if (REMOTE.test(url)) return await openServed(url, options);
  if (url === "") throw new TypeError("Filename cannot be empty");
  if (url.startsWith(":") && url !== ":memory:") {
    throw new TypeError("Filename cannot start with ':' unless prefixed with './'");
  }
  return handleOn(shareFile(place), options);
}

/** Opens a database of a server; its client has the same interface, and the limits of Deno KV. */
async function openServed(url: string, options: KvOptions): Promise<Kv> {
  limitsOf(options.limits);
  if (hidesExpired(options)) {
    throw new TypeError(`Cannot open ${url}: a server does not hide expired entries`);
  }
  return await openNative(url) as Kv;
}

function handleOn(share: ReturnType<typeof shareFile>, options: KvOptions): Kv {
  try {
    return new Kv(share, options);
  } catch (error) {
    share.release();
    throw error;
  }
}
