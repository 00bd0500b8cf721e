/**
 * The functions of date and time, which take a time and modifiers of it. There are no local times.
 */

import {
  DAY,
  dayOf,
  differenceOf,
  type Parts,
  partsOf,
  UNIX,
  weekdayOf,
} from "../value/calendar.ts";
import { textOf } from "../value/number_text.ts";
import { Real, type SqlValue } from "../value/value.ts";
import { timeOf } from "./time_value.ts";
import { ARGUMENTS_MAX, define, type ScalarDefinition, strict } from "./types.ts";

const TWO_DIGITS = Array.from({ length: 100 }, (_, i) => String(i).padStart(2, "0"));

/** A number of at most two digits, with a zero before one. */
function two(value: number): string {
  return TWO_DIGITS[Math.floor(value)]!;
}

/** A number padded with zeros to a width that includes its sign. */
function padded(value: number, width: number): string {
  const digits = String(Math.abs(value));
  return value < 0 ? `-${digits.padStart(width - 1, "0")}` : digits.padStart(width, "0");
}

function dateText({ year, month, day }: Parts): string {
  const text = year < 1000 ? `${year < 0 ? "-" : ""}${padded(Math.abs(year), 4)}` : year;
  return `${text}-${two(month)}-${two(day)}`;
}

function clockText({ hour, minute, second }: Parts, isExact: boolean): string {
  const seconds = isExact ? second.toFixed(3).padStart(6, "0") : two(second);
  return `${two(hour)}:${two(minute)}:${seconds}`;
}

function isExact(args: readonly SqlValue[]): boolean {
  for (let i = 1; i < args.length; i++) {
    const arg = args[i];
    if (typeof arg === "string" && /^\s*subsec(ond)?\s*$/i.test(arg)) return true;
  }
  return false;
}

/** A function of a time and its modifiers; NULL if the arguments denote no time. */
function ofTime(result: (time: number, args: readonly SqlValue[]) => SqlValue): ScalarDefinition {
  return define(0, ARGUMENTS_MAX, (args) => {
    const time = timeOf(args);
    return time === undefined ? null : result(time, args);
  });
}

/** The day of the year, from 0. */
function dayOfYear(time: number): number {
  return Math.floor((time - dayOf(partsOf(time).year, 1, 1)) / DAY);
}

/** The year and the week of ISO 8601. */
function isoWeek(time: number): [year: number, week: number] {
  const weekday = (weekdayOf(time) + 6) % 7;
  const thursday = time + (3 - weekday) * DAY;
  return [partsOf(thursday).year, Math.floor(dayOfYear(thursday) / 7) + 1];
}

/** What the letters of `strftime` mean. */
const LETTERS: ReadonlyMap<string, Letter> = new Map(Object.entries<Letter>({
  d: ({ day }) => two(day),
  e: ({ day }) => String(day).padStart(2),
  f: ({ second }) => Math.min(second, 59.999).toFixed(3).padStart(6, "0"),
  F: ({ year, month, day }) => `${padded(year, 4)}-${two(month)}-${two(day)}`,
  G: (_, time) => padded(isoWeek(time)[0], 4),
  g: (_, time) => padded(isoWeek(time)[0] % 100, 2),
  H: ({ hour }) => two(hour),
  I: ({ hour }) => two((hour + 11) % 12 + 1),
  j: (_, time) => String(dayOfYear(time) + 1).padStart(3, "0"),
  J: (_, time) => String(Number((time / DAY).toPrecision(16))),
  k: ({ hour }) => String(hour).padStart(2),
  l: ({ hour }) => String((hour + 11) % 12 + 1).padStart(2),
  m: ({ month }) => two(month),
  M: ({ minute }) => two(minute),
  p: ({ hour }) => hour < 12 ? "AM" : "PM",
  P: ({ hour }) => hour < 12 ? "am" : "pm",
  R: ({ hour, minute }) => `${two(hour)}:${two(minute)}`,
  s: (_, time, isExact) => {
    const seconds = (time - UNIX) / 1000;
    return isExact ? seconds.toFixed(3) : String(Math.floor(seconds));
  },
  S: ({ second }) => two(second),
  T: (parts) => clockText(parts, false),
  u: (_, time) => String(weekdayOf(time) || 7),
  U: (_, time) => two(Math.floor((dayOfYear(time) + 7 - weekdayOf(time)) / 7)),
  V: (_, time) => two(isoWeek(time)[1]),
  w: (_, time) => String(weekdayOf(time)),
  W: (_, time) => two(Math.floor((dayOfYear(time) + 7 - (weekdayOf(time) + 6) % 7) / 7)),
  Y: ({ year }) => padded(year, 4),
  "%": () => "%",
}));

function strftime(args: readonly SqlValue[]): SqlValue {
  const [format] = args;
  const time = format === null ? undefined : timeOf(args, 1);
  if (time === undefined) return null;
  const pieces = piecesOf(textOf(format as string));
  if (pieces === null) return null;
  const parts = partsOf(time);
  const exact = isExact(args);
  let text = "";
  for (const piece of pieces) text += typeof piece === "string" ? piece : piece(parts, time, exact);
  return text;
}

/** What a letter of a format means. */
type Letter = (parts: Parts, time: number, isExact: boolean) => string;
/** The pieces of a format: its text, and what its letters mean. */
type Pieces = readonly (string | Letter)[];

const FORMATS_MAX = 64;
/** The pieces of formats that were used; null for those with a letter that means nothing. */
const kept = new Map<string, Pieces | null>();

function piecesOf(format: string): Pieces | null {
  let pieces = kept.get(format);
  if (pieces === undefined) {
    if (kept.size >= FORMATS_MAX) kept.clear();
    kept.set(format, pieces = parsedFormat(format));
  }
  return pieces;
}

function parsedFormat(format: string): Pieces | null {
  const pieces: (string | Letter)[] = [];
  for (const [part] of format.matchAll(/%.?|[^%]+/gs)) {
    const isLetter = part.startsWith("%");
    const piece = isLetter ? LETTERS.get(part.slice(1)) : part;
    if (piece === undefined) return null;
    pieces.push(piece);
  }
  return pieces;
}

function timeDifference([a, b]: readonly SqlValue[]): SqlValue {
  const [time, other] = [timeOf([a!]), timeOf([b!])];
  if (time === undefined || other === undefined) return null;
  const found = differenceOf(time, other);
  const days = Math.floor(found.rest / DAY);
  const clock = clockText(partsOf(UNIX + found.rest - days * DAY), true);
  const years = String(found.years).padStart(4, "0");
  return `${found.isNegative ? "-" : "+"}${years}-${two(found.months)}-${two(days)} ${clock}`;
}

/** The functions of date and time. */
export const TIME_FUNCTIONS: Readonly<Record<string, ScalarDefinition>> = {
  date: ofTime((time) => dateText(partsOf(time))),
  datetime: ofTime((time, args) => {
    const parts = partsOf(time);
    return `${dateText(parts)} ${clockText(parts, isExact(args))}`;
  }),
  julianday: ofTime((time) => new Real(time / DAY)),
  strftime: define(1, ARGUMENTS_MAX, strftime),
  timediff: strict(2, 2, timeDifference),
  time: ofTime((time, args) => clockText(partsOf(time), isExact(args))),
  unixepoch: ofTime((time, args) =>
    isExact(args) ? new Real((time - UNIX) / 1000) : Math.floor((time - UNIX) / 1000)
  ),
};
