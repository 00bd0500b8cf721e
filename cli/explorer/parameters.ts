/**
 * The parameters of a request, read strictly: each has a known name, occurs once, and has a valid
 * value. Anything else is refused with a message of one line.
 */

import { RefusedError } from "./refusal.ts";

const TEXT_MAX = 8192;
const NUMBER = /^(0|[1-9][0-9]{0,15})$/;

/** The parameters of a request. */
export class Parameters {
  readonly #values: ReadonlyMap<string, string>;

  /**
   * Reads the parameters of a request.
   *
   * @param search The query string.
   * @param names The known names.
   * @throws {RefusedError} A parameter is unknown or repeated.
   */
  constructor(search: URLSearchParams, names: readonly string[]) {
    const values = new Map<string, string>();
    for (const [name, value] of search) {
      if (!names.includes(name)) throw refuse(`unknown parameter ${quote(name)}`);
      if (values.has(name)) throw refuse(`parameter ${name} is there twice`);
      if (value.length > TEXT_MAX) throw refuse(`parameter ${name} is too long`);
      values.set(name, value);
    }
    this.#values = values;
  }

  /** A text; may be empty. */
  text(name: string): string {
    const value = this.#values.get(name);
    if (value === undefined) throw refuse(`parameter ${name} is missing`);
    if (!value.isWellFormed()) throw refuse(`parameter ${name} is not well-formed text`);
    return value;
  }

  /** A whole number from `from` to `to`, inclusive. */
  number(name: string, from: number, to: number): number {
    const value = this.text(name);
    const number = NUMBER.test(value) ? Number(value) : NaN;
    if (number >= from && number <= to) return number;
    throw refuse(`parameter ${name} is not a whole number of ${from}..${to}`);
  }

  /** One of the given words. */
  word<T extends string>(name: string, words: readonly T[]): T {
    const value = this.text(name);
    const found = words.find((word) => word === value);
    if (found !== undefined) return found;
    throw refuse(`parameter ${name} must be one of ${words.join(", ")}`);
  }
}

function refuse(why: string): RefusedError {
  return new RefusedError(400, `Cannot answer: ${why}`);
}

/** A given name in quotes, shortened to one line. */
function quote(name: string): string {
  return JSON.stringify(name.slice(0, 40).toWellFormed());
}
