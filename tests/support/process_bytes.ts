/**
 * The bytes that the process reads and writes, as Linux counts them: for calls that take paths, and
 * so no `FaultyFile`.
 */

/** Bytes that system calls have read and written. */
export interface ProcessBytes {
  /** Read. */
  readonly read: number;
  /** Written. */
  readonly written: number;
}

/** The bytes that an action reads and writes; undefined where the system does not count them. */
export async function processBytesOf(
  action: () => Promise<unknown>,
): Promise<ProcessBytes | undefined> {
  const before = counters();
  await action();
  const after = counters();
  if (before === undefined || after === undefined) return undefined;
  return { read: after.read - before.read, written: after.written - before.written };
}

function counters(): ProcessBytes | undefined {
  if (Deno.build.os !== "linux") return undefined;
  const text = Deno.readTextFileSync("/proc/self/io");
  const count = (name: string) => Number(new RegExp(`${name}: (\\d+)`).exec(text)![1]);
  return { read: count("rchar"), written: count("wchar") };
}
