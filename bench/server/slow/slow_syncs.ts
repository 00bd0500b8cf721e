/**
 * Slower syncs for a child process: compiles `slow_syncs.c`, whose comment says what it slows.
 */

import { compileLibrary, type SlowLibrary } from "./slow_library.ts";

/** Compiles the library into a folder. */
export function compileSlowSyncs(
  folder: string,
  signal: AbortSignal,
  compiler = "cc",
): Promise<SlowLibrary> {
  return compileLibrary("slow_syncs", folder, signal, compiler);
}

/** The environment of a process whose syncs take some milliseconds longer. */
export function slowEnvironment(library: string, syncMs: number): Record<string, string> {
  return { LD_PRELOAD: library, SLOW_US: String(Math.round(syncMs * 1000)) };
}
