/**
 * Doubles as decimal text, as SQLite's `printf` prints them: the first digits of a number, 18 at
 * most, rounded half up, then zeros. JavaScript's `toFixed` prints all digits of a double: 0.1 with
 * twenty of them is 0.10000000000000000555 there, and 0.10000000000000000000 here.
 */

/** The number of digits of a double that are used. */
const KNOWN = 18;

/** A number of at most some digits: 0.DIGITS, times a power of ten. */
interface Decimal {
  readonly sign: string;
  /** Without zeros at the end; empty for 0. */
  readonly digits: string;
  /** The digits before the point; not above 0 if the point is before them. */
  readonly point: number;
}

/** A finite double, rounded to a number of digits, or of digits after the point. */
function decimalOf(
  number: number,
  { significant, places, most }: { significant?: number; places?: number; most: number },
): Decimal {
  if (number === 0) return { sign: "", digits: "", point: 1 };
  const [mantissa, power] = Math.abs(number).toExponential(KNOWN - 1).split("e") as [
    string,
    string,
  ];
  let digits = mantissa.replace(".", "");
  let point = Number(power) + 1;
  const kept = Math.min(significant ?? point + places!, most);
  if (kept < KNOWN) {
    const isUp = kept >= 0 && digits[kept]! >= "5";
    digits = digits.slice(0, Math.max(0, kept));
    if (isUp) {
      digits = String(BigInt(digits) + 1n).padStart(kept, "0");
      if (digits.length > kept) point++;
    }
  }
  digits = digits.replace(/0+$/, "");
  return { sign: number < 0 ? "-" : "", digits, point };
}

/** A double with a number of digits after the point. */
export function fixedText(number: number, places: number, most: number): string {
  return placed(decimalOf(number, { places, most }), places);
}

function placed({ sign, digits, point }: Decimal, places: number): string {
  const whole = point > 0 ? digits.slice(0, point).padEnd(point, "0") : "0";
  if (places === 0) return sign + whole;
  const part = point > 0 ? digits.slice(point) : "0".repeat(Math.min(places, -point)) + digits;
  return `${sign}${whole}.${part.slice(0, places).padEnd(places, "0")}`;
}

/** A double with one digit before the point, a number of digits after it, and an exponent. */
export function exponentText(number: number, places: number, most: number): string {
  return scientific(decimalOf(number, { significant: places + 1, most }), places);
}

function scientific({ sign, digits, point }: Decimal, places: number): string {
  const power = digits === "" ? 0 : point - 1;
  const first = digits[0] ?? "0";
  const part = places === 0 ? "" : `.${digits.slice(1).padEnd(places, "0")}`;
  const size = String(Math.abs(power)).padStart(2, "0");
  return `${sign}${first}${part}e${power < 0 ? "-" : "+"}${size}`;
}

/** A double in the shorter of both forms, with a number of digits, or fewer if zeros end it. */
export function generalText(
  number: number,
  significant: number,
  most: number,
  keepsZeros: boolean,
): string {
  const decimal = decimalOf(number, { significant, most });
  const power = decimal.digits === "" ? 0 : decimal.point - 1;
  const { length } = decimal.digits;
  if (power < -4 || power >= significant) {
    return scientific(decimal, keepsZeros ? significant - 1 : Math.max(0, length - 1));
  }
  return placed(decimal, keepsZeros ? significant - 1 - power : Math.max(0, length - 1 - power));
}
