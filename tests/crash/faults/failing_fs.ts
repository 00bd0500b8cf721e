/**
 * `node:fs` as the engine uses it, of which the nth call fails: an import map gives it to the
 * engine in place of the real one.
 *
 * A call that fails does nothing, except that a descriptor is closed whatever its close says.
 */

import type * as FileSystem from "node:fs";
import { createRequire } from "node:module";

const real = createRequire(import.meta.url)("node:fs") as typeof FileSystem;

/** How a call fails: with a code; one that reads or writes may also do half of its work. */
export type Failure = "EIO" | "ENOSPC" | "short";

/** The calls so far, and which of them fails. */
export const calls = {
  /** The number of calls: of all, or of those of a name. */
  count: 0,
  /** The name of the call that failed, or did less. */
  hit: "none",
};

let due: { readonly nth: number; readonly how: Failure; readonly only: string | undefined } = {
  nth: -1,
  how: "EIO",
  only: undefined,
};

/**
 * Counts from 0 again, and chooses the call that fails.
 *
 * @param nth Its number, from 0; -1 = none fails.
 * @param only Only calls of this name count.
 */
export function fail(nth: number, how: Failure = "EIO", only?: string): void {
  due = { nth, how, only };
  Object.assign(calls, { count: 0, hit: "none" });
}

type Any = (...args: readonly unknown[]) => unknown;

function isDue(name: string): boolean {
  if (due.only !== undefined && due.only !== name) return false;
  const isNow = calls.count++ === due.nth;
  if (isNow) calls.hit = name;
  return isNow;
}

function failure(name: string): Error {
  const code = due.how === "short" ? "EIO" : due.how;
  return Object.assign(new Error(`${code}: simulated, ${name}`), { code });
}

function failing<T>(name: string, of: T): T {
  const call = of as Any;
  return ((...args: readonly unknown[]) => {
    if (!isDue(name)) return call(...args);
    if (name === "close") call(...args);
    throw failure(name);
  }) as T;
}

/** Reads or writes a part if it is due: the third argument after the bytes is the length. */
function transferring<T>(name: string, of: T): T {
  const call = of as Any;
  return ((...args: readonly unknown[]) => {
    if (!isDue(name)) return call(...args);
    if (due.how !== "short") throw failure(name);
    const [descriptor, bytes, start, length, ...others] = args;
    return call(descriptor, bytes, start, Math.ceil(Number(length) / 2), ...others);
  }) as T;
}

function later<T>(name: string, of: T): T {
  const call = of as Any;
  return ((...args: readonly unknown[]) => {
    if (!isDue(name)) return call(...args);
    const callback = args.at(-1) as (error: Error) => void;
    return setTimeout(() => callback(failure(name)));
  }) as T;
}

function rejecting<T>(name: string, of: T): T {
  const call = of as Any;
  return ((...args: readonly unknown[]) =>
    isDue(name) ? Promise.reject(failure(name)) : call(...args)) as T;
}

export const closeSync = failing("close", real.closeSync);
export const fdatasyncSync = failing("fdatasync", real.fdatasyncSync);
export const fchmodSync = failing("fchmod", real.fchmodSync);
export const fchownSync = failing("fchown", real.fchownSync);
export const fstatSync = failing("fstat", real.fstatSync);
export const fsyncSync = failing("fsync", real.fsyncSync);
export const ftruncateSync = failing("ftruncate", real.ftruncateSync);
export const linkSync = failing("link", real.linkSync);
export const lstatSync = failing("lstat", real.lstatSync);
export const openSync = failing("open", real.openSync);
export const readSync = transferring("pread", real.readSync);
export const realpathSync = failing("realpath", real.realpathSync);
export const renameSync = failing("rename", real.renameSync);
export const statSync = failing("stat", real.statSync);
export const statfsSync = failing("statfs", real.statfsSync);
export const unlinkSync = failing("unlink", real.unlinkSync);
export const writeSync = transferring("pwrite", real.writeSync);

export const fdatasync = later("fdatasync", real.fdatasync);
export const fsync = later("fsync", real.fsync);
export const read = later("pread", real.read);
export const write = later("pwrite", real.write);

export const { constants, existsSync } = real;

export const promises = {
  mkdir: rejecting("mkdir", real.promises.mkdir),
  readdir: rejecting("readdir", real.promises.readdir),
  readFile: rejecting("readFile", real.promises.readFile),
  rmdir: rejecting("rmdir", real.promises.rmdir),
  stat: rejecting("stat", real.promises.stat),
  unlink: rejecting("unlink", real.promises.unlink),
};

const { openSync: openFile } = Deno;
Deno.openSync = failing("open", openFile);
