/**
 * Calls of the system that Deno and Node do not offer: mappings of files and of memory, and advice
 * about the system's cache. They are calls to the C library by FFI, on Linux only, and need
 * `--allow-ffi`.
 *
 * 1. Access to a mapping beyond the end of its file, or to bytes that the medium cannot return,
 *    ends the process by a signal. No error can be caught.
 * 2. `whyNoLibc` never prompts for a permission.
 */

import { constants } from "node:os";
import { IoError } from "../format/errors.ts";
import { noteAligned } from "./aligned_bytes.ts";

const LIBRARY = "libc.so.6";
const SYMBOLS = {
  mmap: {
    parameters: ["pointer", "usize", "i32", "i32", "i32", "i64"],
    result: "pointer",
  },
  // The same calls, for memory that is mapped already.
  mapOver: {
    name: "mmap",
    parameters: ["buffer", "usize", "i32", "i32", "i32", "i64"],
    result: "pointer",
  },
  adviseOn: { name: "madvise", parameters: ["buffer", "usize", "i32"], result: "i32" },
  munmap: { parameters: ["pointer", "usize"], result: "i32" },
  madvise: { parameters: ["pointer", "usize", "i32"], result: "i32" },
  posix_fadvise: { parameters: ["i32", "i64", "i64", "i32"], result: "i32" },
  __errno_location: { parameters: [], result: "pointer" },
} as const;

const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;
const MAP_PRIVATE = 2;
const MAP_FIXED = 0x10;
const MAP_ANONYMOUS = 0x20;
/** The system takes no memory into account before it is written. */
const MAP_NORESERVE = 0x4000;
const NO_DESCRIPTOR = -1;
/** The size of a huge page. */
const HUGE_BYTES = 2 * 1024 * 1024;
/** What `mmap` returns when it fails: -1 as a pointer. */
const MAP_FAILED = 2n ** 64n - 1n;

/** The numbers of Linux for advice, about mappings and about descriptors. */
const ADVICE = { normal: 0, random: 1, sequential: 2, dontNeed: 4 } as const;
const MADV_HUGEPAGE = 14;

/** An expected order of reads, or `dontNeed`: drop what is in memory. */
export type Advice = "normal" | "random" | "sequential" | "dontNeed";

/** A file in the address space. */
export interface FileMapping {
  /** Its bytes. */
  readonly bytes: Uint8Array;
  /** Gives advice about all of it. */
  advise(advice: Advice): void;
  /** Ends it, and detaches `bytes`, which has no bytes from then on. */
  unmap(): void;
}

/** Memory apart from the heap. */
export interface MemoryMapping {
  /** Zeros at first. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Ends it, and detaches `bytes`, which has no bytes from then on. */
  release(): void;
}

/** The calls of the C library that the pager makes. */
export interface Libc {
  /**
   * Maps memory that begins at a multiple of 2 MiB, in pages of that size where the system has
   * them. It is the process's until it is released.
   *
   * @throws {IoError} The system refused.
   */
  mapMemory(length: number): MemoryMapping;
  /**
   * Reserves memory of small pages, which begins at a multiple of 2 MiB, for `showFile`.
   *
   * @throws {IoError} The system refused.
   */
  reserveMemory(length: number): MemoryMapping;
  /**
   * Shows bytes of a file in reserved memory, instead of what was there. A page that is written in
   * memory is a private copy from then on; the others show what is in the file, also when that
   * changes. Position and length are multiples of 2 MiB, and the file must have all these bytes.
   *
   * @throws {IoError} The system refused, and may have taken the memory away.
   */
  showFile(target: Uint8Array<ArrayBuffer>, descriptor: number, position: number): void;
  /** Gives the pages of reserved memory back: what shows a file shows it again, else zeros. */
  dropCopies(target: Uint8Array<ArrayBuffer>): void;
  /**
   * Makes reserved memory zeros that show no file.
   *
   * @throws {IoError} The system refused; the memory is as it was.
   */
  clearMemory(target: Uint8Array<ArrayBuffer>): void;
  /**
   * Maps the first bytes of a file for reading.
   *
   * @throws {IoError} The system refused.
   */
  mapFile(descriptor: number, length: number): FileMapping;
  /**
   * Gives advice about all of a file. `dontNeed` drops its bytes from the system's cache, except
   * those that are not on the medium yet and those that are mapped.
   *
   * @throws {IoError} The system refused.
   */
  advise(descriptor: number, advice: Advice): void;
}

/** The reason why there are no such calls here; undefined if there are. */
export function whyNoLibc(): string | undefined {
  if (Deno.build.os !== "linux") return "it needs Linux";
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") {
    return "it needs --allow-ffi";
  }
  try {
    loadLibrary();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/**
 * Loads the calls.
 *
 * @throws {IoError} There are none here.
 */
export function openLibc(): Libc {
  const reason = whyNoLibc();
  if (reason !== undefined) throw new IoError(`Cannot call the C library: ${reason}`);
  const { symbols } = loadLibrary();
  return {
    mapMemory: (length) => mapMemory(symbols, length, 0, MADV_HUGEPAGE),
    reserveMemory: (length) => mapMemory(symbols, length, MAP_NORESERVE, ADVICE.normal),
    showFile: (target, descriptor, position) => {
      mapOver(symbols, target, MAP_PRIVATE | MAP_NORESERVE, descriptor, position);
    },
    clearMemory: (target) => {
      const flags = MAP_PRIVATE | MAP_NORESERVE | MAP_ANONYMOUS;
      mapOver(symbols, target, flags, NO_DESCRIPTOR, 0);
    },
    dropCopies: (target) => {
      if (symbols.adviseOn(target, BigInt(target.byteLength), ADVICE.dontNeed) === 0) return;
      throw refused("drop the copies of pages", lastError(symbols));
    },
    mapFile: (descriptor, length) => mapFile(symbols, descriptor, length),
    advise(descriptor, advice) {
      // It returns the number of the error.
      const number = symbols.posix_fadvise(descriptor, 0n, 0n, ADVICE[advice]);
      if (number !== 0) throw refused("advise the system about a file", number);
    },
  };
}

type Library = Deno.DynamicLibrary<typeof SYMBOLS>;

/** Loaded once; it stays for the life of the process, as the C library itself does. */
let library: Library | undefined;

function loadLibrary(): Library {
  return library ??= Deno.dlopen(LIBRARY, SYMBOLS);
}

function mapMemory(
  symbols: Library["symbols"],
  length: number,
  flags: number,
  advice: number,
): MemoryMapping {
  // The address is any page of the system's; the first huge page in it is within this.
  const size = BigInt(length + HUGE_BYTES);
  const all = MAP_PRIVATE | MAP_ANONYMOUS | flags;
  const pointer = map(symbols, size, PROT_READ | PROT_WRITE, all, NO_DESCRIPTOR);
  const address = Deno.UnsafePointer.value(pointer);
  const huge = BigInt(HUGE_BYTES);
  const start = Deno.UnsafePointer.create((address + huge - 1n) / huge * huge)!;
  // A system without huge pages refuses; then its pages are small.
  symbols.madvise(start, BigInt(length), advice);
  const buffer = Deno.UnsafePointerView.getArrayBuffer(start, length);
  return {
    bytes: noteAligned(new Uint8Array(buffer)),
    release() {
      buffer.transfer(0);
      symbols.munmap(pointer, size);
    },
  };
}

function map(
  symbols: Library["symbols"],
  size: bigint,
  protection: number,
  flags: number,
  descriptor: number,
): Deno.PointerObject {
  const pointer = symbols.mmap(null, size, protection, flags, descriptor, 0n);
  if (pointer !== null && Deno.UnsafePointer.value(pointer) !== MAP_FAILED) return pointer;
  throw refused(`map ${size} bytes`, lastError(symbols));
}

function mapOver(
  symbols: Library["symbols"],
  target: Uint8Array<ArrayBuffer>,
  flags: number,
  descriptor: number,
  position: number,
): void {
  const size = BigInt(target.byteLength);
  const protection = PROT_READ | PROT_WRITE;
  const at = BigInt(position);
  const pointer = symbols.mapOver(target, size, protection, flags | MAP_FIXED, descriptor, at);
  if (pointer !== null && Deno.UnsafePointer.value(pointer) !== MAP_FAILED) return;
  throw refused(`map ${size} bytes`, lastError(symbols));
}

function mapFile(symbols: Library["symbols"], descriptor: number, length: number): FileMapping {
  const size = BigInt(length);
  const pointer = map(symbols, size, PROT_READ, MAP_SHARED, descriptor);
  const buffer = Deno.UnsafePointerView.getArrayBuffer(pointer, length);
  return {
    bytes: new Uint8Array(buffer),
    advise(advice) {
      if (symbols.madvise(pointer, size, ADVICE[advice]) === 0) return;
      throw refused("advise the system about a mapping", lastError(symbols));
    },
    unmap() {
      // A later access finds no bytes, instead of an address that may belong to others by then.
      buffer.transfer(0);
      symbols.munmap(pointer, size);
    },
  };
}

function lastError(symbols: Library["symbols"]): number {
  const pointer = symbols.__errno_location();
  return pointer === null ? 0 : new Deno.UnsafePointerView(pointer).getInt32();
}

function refused(action: string, number: number): IoError {
  const found = Object.entries(constants.errno).find(([, known]) => known === number);
  return new IoError(`Cannot ${action}: the system returned ${found?.[0] ?? `error ${number}`}`);
}
