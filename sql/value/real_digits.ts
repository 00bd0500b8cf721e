/**
 * The digits of a double that SQLite 3.52 and later print: 17 of them, or fewer if the last ones
 * are zeros or nines and fewer give the same double again.
 *
 * SQLite scales by powers of ten in 64 bits, so the last digit is not always the nearest. Programs
 * store and compare what it prints, so the powers here are the same, to the bit.
 */

/** 0.DIGITS, times a power of ten. */
export interface RealDigits {
  /** Without zeros at the end. */
  readonly digits: string;
  /** The digits before the point; not above 0 if the point is before them. */
  readonly point: number;
}

/** The most digits printed. */
const MOST = 17;
/** A number of up to so many digits has zeros or nines after them, unless it is subnormal. */
const FEW = 13;
const NORMAL_LEAST = 2 ** -1022;
/** The distance between the powers in the table; others are one product away. */
const STEP = 27;
const STEPS = 13;
const TOP_BIT = 1n << 63n;
const LOW_32 = 0xffff_ffffn;

const double = new Float64Array(1);
const bits = new BigUint64Array(double.buffer);

/** The digits of a double above 0. */
export function realDigits(number: number): RealDigits {
  const [mantissa, power] = number.toExponential().split("e") as [string, string];
  if (number >= NORMAL_LEAST && mantissa.length <= FEW + 1) {
    return { digits: mantissa.replace(".", ""), point: Number(power) + 1 };
  }
  const { decimal, exponent } = scaled(number);
  const all = String(decimal);
  const point = all.length + exponent;
  const kept = shorter(number, all, exponent) ?? roundedTo(MOST, all);
  // A carry may have made it one digit longer.
  const isCarried = kept.length > Math.min(all.length, MOST);
  return { digits: kept.replace(/0+$/, ""), point: isCarried ? point + 1 : point };
}

/** The digits without the zeros or nines at their end, if that gives the same double. */
function shorter(number: number, all: string, exponent: number): string | undefined {
  const isNines = all[14] === "9" && all[15] === "9";
  const isZeros = exponent >= 0 || all.slice(13, 16) === "000";
  if (!isNines && !isZeros) return undefined;
  const end = all.slice(0, isNines ? 14 : 13).replace(isNines ? /9+$/ : /0+$/, "").length;
  const digits = isNines ? String(BigInt(all.slice(0, end)) + 1n) : all.slice(0, end);
  if (Number(`${digits}e${exponent + all.length - end}`) !== number) return undefined;
  // A number of nines only has become one digit longer.
  return digits.length > end ? digits.padEnd(MOST + 1, "0") : digits;
}

function roundedTo(count: number, all: string): string {
  const first = all.slice(0, count);
  return all.length > count && all[count]! >= "5" ? String(BigInt(first) + 1n) : first;
}

/** A double as an integer of 18 or 19 digits, times a power of ten. */
function scaled(number: number): { decimal: bigint; exponent: number } {
  double[0] = number;
  let mantissa = bits[0]! & 0xf_ffff_ffff_ffffn;
  let binary = Number(bits[0]! >> 52n);
  if (binary === 0) {
    const shift = 64 - mantissa.toString(2).length;
    mantissa <<= BigInt(shift);
    binary = -1074 - shift;
  } else {
    mantissa = (mantissa << 11n) | TOP_BIT;
    binary -= 1086;
  }
  // The integer parts of logarithms, as SQLite computes them.
  const power = MOST - ((binary + 63) * 78913 >> 18);
  const shift = -(binary + (power * 108853 >> 15) + 2);
  const high = (mantissa * powerOfTen(power)) >> BigInt(64 + shift);
  return { decimal: (high + ((high << 1n) & 2n)) >> 1n, exponent: -power };
}

/** The first 64 bits of a power of ten. */
function powerOfTen(power: number): bigint {
  if (power === -1) return 0xcccc_cccc_cccc_ccccn;
  const steps = Math.floor(power / STEP);
  const rest = power - STEP * steps;
  if (steps === 0) return smallPower(rest);
  const scale = stepOf(steps);
  if (rest === 0) return scale >> 32n;
  const factor = smallPower(rest);
  const product = (scale >> 32n) * factor + (((scale & LOW_32) * factor) >> 32n);
  const high = product >> 64n;
  return (high & TOP_BIT) !== 0n ? high : (high << 1n) | ((product >> 63n) & 1n);
}

/** The first 64 bits of the powers of ten below one step, rounded. */
const small: bigint[] = [];

function smallPower(power: number): bigint {
  return small[power] ??= topBits(10n ** BigInt(power), 64n);
}

/** The first 96 bits of every 27th power, rounded. */
const stepped: bigint[] = [];

function stepOf(steps: number): bigint {
  return stepped[steps + STEPS] ??= steps > 0
    ? topBits(10n ** BigInt(STEP * steps), 96n)
    : inverse(10n ** BigInt(-STEP * steps));
}

/** The first bits of a positive number, rounded; zeros follow one that has fewer. */
function topBits(number: bigint, count: bigint): bigint {
  const more = BigInt(number.toString(2).length) - count;
  return more <= 0n ? number << -more : (number + (1n << (more - 1n))) >> more;
}

/** The first 96 bits of the inverse of a number, rounded. */
function inverse(number: bigint): bigint {
  const length = BigInt(number.toString(2).length);
  return ((1n << (length + 96n)) + number) / (2n * number);
}
