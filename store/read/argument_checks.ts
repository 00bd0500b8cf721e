/**
 * Checks of arguments: names of trees, options, and results of callbacks.
 *
 * A callback runs synchronously: changes after an `await` would be outside the transaction.
 */

import { NAME_BYTES_MAX } from "../../btree/mod.ts";

const encoder = new TextEncoder();
/** The prototypes of generators. */
const GENERATOR: unknown = Object.getPrototypeOf(function* () {});
const ASYNC_GENERATOR: unknown = Object.getPrototypeOf(async function* () {});

/** In `OptionTypes`: the user of the option checks its type. */
export const ANY = "";

/** The result of `typeof` for each option, or a word of the above. */
export type OptionTypes = Readonly<Record<string, string>>;

/** In `OptionTypes`: an `AbortSignal`. */
export const SIGNAL = "AbortSignal";

/** The types of `ProgressOptions`. */
export const PROGRESS_TYPES: OptionTypes = { signal: SIGNAL, onProgress: "function" };

/**
 * Refuses options that are not an object, are unknown, or have the wrong type.
 *
 * @param action The refused action, for the message.
 * @throws {TypeError} They are.
 */
export function checkOptions(action: string, options: unknown, types: OptionTypes): void {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`Cannot ${action}: the options are not an object`);
  }
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(types, name)) {
      throw new TypeError(`Cannot ${action}: unknown option ${name}`);
    }
    const type = types[name];
    if (value === undefined || type === ANY) continue;
    if (type === SIGNAL) {
      if (value instanceof AbortSignal) continue;
      throw new TypeError(`Cannot ${action}: the ${name} is not an AbortSignal`);
    }
    if (typeof value === type && value !== null) continue;
    throw new TypeError(`Cannot ${action}: ${name} is ${typeof value}, not ${type}`);
  }
}

/**
 * Refuses a malformed name of a tree.
 *
 * @throws {TypeError} It is not well-formed text.
 * @throws {RangeError} It is empty or too long.
 */
export function checkName(name: unknown): asserts name is string {
  if (typeof name !== "string") {
    throw new TypeError(`Cannot name a tree: ${typeof name} is not text`);
  }
  if (!name.isWellFormed()) throw new TypeError("Cannot name a tree: it has a lone surrogate");
  const { length } = encoder.encode(name);
  if (length === 0 || length > NAME_BYTES_MAX) {
    throw new RangeError(`Cannot name a tree: ${length} bytes are not 1..${NAME_BYTES_MAX}`);
  }
}

/**
 * Refuses an argument that is not iterable.
 *
 * @throws {TypeError} It is not iterable.
 */
export function checkIterable(action: string, given: unknown): void {
  const isIterable = given !== null && given !== undefined &&
    typeof (given as Iterable<unknown>)[Symbol.iterator] === "function";
  if (!isIterable) throw new TypeError(`Cannot ${action}: what is given cannot be iterated`);
}

/**
 * A key with its value, as the caller gave it.
 *
 * @param action The refused action, for the message.
 * @param index Its index among the entries, from 0.
 * @throws {TypeError} It is not an array: the letters of a text are not a key and a value.
 */
export function pairOf<E>(action: string, entry: E, index: number): E {
  if (Array.isArray(entry)) return entry;
  throw new TypeError(`Cannot ${action}: entry ${index} is not a key with its value`);
}

/**
 * The result type of a synchronous callback: any type but a promise.
 *
 * A function that passes on a callback of its caller declares it as `(tx: Transaction) => Sync<T>`.
 */
export type Sync<T> = T extends PromiseLike<unknown> ? never : T;

/**
 * Refuses a generator: a call of it runs nothing of its body.
 *
 * @param action The refused action and the callback, for the message.
 * @throws {TypeError} It is a generator.
 */
export function refuseGenerator(action: string, callback: object): void {
  const kind = Object.getPrototypeOf(callback);
  if (kind !== GENERATOR && kind !== ASYNC_GENERATOR) return;
  throw new TypeError(`Cannot ${action} is a generator`);
}

/**
 * Refuses the promise of an asynchronous callback, and ignores its outcome.
 *
 * @param action The refused action and the callback, for the message.
 * @throws {TypeError} It is a promise.
 */
export function refusePromise(action: string, result: unknown): void {
  if ((typeof result !== "object" && typeof result !== "function") || result === null) return;
  if (!("then" in result) || typeof result.then !== "function") return;
  if (result instanceof Promise) result.catch(() => {});
  throw new TypeError(`Cannot ${action} is asynchronous`);
}
