/**
 * Reads for clients: the entries of ranges at one version, with values as they are stored.
 */

import type { ReadTree } from "../../mod.ts";
import type { NewRecord } from "../format/record.ts";
import { rangeOf } from "../format/selector.ts";
import { versionstampBytes } from "../format/versionstamp.ts";
import type { KvStore } from "../store.ts";
import { checkReadKey, limitsOf } from "../write/limits.ts";
import type { ServerLimits } from "./limits.ts";
import type { ReadRange, WireEntry } from "./messages.ts";
import { RefusedError } from "./refusal.ts";

const KEY_LIMITS = limitsOf("none");

/**
 * Reads ranges at one version.
 *
 * @throws {RefusedError} They ask for too much.
 */
export function readRanges(
  store: KvStore,
  ranges: readonly ReadRange[],
  limits: ServerLimits,
): WireEntry[][] {
  checkRanges(ranges, limits);
  return store.readStored((entries) => {
    let bytes = 0;
    return ranges.map((range) => {
      const found: WireEntry[] = [];
      for (const [key, record] of recordsOf(entries, range)) {
        bytes += key.length + record.data.length;
        if (bytes > limits.responseBytes) throw tooMuch(limits.responseBytes);
        found.push(wireEntry(key, record));
      }
      return found;
    });
  });
}

function checkRanges(ranges: readonly ReadRange[], limits: ServerLimits): void {
  let count = 0;
  for (const { start, end, limit } of ranges) {
    checkReadKey(start.length, KEY_LIMITS);
    checkReadKey(end.length, KEY_LIMITS);
    if (!(limit > 0)) throw new RefusedError(400, "The limit of a range is not positive");
    count += limit;
  }
  if (count <= limits.entries) return;
  throw new RefusedError(400, `Too many entries (max ${limits.entries})`);
}

function tooMuch(max: number): RefusedError {
  return new RefusedError(413, `The entries have more than ${max} bytes: read fewer at a time`);
}

function recordsOf(
  entries: ReadTree<Uint8Array, NewRecord>,
  { start, end, limit, reverse }: ReadRange,
): Iterable<[Uint8Array, NewRecord]> {
  if (!isOneKey(start, end)) {
    return entries.entries({ ...rangeOf({ lower: start, upper: end }), limit, reverse });
  }
  const record = entries.get(start);
  return record === undefined ? [] : [[start, record]];
}

/** Whether a range has room for its first key alone: the end is the key that follows at once. */
function isOneKey(start: Uint8Array, end: Uint8Array): boolean {
  if (end.length !== start.length + 1 || end[start.length] !== 0) return false;
  return start.every((byte, at) => byte === end[at]) && start.length <= KEY_LIMITS.writeKey;
}

/** The state of keys, undefined where there is no entry, at one version. */
export function readKeys(store: KvStore, keys: readonly Uint8Array[]): (WireEntry | undefined)[] {
  return store.readStored((entries) =>
    keys.map((key) => {
      const record = entries.get(key);
      return record && wireEntry(key, record);
    })
  );
}

function wireEntry(key: Uint8Array, { data, encoding, version }: NewRecord): WireEntry {
  return { key, value: data, encoding, versionstamp: versionstampBytes(version) };
}
