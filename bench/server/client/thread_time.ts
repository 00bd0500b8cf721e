/**
 * The processor time of the thread that asks, which a busy machine does not lengthen as it does the
 * time that passes.
 */

const CLOCK_THREAD_CPUTIME_ID = 3;
const NS_PER_MS = 1e6;
const SYMBOLS = { clock_gettime: { parameters: ["i32", "buffer"], result: "i32" } } as const;

/**
 * A clock of the processor time of this thread, in milliseconds; undefined on a system other than
 * Linux.
 */
export function threadClock(): (() => number) | undefined {
  if (Deno.build.os !== "linux") return undefined;
  // The library stays open with the process, as the clock may be read until its end.
  const { symbols } = Deno.dlopen("libc.so.6", SYMBOLS);
  const time = new BigInt64Array(2);
  return () => {
    symbols.clock_gettime(CLOCK_THREAD_CPUTIME_ID, time);
    return Number(time[0]) * 1000 + Number(time[1]) / NS_PER_MS;
  };
}
