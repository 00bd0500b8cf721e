/**
 * Reading a value in parts: as a stream, or a range of its bytes.
 *
 * A stream reads one version of the value, a piece when it is asked for one, and keeps that version
 * until it has been read to its end, is cancelled or fails. What is handed out belongs to whoever
 * gets it.
 */

import type { PageSnapshot } from "../../pager/mod.ts";
import type { BTree } from "../../btree/mod.ts";
import type { TreeSource } from "./tree_source.ts";

/**
 * The value that a tree found last as a stream. Read it to its end, or cancel it: until then old
 * pages are kept, up to `maxSnapshotBytes`.
 *
 * @param source Where the tree is read.
 * @param entries The tree.
 * @returns A stream of pieces of at most 64 KiB. It fails with `ClosedError` when the database, or
 * the snapshot it reads, is closed, with `CorruptionError` where a page is damaged, and with
 * `SnapshotTooOldError` when the pages that it keeps become too many.
 * @throws {TypeError} A transaction is open: a stream is read after its end.
 */
export function streamFound(source: TreeSource, entries: BTree): ReadableStream<Uint8Array> {
  const kept = source.keepVersion();
  if (kept === undefined && entries.isLive) {
    throw new TypeError("Cannot get a stream: a transaction is open");
  }
  const { bytes, at, length } = entries.found;
  if (length < 0) {
    const reader = entries.runsOf(entries.found, kept);
    return streamOf(source, reader.pieces(), reader.length, kept);
  }
  const pieces = [bytes.slice(at, at + length)];
  return streamOf(source, pieces.values(), length, kept);
}

/** A stream of pieces that are so many bytes together, the last of which lets the version go. */
function streamOf(
  source: TreeSource,
  pieces: Iterator<Uint8Array>,
  length: number,
  kept: PageSnapshot | undefined,
): ReadableStream<Uint8Array> {
  let left = length;
  const pull = (controller: ReadableStreamDefaultController<Uint8Array>) => {
    try {
      source.checkOpen();
      const piece = left === 0 ? undefined : pieces.next().value as Uint8Array;
      if (piece !== undefined) controller.enqueue(piece);
      left -= piece?.length ?? 0;
      if (left > 0) return;
      controller.close();
    } catch (error) {
      controller.error(error);
    }
    kept?.close();
  };
  // Nothing is read before it is asked for.
  return new ReadableStream({ pull, cancel: () => kept?.close() }, { highWaterMark: 0 });
}

/**
 * The bytes of the value that a tree found last from `start` on and below `end`, as `slice` has
 * them. Pages outside of the range are not read.
 */
export function rangeFound(
  source: TreeSource,
  entries: BTree,
  start: number,
  end: number,
): Uint8Array {
  const { bytes, at, length } = entries.found;
  const runs = length < 0 ? entries.runsOf(entries.found) : undefined;
  const to = Math.min(end, runs?.length ?? length);
  const from = Math.min(start, to);
  return runs?.read(from, to) ?? source.slab.copy(bytes, at + from, to - from);
}

/**
 * Refuses what is no position in a value.
 *
 * @throws {RangeError} It is none.
 */
export function checkBound(bound: number): void {
  if (Number.isSafeInteger(bound) && bound >= 0) return;
  throw new RangeError(`Cannot get a range: ${bound} is no position in a value`);
}
