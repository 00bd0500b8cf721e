/**
 * Slower syncs for a child process: compiles `slow_syncs.c`, whose comment says what it slows.
 */

import { fileURLToPath } from "node:url";

const SOURCE = fileURLToPath(new URL("./slow_syncs.c", import.meta.url));

/** The compiled library, or the reason why there is none. */
export type SlowSyncs = { readonly library: string } | { readonly absent: string };

/** Compiles the library into a folder. */
export async function compileSlowSyncs(
  folder: string,
  signal: AbortSignal,
  compiler = "cc",
): Promise<SlowSyncs> {
  if (Deno.build.os !== "linux") return { absent: "the library needs Linux" };
  const library = `${folder}/slow_syncs.so`;
  const args = ["-shared", "-fPIC", "-O2", "-o", library, SOURCE, "-ldl"];
  try {
    const { success, stderr } = await new Deno.Command(compiler, { args, signal }).output();
    signal.throwIfAborted();
    if (success) return { library };
    const [line] = new TextDecoder().decode(stderr).split("\n");
    return { absent: `${compiler} failed: ${line}` };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      return { absent: `there is no compiler, ${compiler}` };
    }
    throw error;
  }
}

/** The environment of a process whose syncs take some milliseconds longer. */
export function slowEnvironment(library: string, syncMs: number): Record<string, string> {
  return { LD_PRELOAD: library, SLOW_US: String(Math.round(syncMs * 1000)) };
}
