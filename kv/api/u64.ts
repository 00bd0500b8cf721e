/**
 * The value type of counters: an unsigned integer of 64 bits.
 *
 * With `--unstable-kv` Deno has a class of the same meaning. Values of either are accepted. Where
 * Deno's class exists, values that are created here have it, so that `instanceof` holds for both.
 */

import { CUSTOM_INSPECT, nativeU64, U64_TAG } from "./deno.ts";

const U64_MAX = 0xffff_ffff_ffff_ffffn;

/**
 * An unsigned integer of 64 bits, for `sum`, `min` and `max`.
 *
 * ```ts
 * import { KvU64, openKv } from "../mod.ts";
 *
 * using kv = await openKv(":memory:");
 * await kv.atomic().sum(["visits"], 1n).sum(["visits"], 2n).commit();
 * const { value } = await kv.get<KvU64>(["visits"]);
 * console.assert(value instanceof KvU64 && value.value === 3n);
 * ```
 */
export class KvU64 {
  /** The integer. */
  readonly value: bigint;

  /**
   * Creates the value of an integer.
   *
   * @param value 0 to 2^64 - 1.
   * @throws {TypeError} It is not a bigint.
   * @throws {RangeError} It is out of range.
   */
  constructor(value: bigint) {
    if (typeof value !== "bigint") {
      throw new TypeError(`Value must be a bigint: received ${typeof value}`);
    }
    if (value < 0n) throw new RangeError(`Value must be a positive bigint: received ${value}`);
    if (value > U64_MAX) throw new RangeError("Value must fit in a 64-bit unsigned integer");
    this.value = value;
    // Where both classes exist, there is one kind of instances, so that equal integers are equal.
    if (nativeU64 !== undefined && new.target === KvU64) return u64Of(value);
    Object.freeze(this);
  }

  /** Whether a value is of this class or of Deno's. */
  static [Symbol.hasInstance](value: unknown): boolean {
    return isU64(value);
  }

  /**
   * The integer.
   *
   * ```ts
   * import { KvU64 } from "../mod.ts";
   *
   * console.assert(new KvU64(5n).valueOf() === 5n);
   * ```
   */
  valueOf(): bigint {
    return this.value;
  }

  /**
   * The digits of the integer.
   *
   * ```ts
   * import { KvU64 } from "../mod.ts";
   *
   * console.assert(`${new KvU64(5n)}` === "5");
   * ```
   */
  toString(): string {
    return String(this.value);
  }

  /** The integer as `console.log` shows it. */
  [CUSTOM_INSPECT](
    inspect: (value: unknown, options: unknown) => string,
    options: unknown,
  ): string {
    return inspect(Object(this.value), options).replace("BigInt", U64_TAG);
  }

  /** The name of the type. */
  get [Symbol.toStringTag](): string {
    return U64_TAG;
  }
}

/** Whether a value is a `KvU64`, Deno's or this one. */
export function isU64(value: unknown): value is KvU64 {
  return isOf(KvU64, value) || (nativeU64 !== undefined && isOf(nativeU64, value));
}

/** `instanceof` as it is without `Symbol.hasInstance`. */
function isOf(kind: { readonly prototype: object }, value: unknown): boolean {
  return Object.prototype.isPrototypeOf.call(kind.prototype, value as object);
}

/** The value of an integer, of Deno's class where it exists. */
export function u64Of(value: bigint): KvU64 {
  return new (nativeU64 ?? KvU64)(value) as KvU64;
}
