/**
 * Checks of what users give: names of trees, options by name, and what callbacks return.
 *
 * A callback runs to its end at once: what a promise does later would be outside of the
 * transaction.
 */

import { NAME_BYTES_MAX } from "../../btree/mod.ts";

const encoder = new TextEncoder();

/** In `OptionTypes`: whoever uses the option checks it. */
export const ANY = "";

/** What `typeof` says of each option. */
export type OptionTypes = Readonly<Record<string, string>>;

/** The options of what goes on for long: see `ProgressOptions`. */
export const PROGRESS_TYPES: OptionTypes = { signal: "object", onProgress: "function" };

/**
 * Refuses options that are none, that nobody knows, or that are of a wrong type.
 *
 * @param action What cannot be done then.
 * @throws {TypeError} They are.
 */
export function checkOptions(action: string, options: unknown, types: OptionTypes): void {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`Cannot ${action}: the options are no object`);
  }
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(types, name)) {
      throw new TypeError(`Cannot ${action}: unknown option ${name}`);
    }
    const type = types[name];
    const fits = typeof value === type && value !== null;
    if (value === undefined || fits || type === ANY) continue;
    throw new TypeError(`Cannot ${action}: ${name} is ${typeof value}, not ${type}`);
  }
}

/**
 * Throws when a name is no name.
 *
 * @throws {TypeError} It is no well-formed text.
 * @throws {RangeError} It is empty or too long.
 */
export function checkName(name: unknown): asserts name is string {
  if (typeof name !== "string") {
    throw new TypeError(`Cannot name a tree: ${typeof name} is no text`);
  }
  if (!name.isWellFormed()) throw new TypeError("Cannot name a tree: it has a lone surrogate");
  const { length } = encoder.encode(name);
  if (length === 0 || length > NAME_BYTES_MAX) {
    throw new RangeError(`Cannot name a tree: ${length} bytes are not 1..${NAME_BYTES_MAX}`);
  }
}

/**
 * What a callback that runs to its end at once may return: anything but a promise.
 *
 * A function that hands on a callback of its caller takes it as `(tx: Transaction) => Sync<T>`.
 */
export type Sync<T> = T extends PromiseLike<unknown> ? never : T;

/**
 * Refuses what an asynchronous callback returned, and says nothing of what becomes of it.
 *
 * @param action What cannot be done, and whose callback it is.
 * @throws {TypeError} It is a promise.
 */
export function refusePromise(action: string, result: unknown): void {
  if ((typeof result !== "object" && typeof result !== "function") || result === null) return;
  if (!("then" in result) || typeof result.then !== "function") return;
  if (result instanceof Promise) result.catch(() => {});
  throw new TypeError(`Cannot ${action} is asynchronous`);
}
