/**
 * Formats figures for people to read.
 */

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"];
const grouped = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

/** A whole number with separated thousands. */
export function count(number: number): string {
  return grouped.format(number);
}

/** A count with its noun: "1 page", "2 pages". */
export function some(number: number, what: string): string {
  return `${count(number)} ${what}${number === 1 ? "" : "s"}`;
}

/** Bytes in a suitable unit. */
export function bytes(number: number): string {
  let [value, unit] = [number, 0];
  while (value >= 1024 && unit < UNITS.length - 1) [value, unit] = [value / 1024, unit + 1];
  if (unit === 0) return number === 1 ? "1 byte" : `${count(number)} bytes`;
  return `${value >= 100 ? count(value) : fine.format(value)} ${UNITS[unit]}`;
}

/** A part of a whole, in percent. */
export function percent(part: number, whole: number): string {
  return whole === 0 ? "-" : `${fine.format(100 * part / whole)} %`;
}

/** A number with few digits. */
export function rough(number: number): string {
  return fine.format(number);
}

/** Character codes as text, with a dot for each that is not printable. */
export function printable(codes: readonly number[]): string {
  return codes.map((code) => code >= 32 && code < 127 ? String.fromCharCode(code) : ".").join("");
}

/** The four bytes of a head, given in hexadecimal, as text if they are printable. */
export function headText(head: string): string {
  const codes = Array.from({ length: 4 }, (_, i) => parseInt(head.slice(2 * i, 2 * i + 2), 16));
  return printable(codes);
}
