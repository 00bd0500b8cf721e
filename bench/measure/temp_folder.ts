/**
 * A folder for the database of one run, which is removed at the end.
 */

/** Runs work in a new folder, and removes the folder. */
export async function inTempFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = Deno.makeTempDirSync({ prefix: "quire-bench-" });
  try {
    return await work(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}
