/**
 * Folders that live as long as a test.
 */

/** Runs something with the path of a fresh folder, which is gone afterwards. */
export function inTempDir<T>(body: (dir: string) => T): T {
  const dir = Deno.makeTempDirSync({ prefix: "quire-test-" });
  try {
    return body(dir);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}
