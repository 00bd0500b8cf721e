/**
 * Libraries that make calls to the system slower in a child process: compiles one from its source.
 */

import { fileURLToPath } from "node:url";

/** The compiled library, or the reason why there is none. */
export type SlowLibrary = { readonly library: string } | { readonly absent: string };

/**
 * Compiles a library into a folder.
 *
 * @param name The name of its source beside this file, without ".c".
 */
export async function compileLibrary(
  name: string,
  folder: string,
  signal: AbortSignal,
  compiler: string,
): Promise<SlowLibrary> {
  if (Deno.build.os !== "linux") return { absent: "the library needs Linux" };
  const source = fileURLToPath(new URL(`./${name}.c`, import.meta.url));
  const library = `${folder}/${name}.so`;
  const args = ["-shared", "-fPIC", "-O2", "-o", library, source, "-ldl"];
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
