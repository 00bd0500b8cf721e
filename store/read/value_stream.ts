/**
 * Reads a value in parts: as a stream, or a range of its bytes.
 *
 * A stream reads one version of the value, a piece on each pull. It keeps that version until it is
 * read to its end, cancelled or fails. The consumer owns the pieces.
 */

import type { BTree } from "../../btree/mod.ts";
import type { PageSnapshot } from "../../pager/mod.ts";
import type { TreeSource } from "./tree_source.ts";

/**
 * Streams the value that a tree found last. Read the stream to its end, or cancel it: until then it
 * keeps old pages, up to `maxSnapshotBytes`.
 *
 * @param source The source of the tree.
 * @param btree The tree.
 * @returns A stream of pieces of at most 64 KiB. It fails with `ClosedError` when the database, or
 * the snapshot it reads, is closed, with `CorruptionError` at a damaged page, and with
 * `SnapshotTooOldError` when the kept pages exceed their limit.
 * @throws {TypeError} A transaction is open, which would end before the stream.
 */
export function streamFound(source: TreeSource, btree: BTree): ReadableStream<Uint8Array> {
  const kept = source.keepVersion();
  if (kept === undefined && btree.isLive) {
    throw new TypeError("Cannot get a stream: a transaction is open");
  }
  const { bytes, at, length } = btree.found;
  if (length < 0) {
    const reader = btree.runsOf(btree.found, kept);
    return streamOf(source, reader.pieces(), reader.length, kept);
  }
  const pieces = [bytes.slice(at, at + length)];
  return streamOf(source, pieces.values(), length, kept);
}

/** A stream of pieces with a given total length; the last piece releases the version. */
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
  // A high-water mark of 0 reads nothing before the first pull.
  return new ReadableStream({ pull, cancel: () => kept?.close() }, { highWaterMark: 0 });
}

/**
 * Reads the bytes from `start` to `end`, as for `slice`, of the value that a tree found last. Pages
 * outside the range are not read.
 */
export function rangeFound(
  source: TreeSource,
  btree: BTree,
  start: number,
  end: number,
): Uint8Array {
  const { bytes, at, length } = btree.found;
  const runs = length < 0 ? btree.runsOf(btree.found) : undefined;
  const to = Math.min(end, runs?.length ?? length);
  const from = Math.min(start, to);
  return runs?.read(from, to) ?? source.slab.copy(bytes, at + from, to - from);
}

/**
 * Refuses a bound that is not an offset in a value.
 *
 * @throws {RangeError} It is not a whole number from 0 on.
 */
export function checkBound(bound: number): void {
  if (Number.isSafeInteger(bound) && bound >= 0) return;
  throw new RangeError(`Cannot read part of a value: ${bound} is not an offset in bytes`);
}
