/**
 * The arithmetic of `sum`, `min` and `max`: what a value becomes. The rules and the texts of errors
 * are those of Deno KV.
 *
 * `KvU64` wraps at 2^64. `sum` also adds numbers to numbers and bigints to bigints.
 */

import { isU64, u64Of } from "../api/u64.ts";
import type { KvRecord } from "../format/record.ts";
import { decodeValue, type EncodedValue, encodeValue, ENCODING } from "../value/value.ts";

const U64_MAX = 0xffff_ffff_ffff_ffffn;

/** How integers of 64 bits are combined. */
const OPERATIONS: Readonly<Record<ArithmeticType, (a: bigint, b: bigint) => bigint>> = {
  sum: (a, b) => BigInt.asUintN(64, a + b),
  min: (a, b) => a < b ? a : b,
  max: (a, b) => a > b ? a : b,
};

/** The mutations that compute a value. */
export type ArithmeticType = "sum" | "min" | "max";

/**
 * The value that a mutation leaves.
 *
 * @param before The record of the key, undefined if there is none.
 * @throws {TypeError} The values do not fit.
 */
export function combine(
  type: ArithmeticType,
  before: KvRecord | undefined,
  operand: EncodedValue,
): EncodedValue {
  if (operand.encoding !== ENCODING.u64) {
    if (type === "sum") return sumOfAny(before, operand);
    throw new TypeError(`Failed to perform '${type}' mutation on a non-U64 operand`);
  }
  if (before === undefined) return operand;
  const { value } = before;
  if (before.encoding !== ENCODING.u64 || !isU64(value)) {
    throw new TypeError(`Failed to perform '${type}' mutation on a non-U64 value in the database`);
  }
  const { value: other } = decodeValue(operand.encoding, operand.data) as { value: bigint };
  return encodeValue(u64Of(OPERATIONS[type](value.value, other)));
}

/** The sum of numbers or bigints, or of a `KvU64` and a bigint. */
function sumOfAny(before: KvRecord | undefined, operand: EncodedValue): EncodedValue {
  const added = operand.encoding === ENCODING.v8
    ? decodeValue(operand.encoding, operand.data)
    : undefined;
  if (typeof added !== "number" && typeof added !== "bigint") {
    throw new TypeError("Some of the parameters are not valid V8 values");
  }
  return before === undefined ? operand : encodeValue(sumOf(before.value, added));
}

function sumOf(value: unknown, added: number | bigint): unknown {
  if (typeof value === "number" && typeof added === "number") return value + added;
  if (typeof added === "bigint") {
    if (typeof value === "bigint") return value + added;
    if (isU64(value) && added >= 0n && added <= U64_MAX) {
      return u64Of(OPERATIONS.sum(value.value, added));
    }
  }
  throw new TypeError(`Cannot sum ${nameOf(value)} with ${nameOf(added)}`);
}

function nameOf(value: unknown): string {
  if (typeof value === "number") return "Number";
  if (typeof value === "bigint") return "BigInt";
  if (isU64(value)) return "KvU64";
  throw new TypeError("unsupported value type");
}
