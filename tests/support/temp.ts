/**
 * Folders that live as long as a test.
 */

/** Runs a callback with the path of a new folder, which is removed afterwards. */
export function inTempDir<T>(body: (dir: string) => T): T {
  const dir = Deno.makeTempDirSync({ prefix: "quire-test-" });
  const remove = () => Deno.removeSync(dir, { recursive: true });
  let result: T | undefined;
  try {
    result = body(dir);
  } finally {
    if (!(result instanceof Promise)) remove();
  }
  return result instanceof Promise ? result.finally(remove) as T : result;
}
