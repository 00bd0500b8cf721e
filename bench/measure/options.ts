/**
 * The options of a bench: lists of names, numbers with their limits, the help.
 *
 * Wrong options end a bench before it begins, with a line that says what is wrong; `planOrExit`
 * ends its process with 2.
 */

import { parseArgs, type ParseArgsOptionsConfig } from "node:util";

const EXIT_MISUSE = 2;

/** Options that cannot be run. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** What the options of a bench were given as. */
export type Given<O extends ParseArgsOptionsConfig> = ReturnType<
  typeof parseArgs<{ options: O }>
>["values"];

/**
 * The given options.
 *
 * @throws {UsageError} One is unknown, or has no value.
 */
export function givenOptions<O extends ParseArgsOptionsConfig>(
  args: readonly string[],
  options: O,
): Given<O> {
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UsageError(`Cannot read the options: ${error.message}`);
  }
}

/**
 * The plan of a bench that runs as this process. With `--help` the process prints the usage and
 * ends; with wrong options it says so and ends with 2.
 *
 * @param plan Makes the plan of the given options; it may throw a `UsageError`.
 */
export function planOrExit<O extends ParseArgsOptionsConfig, T>(
  usage: string,
  options: O,
  plan: (given: Given<O>) => T,
): T {
  if (Deno.args.includes("--help")) {
    console.log(usage.trimEnd());
    Deno.exit(0);
  }
  try {
    return plan(givenOptions(Deno.args, options));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${error.message}\n--help lists the options.`);
    Deno.exit(EXIT_MISUSE);
  }
}

/** The chosen names of a list in their own order, all of them if none is chosen. */
export function namesOf<T extends string>(
  option: string,
  text: string | undefined,
  all: readonly T[],
): readonly T[] {
  if (text === undefined) return all;
  const chosen = text.split(",");
  const unknown = chosen.find((name) => !(all as readonly string[]).includes(name));
  if (unknown !== undefined) {
    throw new UsageError(
      `Cannot use --${option}: ${JSON.stringify(unknown)} is none of ${all.join(", ")}`,
    );
  }
  return all.filter((name) => chosen.includes(name));
}

/** The different numbers of a list. */
export function numbersOf(
  option: string,
  text: string,
  least: number,
  most: number,
  isWhole: boolean,
): number[] {
  const numbers = text.split(",").map((part) => numberOf(option, part, least, most, isWhole));
  return [...new Set(numbers)];
}

/** A number from `least` to `most`. */
export function numberOf(
  option: string,
  text: string,
  least: number,
  most: number,
  isWhole: boolean,
): number {
  const number = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  if (number >= least && number <= most && (!isWhole || Number.isInteger(number))) return number;
  const kind = isWhole ? "whole number" : "number";
  throw new UsageError(
    `Cannot use --${option}: ${JSON.stringify(text)} is not a ${kind} from ${least} to ${most}`,
  );
}
