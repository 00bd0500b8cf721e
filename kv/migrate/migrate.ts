/**
 * Copies all entries of a database to another one: between Quire files, files of Deno KV, and
 * servers of KV Connect. At the end both are compared.
 *
 * Entries are added in key order, a batch a commit. So the target is always the beginning of the
 * source, and its last key is the only state: an interrupted migration compares the entries up to
 * that key, and continues behind it.
 */

import { fileURLToPath } from "node:url";
import { fileIdentity, isNativeFile, isVacant } from "../api/deno.ts";
import { checkOptionNames } from "../api/option_names.ts";
import { encodeKey } from "../format/key.ts";
import { decodeKey } from "../format/key_reader.ts";
import { decodeValue, encodeSoon, LaterBytes } from "../value/value.ts";
import type { MovedEntry } from "../write/import.ts";
import { type Limits, limitsOf } from "../write/limits.ts";
import { compareSides, type Comparison, isDue } from "./compare.ts";
import { keyText, NativeSide } from "./native_side.ts";
import { QuireSide } from "./quire_side.ts";
import { entriesOf, type Side } from "./side.ts";

const OPTIONS = ["resume", "create", "lockTimeoutMs", "onProgress"];
const REMOTE = /^https?:\/\//;
/** A commit stays well below the limits of Deno KV, which counts keys twice. */
const COMMIT_ENTRIES = 500;
const COMMIT_BYTES = 400_000;
const COMMIT_KEY_BYTES = 40_000;

/** How to migrate. */
export interface MigrateOptions {
  /** Continues a migration to the same target that was interrupted. Default false. */
  readonly resume?: boolean | undefined;
  /** The format of a target that does not exist yet: Quire's or Deno KV's. Default `"quire"`. */
  readonly create?: "quire" | "deno" | undefined;
  /** How long to wait for another handle on a Quire file to close, in milliseconds. Default 0. */
  readonly lockTimeoutMs?: number | undefined;
  /** Called after each commit with the number of entries that the target has. */
  readonly onProgress?: ((entries: number) => void) | undefined;
}

/** The result of a migration. */
export interface Migration {
  /** The entries that were added. */
  readonly added: number;
  /** The entries that were there, of a migration that was interrupted. */
  readonly found: number;
  /** The messages of the source's queue, which were not copied. */
  readonly messagesLeft: number;
  /** The comparison of both sides at the end: the proof that they are equal. */
  readonly comparison: {
    /** The entries of the source, and the SHA-256 of their keys and values in key order. */
    readonly source: { readonly entries: number; readonly sha256: string };
    /** The same of the target. */
    readonly target: { readonly entries: number; readonly sha256: string };
  };
  /** The first difference; undefined if both are equal. */
  readonly difference: string | undefined;
}

/**
 * Copies all entries of a database to another one, and compares both at the end. Each is a path of
 * a Quire file or of a file of Deno KV, also as a `file:` URL, distinguished by their contents, or
 * the URL of a server.
 * All but Quire files need `--unstable-kv`, and servers a token in `DENO_KV_ACCESS_TOKEN`.
 *
 * The source is only read. A migration may be interrupted at any moment, and continued with
 * `resume`. Quire files show the expiry of entries and keep versions; Deno KV shows no expiry and
 * gives new versions. Messages of queues are not copied.
 *
 * ```ts
 * import { migrateKv, openKv } from "../mod.ts";
 *
 * const dir = Deno.makeTempDirSync();
 * const kv = await openKv(`${dir}/from.quire`);
 * await kv.set(["users", "ada"], { born: 1815 });
 * kv.close();
 * const { added, difference } = await migrateKv(`${dir}/from.quire`, `${dir}/to.quire`);
 * console.assert(added === 1 && difference === undefined);
 * Deno.removeSync(dir, { recursive: true });
 * ```
 *
 * @throws {TypeError} The target has entries already, or cannot take one of the source.
 * @throws {LockedError} Another handle has a file open.
 * @throws {IoError} The system refused, or there is no source.
 */
export async function migrateKv(
  from: string | URL,
  to: string | URL,
  options: MigrateOptions = {},
): Promise<Migration> {
  checkOptionNames("migrate", options, OPTIONS);
  const { create = "quire" } = options;
  if (create !== "quire" && create !== "deno") {
    throw new TypeError(`Cannot migrate: create cannot be ${String(create)}`);
  }
  return await migrateBetween(placeOf(from), placeOf(to), options);
}

async function migrateBetween(
  from: string,
  to: string,
  options: MigrateOptions,
): Promise<Migration> {
  refusePlaces(from, to);
  const { lockTimeoutMs = 0 } = options;
  const source = await openSide(from, { readOnly: true, lockTimeoutMs });
  try {
    const isNative = isNativePlace(to) || (isVacant(to) && options.create === "deno");
    // Before the target exists.
    if (isNative) await refuseMisfits(source, to, limitsOf("deno"));
    const target = isNative
      ? await NativeSide.open(to)
      : new QuireSide(to, { readOnly: false, lockTimeoutMs });
    try {
      return await migrate(source, target, options);
    } finally {
      target.close();
    }
  } finally {
    source.close();
  }
}

/** The path of a file, or the URL of a server, as text. */
function placeOf(place: string | URL): string {
  if (place instanceof URL) return place.protocol === "file:" ? fileURLToPath(place) : place.href;
  if (typeof place === "string") return place;
  throw new TypeError(`Cannot migrate ${String(place)}: it is neither a path nor a URL`);
}

function refusePlaces(from: string, to: string): void {
  for (const place of [from, to]) {
    if (place !== "" && !place.startsWith(":")) continue;
    throw new TypeError(`Cannot migrate ${place}: it is neither a path nor a URL`);
  }
  const known = REMOTE.test(from) || REMOTE.test(to) ? undefined : fileIdentity(from);
  if (from !== to && (known === undefined || known !== fileIdentity(to))) return;
  throw new TypeError(`Cannot migrate ${from}: both are the same`);
}

function isNativePlace(place: string): boolean {
  return REMOTE.test(place) || isNativeFile(place);
}

async function openSide(
  place: string,
  options: { readOnly: boolean; lockTimeoutMs: number },
): Promise<Side> {
  return isNativePlace(place) ? await NativeSide.open(place) : new QuireSide(place, options);
}

/** Refuses a source with entries that the target cannot take, or whose values cannot be read. */
async function refuseMisfits(source: Side, to: string, limits: Limits): Promise<void> {
  let misfits = 0;
  let first: string | undefined;
  for await (const entry of entriesOf(source)) {
    const misfit = misfitOf(entry, limits);
    if (misfit === undefined) continue;
    misfits++;
    first ??= `${keyText(entry.key)} ${misfit}`;
  }
  if (first === undefined) return;
  const others = misfits === 1 ? "" : `, and ${misfits - 1} more cannot be stored there either`;
  throw new TypeError(`Cannot migrate to ${to}: ${first}${others}; nothing was copied`);
}

function misfitOf({ key, encoding, data }: MovedEntry, limits: Limits): string | undefined {
  if (key.length > limits.writeKey) {
    return `has ${key.length} bytes, more than ${limits.writeKey} of a key`;
  }
  if (data.length > limits.value) {
    return `has a value of ${data.length} bytes, more than ${limits.value}`;
  }
  try {
    const value = decodeValue(encoding, data);
    if (encodeSoon(value) instanceof LaterBytes) return "has a blob, whose bytes it does not store";
    // The target encodes keys itself.
    if (encodeKey(decodeKey(key)).toHex() !== key.toHex()) return "is not encoded as a key is";
  } catch (error) {
    return `cannot be read: ${(error as Error).message}`;
  }
  return undefined;
}

async function migrate(source: Side, target: Side, options: MigrateOptions): Promise<Migration> {
  const last = await target.lastKey();
  const found = last === undefined ? 0 : await resumedAt(source, target, last, options);
  let count = found;
  for await (const entries of commitsOf(source, last)) {
    await target.add(entries);
    count += entries.length;
    options.onProgress?.(count);
  }
  const { difference, ...comparison } = await compareSides(source, target);
  return {
    added: count - found,
    found,
    messagesLeft: source.messages,
    comparison,
    difference: difference && textOf(difference),
  };
}

/** The number of entries that the target has, which must be the beginning of the source. */
async function resumedAt(
  source: Side,
  target: Side,
  last: Uint8Array,
  { resume = false }: MigrateOptions,
): Promise<number> {
  if (!resume) {
    throw new TypeError(
      `Cannot migrate to ${target.name}: it has entries; name an empty target, or resume`,
    );
  }
  const { target: { entries }, difference } = await compareSides(source, target, last);
  if (difference === undefined) return entries;
  throw new TypeError(
    `Cannot resume the migration to ${target.name}: ${textOf(difference)}; name an empty target`,
  );
}

/** The entries behind a key, in parts of one commit each, without those that are due. */
async function* commitsOf(
  source: Side,
  after: Uint8Array | undefined,
): AsyncGenerator<MovedEntry[], void> {
  let commit: MovedEntry[] = [];
  let [bytes, keyBytes] = [0, 0];
  for await (const entry of entriesOf(source, after)) {
    if (isDue(entry)) continue;
    commit.push(entry);
    keyBytes += entry.key.length;
    bytes += 2 * entry.key.length + entry.data.length;
    if (
      commit.length < COMMIT_ENTRIES && bytes < COMMIT_BYTES && keyBytes < COMMIT_KEY_BYTES
    ) continue;
    yield commit;
    [commit, bytes, keyBytes] = [[], 0, 0];
  }
  if (commit.length > 0) yield commit;
}

const WHAT_DIFFERS: Readonly<Record<NonNullable<Comparison["difference"]>["what"], string>> = {
  missing: "the target does not have",
  added: "the source does not have",
  value: "another value has",
  expiry: "another expiry has",
  version: "another version has",
};

function textOf({ key, what }: NonNullable<Comparison["difference"]>): string {
  return `${WHAT_DIFFERS[what]} ${keyText(key)}`;
}
