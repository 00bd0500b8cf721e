/**
 * Text for the terminal: numbers, tables, and untrusted bytes made safe to print.
 */

const numbers = new Intl.NumberFormat("en-US");
const decoder = new TextDecoder();

/** A whole number with thousands separators. */
export function count(value: number): string {
  return numbers.format(Math.round(value));
}

/** A count with its noun, in the singular or plural. */
export function countOf(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** A share of a whole, in per cent. */
export function percent(part: number, whole: number): string {
  return whole === 0 ? "-" : `${(100 * part / whole).toFixed(1)} %`;
}

/** The duration of some work on `amount` items, and the items per second. */
export function pace(amount: number, milliseconds: number): string {
  const seconds = milliseconds / 1000;
  // A coarse clock may show no time at all.
  return `${seconds.toFixed(2)} s, ${count(amount / Math.max(seconds, 0.001))} a second`;
}

/** Bytes as printable text, with slashes between the parts of a key. */
export function readable(bytes: Uint8Array, columnsMax = 72): string {
  return shorten(oneLine(decoder.decode(bytes).replaceAll("\0", " / ")), columnsMax);
}

/** Text as one printable line: control and invisible characters are escaped. */
export function oneLine(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029\p{Default_Ignorable_Code_Point}]/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}

/** Rows as lines with aligned columns: the first to the left, the others to the right. */
export function alignTable(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)
    ).join("  ").trimEnd()
  );
}

function shorten(text: string, columnsMax: number): string {
  const letters = [...text];
  return letters.length <= columnsMax ? text : `${letters.slice(0, columnsMax - 3).join("")}...`;
}
