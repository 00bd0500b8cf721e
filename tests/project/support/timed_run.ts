/**
 * Runs a program, and measures the processor time of it and of all its children that it waited for.
 *
 * A shell runs it, because `times` of the shell is the plain way to learn this: it knows what ended
 * children used.
 */

/** The outcome of a run, and what it cost. */
export interface TimedRun {
  readonly success: boolean;
  readonly out: string;
  readonly err: string;
  /** Seconds from its start to its end. */
  readonly seconds: number;
  /** Seconds of processor time in the programs. */
  readonly user: number;
  /** Seconds of processor time in the system. */
  readonly system: number;
}

/** The last line that `times` prints is that of the children: `1m2.50s 0m3.25s`. */
const TIMED = '"$0" "$@"; code=$?; times >&2; exit $code';
const TIMES = /\S+ \S+\n(\S+) (\S+)\n$/;

/** Runs a program to its end, without input. */
export async function runTimed(
  program: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env: Record<string, string> },
): Promise<TimedRun> {
  const begin = performance.now();
  const { success, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-c", TIMED, program, ...args],
    stdin: "null",
    ...options,
  }).output();
  const seconds = (performance.now() - begin) / 1000;
  const text = new TextDecoder().decode(stderr);
  // Without it the shell was ended as well.
  const [, user = "0m0s", system = "0m0s"] = TIMES.exec(text) ?? [];
  return {
    success,
    out: new TextDecoder().decode(stdout),
    err: text.replace(TIMES, ""),
    seconds,
    user: secondsOf(user),
    system: secondsOf(system),
  };
}

/** The seconds in minutes and seconds, such as `1m2.50s`. */
function secondsOf(duration: string): number {
  const [minutes, seconds] = duration.split("m");
  return 60 * Number(minutes) + Number.parseFloat(seconds!);
}
