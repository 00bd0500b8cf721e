/**
 * Slower reads for a child process: compiles `slow_reads.c`, whose comment says what it slows.
 */

import { compileLibrary, type SlowLibrary } from "./slow_library.ts";

/** Compiles the library into a folder. */
export function compileSlowReads(
  folder: string,
  signal: AbortSignal,
  compiler = "cc",
): Promise<SlowLibrary> {
  return compileLibrary("slow_reads", folder, signal, compiler);
}

/** The environment of a process whose reads of a file take some milliseconds longer. */
export function slowReadEnvironment(
  library: string,
  file: string,
  readMs: number,
): Record<string, string> {
  return {
    LD_PRELOAD: library,
    SLOW_READ_US: String(Math.round(readMs * 1000)),
    SLOW_READ_FILE: file,
  };
}
