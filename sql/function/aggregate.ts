/**
 * Aggregate functions: each has a state for a group, which takes the arguments row by row.
 */

import { type Collation, compare, folded } from "../value/compare.ts";
import { SqlError } from "../value/error.ts";
import { numericOf, textOf, wholeNumberText } from "../value/number_text.ts";
import {
  doubleOf,
  fits,
  integerOf,
  isNumeric,
  Real,
  realOf,
  type SqlValue,
} from "../value/value.ts";
import type { JsonArgument } from "./types.ts";

/** The state of an aggregate for a group. */
export interface AggregateState {
  /** Takes the arguments of a row: `count` values from `first` on. */
  add(values: readonly SqlValue[], first: number, count: number): void;
  /** Takes a row whose one argument is a safe integer or a REAL; not all functions can. */
  addNumber?(value: number, isReal: boolean): void;
  /**
   * Takes the arguments of the oldest row out again; false if it cannot do so exactly. Not all
   * functions can.
   */
  remove?(values: readonly SqlValue[], first: number, count: number): boolean;
  /** The result so far. */
  result(): SqlValue;
  /** What it knows, as values that `restore` takes back. */
  save(): SqlValue[];
  /** Takes back what another state of the same function saved. */
  restore(values: readonly SqlValue[]): void;
  /** The bytes that it has collected since this was set to 0; 0 where its size is fixed. */
  grown: number;
  /** Whether the result comes from the row that was added last, as MIN and MAX report. */
  readonly hasTaken: boolean;
}

/** An aggregate function. */
export interface AggregateDefinition {
  readonly least: number;
  readonly most: number;
  /**
   * Makes the state of a group.
   *
   * @param isJson Which arguments are JSON rather than text.
   */
  make(collation: Collation, isJson: readonly JsonArgument[]): AggregateState;
}

class Count implements AggregateState {
  readonly hasTaken = false;
  grown = 0;
  #count = 0;

  add(values: readonly SqlValue[], first: number, count: number): void {
    if (count === 0 || values[first] !== null) this.#count++;
  }

  addNumber(): void {
    this.#count++;
  }

  remove(values: readonly SqlValue[], first: number, count: number): boolean {
    if (count === 0 || values[first] !== null) this.#count--;
    return true;
  }

  result(): SqlValue {
    return this.#count;
  }

  save(): SqlValue[] {
    return [this.#count];
  }

  restore([count]: readonly SqlValue[]): void {
    this.#count = count as number;
  }
}

/** A sum, exact for integers, and compensated for doubles by Neumaier's algorithm. */
class Sum implements AggregateState {
  readonly hasTaken = false;
  grown = 0;
  readonly #kind: "sum" | "total" | "avg";
  #count = 0;
  #whole = 0;
  /** The sum once it is beyond the safe integers. */
  #large: bigint | undefined;
  #isReal = false;
  #hasOverflowed = false;
  #sum = 0;
  #error = 0;

  constructor(kind: "sum" | "total" | "avg") {
    this.#kind = kind;
  }

  add(values: readonly SqlValue[], first: number): void {
    const value = values[first]!;
    if (value === null) return;
    this.#count++;
    if (typeof value === "number" && !this.#isReal && this.#large === undefined) {
      const sum = this.#whole + value;
      if (Number.isSafeInteger(sum)) return void (this.#whole = sum);
    }
    if (value instanceof Real && this.#isReal && !this.#hasOverflowed) {
      return this.#addReal(value.value);
    }
    this.#addSlowly(value);
  }

  addNumber(value: number, isReal: boolean): void {
    this.#count++;
    if (isReal && this.#isReal && !this.#hasOverflowed) return this.#addReal(value);
    if (!isReal && !this.#isReal && this.#large === undefined) {
      const sum = this.#whole + value;
      if (Number.isSafeInteger(sum)) return void (this.#whole = sum);
    }
    this.#addSlowly(isReal ? new Real(value) : value);
  }

  remove(values: readonly SqlValue[], first: number): boolean {
    const value = values[first]!;
    if (value === null) return true;
    if (this.#isReal || this.#large !== undefined || typeof value !== "number") return false;
    const sum = this.#whole - value;
    if (!Number.isSafeInteger(sum)) return false;
    this.#whole = sum;
    this.#count--;
    return true;
  }

  #addSlowly(value: Exclude<SqlValue, null>): void {
    const exact = isNumeric(value)
      ? value
      : typeof value === "string"
      ? wholeNumberText(value)
      : undefined;
    if (!this.#isReal && (typeof exact === "number" || typeof exact === "bigint")) {
      const sum = (this.#large ?? BigInt(this.#whole)) + BigInt(exact);
      this.#large = sum;
      if (fits(sum)) return;
      this.#hasOverflowed = true;
    }
    if (!this.#isReal) {
      this.#isReal = true;
      this.#addExact(this.#large ?? BigInt(this.#whole));
      if (this.#hasOverflowed) return;
    }
    // A value that is not an integer ends the overflow of the integers before it.
    if (typeof exact !== "number" && typeof exact !== "bigint") this.#hasOverflowed = false;
    const number = numericOf(value)!;
    if (typeof number === "bigint") this.#addExact(number);
    else this.#addReal(doubleOf(number));
  }

  /** Adds an integer in two parts, each of which a double holds exactly. */
  #addExact(value: bigint): void {
    const low = value % 16_384n;
    this.#addReal(Number(value - low));
    this.#addReal(Number(low));
  }

  #addReal(value: number): void {
    const sum = this.#sum + value;
    if (Number.isFinite(sum)) {
      this.#error += Math.abs(this.#sum) > Math.abs(value)
        ? (this.#sum - sum) + value
        : (value - sum) + this.#sum;
    }
    this.#sum = sum;
  }

  result(): SqlValue {
    if (this.#count === 0) return this.#kind === "total" ? new Real(0) : null;
    const sum = this.#isReal ? this.#sum + this.#error : Number(this.#large ?? this.#whole);
    if (this.#kind === "avg") return realOf(sum / this.#count);
    if (this.#kind === "total") return realOf(sum);
    if (this.#hasOverflowed) throw new SqlError("VALUE", "integer overflow");
    return this.#isReal ? realOf(sum) : integerOf(this.#large ?? BigInt(this.#whole));
  }

  save(): SqlValue[] {
    const flags = (this.#isReal ? 1 : 0) + (this.#hasOverflowed ? 2 : 0);
    // A sum beyond 64 bits is in its REAL part.
    const large = this.#large === undefined || !fits(this.#large) ? null : this.#large;
    return [this.#count, this.#whole, large, flags, new Real(this.#sum), new Real(this.#error)];
  }

  restore([count, whole, large, flags, sum, error]: readonly SqlValue[]): void {
    this.#count = count as number;
    this.#whole = whole as number;
    this.#large = large === null ? undefined : BigInt(large as bigint);
    this.#isReal = ((flags as number) & 1) !== 0;
    this.#hasOverflowed = ((flags as number) & 2) !== 0;
    this.#sum = (sum as Real).value;
    this.#error = (error as Real).value;
  }
}

class Extreme implements AggregateState {
  hasTaken = false;
  grown = 0;
  readonly #sign: number;
  readonly #collation: Collation;
  #best: SqlValue = null;

  constructor(sign: number, collation: Collation) {
    this.#sign = sign;
    this.#collation = collation;
  }

  add(values: readonly SqlValue[], first: number): void {
    const value = values[first]!;
    this.hasTaken = value !== null && (this.#best === null ||
      this.#sign * compare(value, this.#best, this.#collation) > 0);
    if (this.hasTaken) this.#best = value;
  }

  addNumber(value: number, isReal: boolean): void {
    const best = this.#best;
    const other = best instanceof Real ? best.value : best;
    this.hasTaken = typeof other === "number"
      ? (this.#sign > 0 ? value > other : value < other)
      : other === null || this.#sign * compare(value, other, this.#collation) > 0;
    if (this.hasTaken) this.#best = isReal ? new Real(value) : value;
  }

  result(): SqlValue {
    return this.#best;
  }

  save(): SqlValue[] {
    return [this.#best];
  }

  restore([best]: readonly SqlValue[]): void {
    this.#best = best!;
  }
}

class Concatenation implements AggregateState {
  readonly hasTaken = false;
  grown = 0;
  #text: string | null = null;

  add(values: readonly SqlValue[], first: number, count: number): void {
    const value = values[first]!;
    if (value === null) return;
    const between = count < 2 ? "," : values[first + 1]!;
    const text = textOf(value);
    this.grown += 2 * text.length + 4;
    this.#text = this.#text === null
      ? text
      : this.#text + (between === null ? "" : textOf(between)) + text;
  }

  result(): SqlValue {
    return this.#text;
  }

  save(): SqlValue[] {
    return [this.#text];
  }

  restore([text]: readonly SqlValue[]): void {
    this.#text = text as string | null;
    this.grown = 2 * (this.#text?.length ?? 0);
  }
}

/** An aggregate of the distinct values of its first argument. */
class Distinct implements AggregateState {
  readonly hasTaken = false;
  grown = 0;
  readonly #state: AggregateState;
  readonly #collation: Collation;
  readonly #seen = new Set<string>();

  constructor(state: AggregateState, collation: Collation) {
    this.#state = state;
    this.#collation = collation;
  }

  add(values: readonly SqlValue[], first: number, count: number): void {
    const key = identity(values[first]!, this.#collation);
    if (key === undefined || this.#seen.has(key)) return;
    this.#seen.add(key);
    this.#state.add(values, first, count);
    this.grown += 60 + 2 * key.length + this.#state.grown;
    this.#state.grown = 0;
  }

  result(): SqlValue {
    return this.#state.result();
  }

  save(): SqlValue[] {
    const inner = this.#state.save();
    return [inner.length, ...inner, ...this.#seen];
  }

  restore([count, ...values]: readonly SqlValue[]): void {
    this.#state.restore(values.slice(0, count as number));
    for (const key of values.slice(count as number)) {
      this.#seen.add(key as string);
      this.grown += 60 + 2 * (key as string).length;
    }
  }
}

/** Text that equal values share; undefined for NULL, which aggregates leave out. */
function identity(value: SqlValue, collation: Collation): string | undefined {
  if (value === null) return undefined;
  if (typeof value === "string") return `t${folded(value, collation)}`;
  if (value instanceof Uint8Array) return `b${value.join()}`;
  return `n${value instanceof Real ? value.value + 0 : Number(value)}${exactPart(value)}`;
}

/** Distinguishes large integers that round to the same double. */
function exactPart(value: SqlValue): string {
  if (typeof value === "bigint") return `:${value}`;
  const isLarge = value instanceof Real && Number.isInteger(value.value) &&
    Math.abs(value.value) > Number.MAX_SAFE_INTEGER;
  return isLarge ? `:${BigInt(value.value)}` : "";
}

/** The state of a function over distinct values. */
export function distinct(state: AggregateState, collation: Collation): AggregateState {
  return new Distinct(state, collation);
}

/** The aggregate functions, except those of JSON. */
export const PLAIN_AGGREGATES: Readonly<Record<string, AggregateDefinition>> = {
  avg: { least: 1, most: 1, make: () => new Sum("avg") },
  count: { least: 0, most: 1, make: () => new Count() },
  group_concat: { least: 1, most: 2, make: () => new Concatenation() },
  max: { least: 1, most: 1, make: (collation) => new Extreme(1, collation) },
  min: { least: 1, most: 1, make: (collation) => new Extreme(-1, collation) },
  string_agg: { least: 2, most: 2, make: () => new Concatenation() },
  sum: { least: 1, most: 1, make: () => new Sum("sum") },
  total: { least: 1, most: 1, make: () => new Sum("total") },
};
