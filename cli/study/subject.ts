/**
 * What a study reads: a file, and the ways to it that this system and the granted permissions
 * offer. A way that is absent has a reason, which the chapters show.
 */

import { Buffer } from "node:buffer";
import * as fs from "node:fs";
import { alignedBytes, type FileMapping } from "../../pager/mod.ts";
import { messageOf } from "../io/exit.ts";

/** The largest read. */
export const READ_BYTES_MAX: number = 8 * 1024 * 1024;
/** The size of the blocks in which systems cache files. */
export const BLOCK_BYTES = 4096;

/** Something, or the reason why there is none. */
export type Available<T> = { readonly value: T } | { readonly absent: string };

/** Reads past the system's cache. */
export interface DirectReads {
  readonly descriptor: number;
  /** The least that it reads, in bytes; every position and length is a multiple of it. */
  readonly unit: number;
}

/** A file to read. */
export interface Subject {
  readonly descriptor: number;
  readonly bytes: number;
  readonly direct: Available<DirectReads>;
  /** Drops the file from the system's cache. */
  readonly drop: Available<() => void>;
  /** Takes notice of a read that brings bytes into the system's cache. */
  noteRead(length: number, position: number): void;
  /** The file in the address space. */
  readonly mapping: Available<FileMapping>;
  /** The bytes that devices have moved for this process. */
  readonly moved: Available<() => number>;
}

/** A buffer for all reads, at an address that direct reads take. */
const into: Buffer = bufferOf(alignedBytes(READ_BYTES_MAX));

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Reads bytes of a descriptor, and drops them. */
export function readAt(descriptor: number, length: number, position: number): void {
  fs.readSync(descriptor, into, 0, length, position);
}

/** Reads a word of every line of the processor's cache of the bytes that were read last. */
export function sumRead(length: number): number {
  return sumLines(into, 0, length);
}

/** Reads a word of every line of the processor's cache. */
export function sumLines(bytes: Uint8Array, start: number, length: number): number {
  let sum = 0;
  for (let at = start; at < start + length; at += 64) sum = (sum + bytes[at]!) | 0;
  return sum;
}

/** The flags that open a file for reads or writes past the cache; undefined if there are none. */
export function directFlags(access: number): number | undefined {
  const { O_DIRECT } = fs.constants;
  return Deno.build.os === "linux" && O_DIRECT !== undefined ? access | O_DIRECT : undefined;
}

/** Opens a path for direct reads. The descriptor is the caller's to close. */
export function openDirect(path: string, access: number): Available<DirectReads> {
  const flags = directFlags(access);
  if (flags === undefined) return { absent: "it needs Linux" };
  let descriptor: number;
  try {
    descriptor = fs.openSync(path, flags);
  } catch (error) {
    return { absent: `the file system refuses it (${messageOf(error)})` };
  }
  for (let unit = 512; unit <= BLOCK_BYTES; unit *= 2) {
    if (canRead(descriptor, unit)) return { value: { descriptor, unit } };
  }
  fs.closeSync(descriptor);
  return { absent: `the file system refuses reads of ${BLOCK_BYTES} bytes at their boundaries` };
}

/** Whether reads of a size at its multiples are taken. */
function canRead(descriptor: number, unit: number): boolean {
  try {
    fs.readSync(descriptor, into, 0, unit, unit);
    return true;
  } catch {
    return false;
  }
}

/** A value, or undefined. */
export function valueOf<T>(available: Available<T>): T | undefined {
  return "value" in available ? available.value : undefined;
}

/** A note for each absent thing. */
export function absences(things: Readonly<Record<string, Available<unknown>>>): string[] {
  return Object.entries(things).flatMap(([name, thing]) =>
    "absent" in thing ? [`Not measured: ${name}: ${thing.absent}.`] : []
  );
}
