/**
 * The files that a power cut leaves of a shared database: the image itself, and what lies beside
 * it. Nothing beside it is ever synced, so each of those files may be gone, old, or anything.
 */

import { existsSync } from "node:fs";
import type { Blocks } from "../../support/files/blocks.ts";
import type { Random } from "../../support/random.ts";

const SECTOR_BYTES = 512;

/** What is left of a file that was not synced. */
export type Left = "gone" | "empty" | "new" | "old" | "torn" | "anything";

const LEFT: readonly Left[] = ["gone", "gone", "new", "new", "old", "empty", "torn", "anything"];

/** What the sidecar and the lock file have at a moment. */
export interface Beside {
  readonly side: Uint8Array;
  readonly lock: Uint8Array;
}

/** Writes the files of a power cut; returns what is left of the sidecar and the lock file. */
export function writeCut(
  path: string,
  content: Blocks,
  now: Beside,
  before: Beside,
  random: Random,
): string {
  writeSparse(path, content);
  const side = writeBeside(`${path}-shared`, now.side, before.side, random);
  const lock = writeBeside(`${path}-lock`, now.lock, before.lock, random);
  remove(`${path}-here`);
  if (random.once(2)) Deno.writeFileSync(`${path}-here`, new Uint8Array(0));
  return `sidecar ${side}, lock file ${lock}`;
}

/** Writes an image, whose zeros take no space. */
function writeSparse(path: string, content: Blocks): void {
  using file = Deno.openSync(path, { write: true, create: true, truncate: true });
  content.writeTo((bytes, position) => {
    file.seekSync(position, Deno.SeekMode.Start);
    if (file.writeSync(bytes) !== bytes.length) throw new Error(`${path} is cut`);
  });
  file.truncateSync(content.size);
}

/** Removes the files. */
export function removeCut(path: string): void {
  for (const end of ["", "-shared", "-lock", "-here"]) remove(`${path}${end}`);
}

function remove(path: string): void {
  if (existsSync(path)) Deno.removeSync(path);
}

function writeBeside(path: string, now: Uint8Array, before: Uint8Array, random: Random): Left {
  const left = random.pick(LEFT);
  if (left === "gone") remove(path);
  else Deno.writeFileSync(path, bytesOf(left, now, before, random));
  return left;
}

function bytesOf(left: Left, now: Uint8Array, before: Uint8Array, random: Random): Uint8Array {
  if (left === "empty") return new Uint8Array(0);
  if (left === "new") return now;
  if (left === "anything") return Uint8Array.from(now, () => random.below(256));
  if (left === "old") return before;
  const torn = now.slice();
  for (let at = 0; at < torn.length; at += SECTOR_BYTES) {
    if (random.once(2)) torn.set(before.subarray(at, at + SECTOR_BYTES), at);
  }
  return torn;
}
