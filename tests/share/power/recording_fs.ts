/**
 * `node:fs` as the engine uses it, which tells a recorder of each call that changes or syncs a
 * database, its sidecar or its lock file: an import map gives it to the engine in place of the real
 * one.
 *
 * The recorder hears of a call before it is made and after it has returned. It may also choose a
 * call at which this process kills itself with `kill -9`: before the call, behind a part of a
 * write, or behind the call. To the file, a kill at any other moment is the same as one of these.
 * A write that the process does not survive counts as one that did not wait for the medium.
 */

import type * as FileSystem from "node:fs";
import { createRequire } from "node:module";

const real = createRequire(import.meta.url)("node:fs") as typeof FileSystem;

/** The files that are recorded: the database, the sidecar, and the lock file. */
export type FileKind = "main" | "side" | "lock";

/** What a call does; a `through` is a write that waits for the medium. */
export type CallKind = "write" | "through" | "truncate" | "sync";

/** A call. */
export interface Call {
  readonly file: FileKind;
  readonly kind: CallKind;
  /** Where it writes, or the size that a truncation leaves. */
  readonly position: number;
  readonly bytes: Uint8Array;
}

/** Where in a call the process dies, if it does. */
export type Fate = "lives" | "before" | "half" | "after";

/** Hears of calls. */
export interface Recorder {
  /** Decides what becomes of the call that is about to be made. */
  fateOf(file: FileKind): Fate;
  /** A call begins; returns its number. */
  issue(call: Call): number;
  /** A call has returned, and so did what it asked for. */
  done(number: number): void;
  /** For how long a call that waits for the medium is held up, in milliseconds. */
  pauseMs(): number;
}

const NOTHING = new Uint8Array(0);
const SECTOR_BYTES = 512;
const bell = new Int32Array(new SharedArrayBuffer(4));

let recorder: Recorder | undefined;
let database = "";

/** A descriptor of a recorded file, and whether its writes wait for the medium. */
interface Opened {
  readonly file: FileKind;
  readonly isThrough: boolean;
}

const opened = new Map<number, Opened>();

/** Records the calls for a database from now on; without a recorder, none. */
export function recordCalls(path: string, to: Recorder | undefined): void {
  database = path;
  recorder = to;
}

function die(): never {
  Deno.kill(Deno.pid, "SIGKILL");
  throw new Error("a process outlives its kill");
}

function fileAt(path: unknown): FileKind | undefined {
  if (path === database) return "main";
  if (path === `${database}-shared`) return "side";
  return path === `${database}-lock` ? "lock" : undefined;
}

export function openSync(
  path: FileSystem.PathLike,
  flags: FileSystem.OpenMode,
  mode?: FileSystem.Mode,
): number {
  const descriptor = real.openSync(path, flags, mode);
  const file = fileAt(path);
  const isThrough = typeof flags === "number" && (flags & real.constants.O_DSYNC) !== 0;
  if (file !== undefined) opened.set(descriptor, { file, isThrough });
  return descriptor;
}

export function closeSync(descriptor: number): void {
  opened.delete(descriptor);
  real.closeSync(descriptor);
}

/** The bytes of a write that a kill interrupts, which ends between two sectors of the file. */
function halfOf(position: number, length: number): number {
  const end = position + length / 2;
  return Math.max(0, Math.min(length, end - end % SECTOR_BYTES - position));
}

function writeRecorded(
  to: Recorder,
  { file, isThrough }: Opened,
  bytes: Uint8Array,
  position: number,
  write: (length: number) => number,
): number {
  const fate = to.fateOf(file);
  if (fate === "before") die();
  const length = fate === "half" ? halfOf(position, bytes.length) : bytes.length;
  const isForced = isThrough && fate === "lives";
  const kind = isForced ? "through" : "write";
  const number = to.issue({ file, kind, position, bytes: bytes.subarray(0, length) });
  if (isForced) Atomics.wait(bell, 0, 0, to.pauseMs());
  const count = write(length);
  if (count !== length) throw new Error(`a write of ${length} bytes wrote ${count}`);
  to.done(number);
  if (fate !== "lives") die();
  return count;
}

export function writeSync(
  descriptor: number,
  source: Uint8Array,
  start: number,
  length: number,
  position: number,
): number {
  const file = opened.get(descriptor);
  const write = (count: number) => real.writeSync(descriptor, source, start, count, position);
  if (recorder === undefined || file === undefined) return write(length);
  const bytes = source.subarray(start, start + length);
  return writeRecorded(recorder, file, bytes, position, write);
}

export function ftruncateSync(descriptor: number, size: number): void {
  const { file } = opened.get(descriptor) ?? {};
  if (recorder === undefined || file === undefined) return real.ftruncateSync(descriptor, size);
  const fate = recorder.fateOf(file);
  if (fate === "before" || fate === "half") die();
  const number = recorder.issue({ file, kind: "truncate", position: size, bytes: NOTHING });
  real.ftruncateSync(descriptor, size);
  recorder.done(number);
  if (fate === "after") die();
}

/** Syncs; a process that dies in a sync does not know whether it succeeded. */
function syncRecorded(descriptor: number, sync: (descriptor: number) => void): void {
  const { file } = opened.get(descriptor) ?? {};
  if (recorder === undefined || file === undefined) return sync(descriptor);
  const fate = recorder.fateOf(file);
  if (fate === "before") die();
  const number = recorder.issue({ file, kind: "sync", position: 0, bytes: NOTHING });
  if (fate === "half") die();
  Atomics.wait(bell, 0, 0, recorder.pauseMs());
  sync(descriptor);
  if (fate === "after") die();
  recorder.done(number);
}

export const fdatasyncSync = (descriptor: number) => syncRecorded(descriptor, real.fdatasyncSync);
export const fsyncSync = (descriptor: number) => syncRecorded(descriptor, real.fsyncSync);

export function fdatasync(descriptor: number, callback: FileSystem.NoParamCallback): void {
  const { file } = opened.get(descriptor) ?? {};
  if (recorder === undefined || file === undefined) return real.fdatasync(descriptor, callback);
  const to = recorder;
  const number = to.issue({ file, kind: "sync", position: 0, bytes: NOTHING });
  real.fdatasync(descriptor, (error) => {
    if (error === null) to.done(number);
    callback(error);
  });
}

/** The lock file is read and written as Deno's files are: at the place of the last seek. */
function recordLockFile(file: Deno.FsFile): void {
  const { seekSync, writeSync } = file;
  let position = 0;
  file.seekSync = (offset, whence) => position = seekSync.call(file, offset, whence);
  file.writeSync = (bytes) => {
    const write = (count: number) => writeSync.call(file, bytes.subarray(0, count));
    if (recorder === undefined) return write(bytes.length);
    return writeRecorded(recorder, { file: "lock", isThrough: false }, bytes, position, write);
  };
}

const { openSync: openFile } = Deno;
Deno.openSync = (path, options) => {
  const file = openFile(path, options);
  if (fileAt(path) === "lock") recordLockFile(file);
  return file;
};

export const {
  constants,
  existsSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsync,
  linkSync,
  lstatSync,
  promises,
  read,
  readSync,
  realpathSync,
  renameSync,
  statSync,
  statfsSync,
  unlinkSync,
  write,
} = real;
