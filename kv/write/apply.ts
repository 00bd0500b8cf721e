/**
 * Applies a commit in one transaction: first its checks, then its mutations in order, then its
 * messages.
 */

import type { Transaction } from "../../mod.ts";
import { encodeKey } from "../format/key.ts";
import type { KvTrees } from "../format/trees.ts";
import { versionstampOf } from "../format/versionstamp.ts";
import { combine } from "./arithmetic.ts";
import type { EncodedMessage, EncodedMutation, EncodedWrite } from "./encode.ts";
import { EntryWriter, headerOf } from "./entry_writer.ts";

/** The waits before the deliveries that follow a failed one, in milliseconds. */
const BACKOFF_SCHEDULE: readonly number[] = [100, 1000, 5000, 30_000, 60_000];

/**
 * Applies a commit.
 *
 * @param hiddenUntil Entries that expire by then do not exist for its checks and sums.
 * @returns Its versionstamp, or undefined if a check failed: then nothing has changed.
 * @throws {TypeError} The values of a sum do not fit.
 */
export function applyWrite(
  tx: Transaction,
  trees: KvTrees,
  write: EncodedWrite,
  hiddenUntil: number,
): string | undefined {
  const entries = tx.tree(trees.entries);
  const holds = write.checks.every(({ key, versionstamp }) => {
    const header = headerOf(entries, key);
    const exists = header !== undefined && header.expiresAt > hiddenUntil;
    return versionstamp === (exists ? versionstampOf(header.version) : undefined);
  });
  if (!holds) return undefined;
  const writer = new EntryWriter(tx, trees);
  for (const mutation of write.mutations) {
    if (mutation.type === "delete") writer.delete(mutation.key);
    else if (mutation.type === "set") applySet(writer, mutation);
    else {
      const record = entries.get(mutation.key);
      const exists = record !== undefined && record.expiresAt > hiddenUntil;
      const value = combine(mutation.type, exists ? record : undefined, mutation.value!);
      // Arithmetic removes the expiry of an entry.
      writer.set(mutation.key, value);
    }
  }
  if (write.enqueues.length > 0) enqueue(tx, trees, write.enqueues, writer.version);
  return versionstampOf(writer.version);
}

function applySet(writer: EntryWriter, mutation: EncodedMutation): void {
  const { key, takesVersionstamp, value, expiresAt } = mutation;
  writer.set(takesVersionstamp ? suffixed(key, writer.version) : key, value!, expiresAt);
}

/** A key followed by a versionstamp as a text part. */
function suffixed(key: Uint8Array, version: number): Uint8Array {
  const part = encodeKey([versionstampOf(version)]);
  const bytes = new Uint8Array(key.length + part.length);
  bytes.set(key);
  bytes.set(part, key.length);
  return bytes;
}

function enqueue(
  tx: Transaction,
  trees: KvTrees,
  messages: readonly EncodedMessage[],
  version: number,
): void {
  const queue = tx.tree(trees.queue);
  messages.forEach(({ payload, dueAt, keysIfUndelivered, backoffSchedule }, ordinal) => {
    const waits = backoffSchedule ?? BACKOFF_SCHEDULE;
    queue.set([dueAt, version, ordinal], { payload, keysIfUndelivered, backoffSchedule: waits });
  });
}
