/**
 * Text for people: numbers, sizes, tables, colours, and foreign text made safe to print.
 *
 * What a terminal must not get is defined here alone, and `output.ts` applies it to all that is
 * printed.
 */

const numbers = new Intl.NumberFormat("en-US");
const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"];
const RESET = "\x1b[0m";
/**
 * What a terminal obeys, or shows so that one text looks like another: controls, marks of
 * direction and of no width, fillers, separators of lines.
 */
const UNSHOWN = String.raw`[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]`;
/** All of that, but for what lays out lines. */
const FOR_TERMINAL = new RegExp(String.raw`(?!\r?\n|\t)${UNSHOWN}`, "gu");
/** What `node:readline` moves the cursor with, kept; and all else that is not shown. */
const DRAWN = new RegExp(String.raw`(\x1b\[[\d;]*[A-HJK]|[\r\n\t])|${UNSHOWN}`, "gu");

/** A whole number with its thousands set apart. */
export function count(value: number | bigint): string {
  return numbers.format(value);
}

/** A count with its noun in the singular or the plural. */
export function countOf(value: number, noun: string): string {
  return `${count(value)} ${value === 1 ? noun : pluralOf(noun)}`;
}

function pluralOf(noun: string): string {
  if (/[^aeou]y$/.test(noun)) return `${noun.slice(0, -1)}ies`;
  return /s$/.test(noun) ? `${noun}es` : `${noun}s`;
}

/** A share of a whole, in per cent. */
export function percent(part: number, whole: number): string {
  return whole === 0 ? "-" : `${(100 * part / whole).toFixed(1)} %`;
}

/** Bytes in the largest unit of which there is one. */
export function size(bytes: number): string {
  let unit = 0;
  let amount = bytes;
  while (amount >= 1024 && unit < UNITS.length - 1) {
    amount /= 1024;
    unit++;
  }
  return `${unit === 0 ? count(amount) : amount.toFixed(1)} ${UNITS[unit]}`;
}

/** A size, and in bytes too where that says more. */
export function sizeAndBytes(bytes: number): string {
  return bytes < 1024 ? size(bytes) : `${size(bytes)} (${count(bytes)} bytes)`;
}

/** How long something took, and how many of `amount` that is in a second. */
export function pace(amount: number, milliseconds: number): string {
  const seconds = milliseconds / 1000;
  // A clock may show no time at all.
  return `${seconds.toFixed(2)} s, ${
    count(Math.round(amount / Math.max(seconds, 0.001)))
  } a second`;
}

/** Text whose control characters are spelt out, so that it is one line, in a file too. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, spelt);
}

/**
 * Text as a terminal gets it: what it would obey or hide is spelt out as in JSON, so that JSON
 * stays the same. Tabs and ends of lines are kept.
 */
export function forTerminal(text: string): string {
  return text.replace(FOR_TERMINAL, spelt);
}

/**
 * What a line editor draws: its own sequences and the line. What is not shown is left out, as the
 * editor counts no columns for it; the line itself keeps it.
 */
export function drawn(text: string): string {
  return text.replace(DRAWN, "$1");
}

/** A character as JSON escapes it: each unit of UTF-16 in four digits. */
function spelt(character: string): string {
  let digits = "";
  for (let i = 0; i < character.length; i++) {
    digits += `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`;
  }
  return digits;
}

/** Rows as lines whose columns are aligned: to the left, but for the numbers. */
export function alignTable(rows: readonly (readonly string[])[]): string[] {
  const columns = rows[0]?.map((_, column) => rows.map((row) => row[column]!)) ?? [];
  const widths = columns.map(widthOf);
  const areNumbers = columns.map((cells) => cells.slice(1).every(isNumber));
  return rows.map((row) =>
    row.map((cell, column) =>
      areNumbers[column] && rows.length > 1
        ? cell.padStart(widths[column]!)
        : cell.padEnd(widths[column]!)
    ).join("  ").trimEnd()
  );
}

/** The length of the longest cell; there may be more cells than a call takes arguments. */
function widthOf(cells: readonly string[]): number {
  return cells.reduce((width, cell) => Math.max(width, cell.length), 0);
}

/** Whether a cell is a number, perhaps with a unit, or the sign for none. */
function isNumber(cell: string): boolean {
  return /^(-|-?[\d,.]+( \S+)?)$/.test(cell);
}

/** Names with their values, as lines. */
export function alignPairs(pairs: readonly (readonly [name: string, value: string])[]): string[] {
  const width = widthOf(pairs.map(([name]) => name));
  return pairs.map(([name, value]) => `${name.padEnd(width)}  ${value}`.trimEnd());
}

/** A part of a line that may have a colour of the terminal's. */
export interface Span {
  readonly text: string;
  /** As a code of SGR. */
  readonly colour?: string;
}

/** A part of a line in its colour. */
export function coloured({ text, colour }: Span): string {
  return colour === undefined ? text : `\x1b[${colour}m${text}${RESET}`;
}
