/**
 * A folder for the database of one run, which is removed at the end.
 */

/** Runs work in a new folder, of the system's or a given one, and removes the folder. */
export async function inTempFolder<T>(
  work: (folder: string) => Promise<T>,
  dir?: string,
): Promise<T> {
  const folder = Deno.makeTempDirSync({ prefix: "quire-bench-", ...dir !== undefined && { dir } });
  try {
    return await work(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}
