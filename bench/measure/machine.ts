/**
 * The machine, its load, and the costs of its basic operations, which put the figures of a run in
 * context.
 */

import * as fs from "node:fs";
import * as os from "node:os";
import { figureOf } from "./figures.ts";

const PAGE_BYTES = 4096;

/** The machine and the runtime. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly deno: string;
  readonly v8: string;
}

/** The costs of basic operations, as medians. */
export interface Limits {
  /** A read of one byte from the system's cache, in microseconds. */
  readonly syscallUs: number;
  /** A read of 8 KiB from the system's cache, in microseconds. */
  readonly read8KUs: number;
  /** Copying memory, in GB/s. */
  readonly copyGBs: number;
  /** A write of 4 KiB on a descriptor with O_DSYNC, over bytes that exist, in microseconds. */
  readonly dsyncWriteUs: number;
  /** A write of 4 KiB and `fdatasync`, over bytes that exist, in microseconds. */
  readonly writeSyncUs: number;
  /** Writing 64 MiB to a new file with one sync at the end, in MB/s. */
  readonly diskMBs: number;
}

/** What the machine is. */
export function machineOf(): Machine {
  return {
    processor: os.cpus()[0]?.model ?? "unknown",
    cores: os.cpus().length,
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    system: `${os.type()} ${os.release()} ${os.arch()}`,
    deno: Deno.version.deno,
    v8: Deno.version.v8,
  };
}

/** The load average of the last minute. */
export function loadOf(): number {
  return Number(os.loadavg()[0]!.toFixed(2));
}

/** The peak memory of this process in bytes, or its current memory if the peak is unknown. */
export function peakMemory(): number {
  const peak = statusField("/proc/self/status", "VmHWM");
  return peak === undefined ? Deno.memoryUsage().rss : peak * 1024;
}

/** Resets the peak memory, if the system can. */
export function resetPeakMemory(): void {
  try {
    Deno.writeTextFileSync("/proc/self/clear_refs", "5");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** The bytes that this process has written, or undefined if unknown. */
export function bytesWritten(): number | undefined {
  return statusField("/proc/self/io", "wchar");
}

/** Bytes that this process has read by system calls, or undefined where the system does not say. */
export function bytesRead(): number | undefined {
  return statusField("/proc/self/io", "rchar");
}

function statusField(path: string, name: string): number | undefined {
  try {
    const match = new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(Deno.readTextFileSync(path));
    return match === null ? undefined : Number(match[1]);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** The size of a file with its companion files, or of all files of a folder. */
export function bytesOnDisk(folder: string): number {
  let bytes = 0;
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = `${folder}/${name}`;
    bytes += isDirectory ? bytesOnDisk(path) : Deno.statSync(path).size;
  }
  return bytes;
}

/** Measures the limits in a folder. */
export function limitsOf(folder: string): Limits {
  using bare = new BareFile(`${folder}/limits`);
  return {
    syscallUs: medianUs(5000, () => bare.read(1)),
    read8KUs: medianUs(5000, () => bare.read(2 * PAGE_BYTES)),
    copyGBs: copySpeed(),
    dsyncWriteUs: medianUs(300, () => bare.writeThrough()),
    writeSyncUs: medianUs(300, () => bare.writeAndSync()),
    diskMBs: diskSpeed(`${folder}/speed`),
  };
}

function medianUs(count: number, work: () => void): number {
  const samples = Array.from({ length: count }, () => {
    const start = performance.now();
    work();
    return (performance.now() - start) * 1000;
  });
  return Number(figureOf(samples).median.toFixed(2));
}

function copySpeed(): number {
  const from = new Uint8Array(64 * 2 ** 20).fill(1);
  const to = new Uint8Array(from.length);
  const us = medianUs(9, () => to.set(from));
  return Number((from.length / us / 1000).toFixed(1));
}

function diskSpeed(path: string): number {
  const bytes = new Uint8Array(2 * 2 ** 20).fill(1);
  const us = medianUs(5, () => {
    const descriptor = fs.openSync(path, "w");
    for (let i = 0; i < 32; i++) fs.writeSync(descriptor, bytes, 0, bytes.length, i * bytes.length);
    fs.fdatasyncSync(descriptor);
    fs.closeSync(descriptor);
    fs.rmSync(path);
  });
  return Math.round(32 * bytes.length / us);
}

/** A file of zeros, to measure basic operations. */
export class BareFile {
  static readonly #bytes = 4 * 2 ** 20;
  readonly #descriptor: number;
  readonly #through: number;
  readonly #path: string;
  readonly #page = new Uint8Array(PAGE_BYTES).fill(1);
  readonly #target = new Uint8Array(2 * PAGE_BYTES);
  #at = 0;

  /** Makes it. */
  constructor(path: string) {
    this.#path = path;
    fs.writeFileSync(path, new Uint8Array(BareFile.#bytes));
    const { O_RDWR, O_DSYNC } = fs.constants;
    this.#descriptor = fs.openSync(path, O_RDWR);
    this.#through = fs.openSync(path, O_RDWR | (O_DSYNC ?? fs.constants.O_SYNC));
    fs.fdatasyncSync(this.#descriptor);
  }

  /** Reads some bytes, 8 KiB at most. */
  read(length: number): void {
    fs.readSync(this.#descriptor, this.#target, 0, length, this.#advance());
  }

  /** Writes 4 KiB; they are on the medium when it returns. */
  writeThrough(): void {
    fs.writeSync(this.#through, this.#page, 0, PAGE_BYTES, this.#advance());
  }

  /** Writes 4 KiB and syncs. */
  writeAndSync(): void {
    fs.writeSync(this.#descriptor, this.#page, 0, PAGE_BYTES, this.#advance());
    fs.fdatasyncSync(this.#descriptor);
  }

  #advance(): number {
    this.#at = (this.#at + 2 * PAGE_BYTES) % BareFile.#bytes;
    return this.#at;
  }

  /** Closes and removes it. */
  [Symbol.dispose](): void {
    fs.closeSync(this.#descriptor);
    fs.closeSync(this.#through);
    fs.rmSync(this.#path);
  }
}
