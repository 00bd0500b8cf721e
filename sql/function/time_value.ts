/**
 * The times that the arguments of a function denote: a text or a number, and modifiers. What a
 * modifier does is found out once, and kept, as a statement uses few of them.
 */

import {
  DAY,
  dayOf,
  daysPast,
  type Moment,
  monthsLater,
  partsOf,
  UNIX,
  weekdayOf,
} from "../value/calendar.ts";
import { numberPrefix, textOf, wholeNumberText } from "../value/number_text.ts";
import { doubleOf, isNumeric, type SqlValue } from "../value/value.ts";
import { drawn } from "./outside.ts";

/** The beginning of the year 10000. */
const END = dayOf(10_000, 1, 1);
/** The end of the year 9999. */
const LAST = 464_269_060_799_999;

const DATE = /^(-?\d{4})-(\d{2})-(\d{2})/;
const TIME = /^(\d{2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?/;
const ZERO = 0x30;
const [DATE_CHARS, TIME_CHARS] = ["2026-11-30".length, "2026-11-30 12:34:56".length];
const ZONE = /^\s*(?:Z|([+-])(\d{2}):(\d{2}))\s*$/i;

/** The kinds of numbers that a first modifier can name. */
const NUMBER_KINDS: ReadonlySet<string> = new Set(["unixepoch", "auto", "julianday"]);
const KIND_LENGTHS = [...NUMBER_KINDS].map(({ length }) => length);
const MODIFIERS_MAX = 256;
/** What modifiers do that were used. */
const kept = new Map<string, Modifier>();

/** What a modifier does with a time; undefined if that is no time. */
type Modifier = (moment: Moment) => Moment | undefined;

function isTime(time: number): boolean {
  return time >= 0 && time <= LAST;
}

/** The milliseconds of a time of day at the beginning of a text, and what is after it. */
function timeOfDay(text: string): [number, string] | undefined {
  const match = TIME.exec(text);
  if (match === null) return undefined;
  const [whole, hour, minute, second = "0"] = match;
  if (Number(hour) > 24 || Number(minute) > 59 || Number(second) >= 60) return undefined;
  const ms = (Number(hour) * 60 + Number(minute)) * 60_000 + Math.round(Number(second) * 1000);
  return [ms, text.slice(whole.length)];
}

/** A time of day with its zone, moved to UTC; undefined if the text is none. */
function zoned(text: string): number | undefined {
  const found = timeOfDay(text);
  if (found === undefined) return undefined;
  const [ms, rest] = found;
  if (rest.trim() === "") return ms;
  const zone = ZONE.exec(rest);
  if (zone === null) return undefined;
  const offset = (Number(zone[2] ?? 0) * 60 + Number(zone[3] ?? 0)) * 60_000;
  return zone[1] === "-" ? ms + offset : ms - offset;
}

/** The number of the two digits at a place of a text; NaN if they are none. */
function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at) - ZERO;
  const ones = text.charCodeAt(at + 1) - ZERO;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? 10 * tens + ones : NaN;
}

/** The time of a text like `2026-11-30` or `2026-11-30 12:34:56`; undefined for all others. */
function plainTime(text: string): Moment | undefined {
  const { length } = text;
  if (length !== DATE_CHARS && length !== TIME_CHARS) return undefined;
  if (text[4] !== "-" || text[7] !== "-") return undefined;
  const year = 100 * twoDigits(text, 0) + twoDigits(text, 2);
  const month = twoDigits(text, 5);
  const day = twoDigits(text, 8);
  if (!(year >= 0 && month >= 1 && month <= 12 && day >= 1 && day <= 31)) return undefined;
  const midnight = dayOf(year, month, day);
  const past = daysPast(year, month, day);
  if (length === DATE_CHARS) return { time: midnight, past };
  if ((text[10] !== " " && text[10] !== "T") || text[13] !== ":" || text[16] !== ":") {
    return undefined;
  }
  const hour = twoDigits(text, 11);
  const minute = twoDigits(text, 14);
  const second = twoDigits(text, 17);
  if (!(hour <= 24 && minute <= 59 && second <= 59)) return undefined;
  return { time: midnight + ((hour * 60 + minute) * 60 + second) * 1000, past };
}

/** The time of a text; undefined if it is none. */
function timeOfText(text: string): Moment | undefined {
  const plain = plainTime(text);
  if (plain !== undefined) return plain;
  if (/^now$/i.test(text.trim())) return momentOf(drawn(() => new Date().getTime()) + UNIX);
  const date = DATE.exec(text);
  if (date !== null) {
    const [whole, year, month, day] = date;
    if (Number(month) < 1 || Number(month) > 12 || Number(day) < 1 || Number(day) > 31) {
      return undefined;
    }
    const rest = text.slice(whole.length);
    const midnight = dayOf(Number(year), Number(month), Number(day));
    const past = daysPast(Number(year), Number(month), Number(day));
    if (rest.trim() === "") return { time: midnight, past };
    const time = zoned(rest.replace(/^(?:[ \t]*T|[ \t]+)/, ""));
    return time === undefined ? undefined : { time: midnight + time, past };
  }
  const time = zoned(text);
  if (time !== undefined) return momentOf(dayOf(2000, 1, 1) + time);
  const number = wholeNumberText(text);
  return number === undefined ? undefined : momentOf(timeOfNumber(doubleOf(number)));
}

function momentOf(time: number | undefined): Moment | undefined {
  return time === undefined ? undefined : { time, past: 0 };
}

/** The time of a Julian day. */
function timeOfNumber(day: number): number | undefined {
  return day >= 0 && day < 5_373_484.5 ? Math.round(day * DAY) : undefined;
}

/**
 * The time that the arguments from `first` on denote, with its modifiers; undefined if they denote
 * none.
 */
export function timeOf(args: readonly SqlValue[], first = 0): number | undefined {
  const value = args[first];
  if (value === undefined) return drawn(() => new Date().getTime()) + UNIX;
  for (let i = first; i < args.length; i++) if (args[i] === null) return undefined;
  let next = first + 1;
  const unit = kindIn(args[next]);
  let moment = unit === undefined ? undefined : momentOfKind(value, unit);
  if (moment === null) return undefined;
  // A text that is no number may still be a time, and then only `auto` is no modifier of it.
  if (moment !== undefined || unit === "auto") next++;
  moment ??= isNumeric(value)
    ? momentOf(timeOfNumber(doubleOf(value)))
    : timeOfText(textOf(value as string));
  for (; next < args.length; next++) {
    if (moment === undefined) return undefined;
    moment = modifierOf(textOf(args[next] as string))(moment);
    // A time may be before the calendar's first day, as a later modifier may lead back.
    if (moment !== undefined && moment.time >= END) return undefined;
  }
  return moment !== undefined && isTime(moment.time) ? moment.time : undefined;
}

/** The kind of numbers that a modifier names; undefined if it names none. */
function kindIn(modifier: SqlValue | undefined): string | undefined {
  if (typeof modifier !== "string" || !KIND_LENGTHS.includes(modifier.length)) return undefined;
  const text = modifier.toLowerCase();
  return NUMBER_KINDS.has(text) ? text : undefined;
}

/** The time of a number of a kind; null if it is none, undefined if the value is no number. */
function momentOfKind(value: SqlValue, kind: string): Moment | null | undefined {
  const number = isNumeric(value) ? doubleOf(value) : numberIn(textOf(value!));
  return number === undefined ? undefined : momentOf(withUnit(number, kind)) ?? null;
}

function numberIn(text: string): number | undefined {
  return wholeNumberText(text) === undefined ? undefined : doubleOf(numberPrefix(text));
}

function withUnit(value: number, unit: string): number | undefined {
  const isDay = unit === "julianday" || (unit === "auto" && value >= 0 && value < 5_373_484.5);
  if (isDay) return timeOfNumber(value);
  const time = Math.round(value * 1000) + UNIX;
  return isTime(time) ? time : undefined;
}

const UNITS: Readonly<Record<string, number>> = {
  second: 1000,
  minute: 60_000,
  hour: 3_600_000,
  day: DAY,
};

/** What a modifier does. */
function modifierOf(text: string): Modifier {
  const known = kept.get(text);
  if (known !== undefined) return known;
  const modifier = compiled(text.toLowerCase());
  if (kept.size >= MODIFIERS_MAX) kept.clear();
  kept.set(text, modifier);
  return modifier;
}

function compiled(modifier: string): Modifier {
  const named = NAMED.get(modifier);
  if (named !== undefined) return named;
  const weekday = /^weekday ([0-6])(?:\.0*)?$/.exec(modifier);
  if (weekday !== null) {
    const wanted = Number(weekday[1]);
    return ({ time, past }) => {
      return { time: time + (wanted - weekdayOf(time) + 7) % 7 * DAY, past };
    };
  }
  const count = COUNT.exec(modifier);
  if (count !== null) return ({ time }) => moved(time, Number(count[1]), count[2]!);
  const date = /^([+-])(\d{4,5})-(\d\d)-(\d\d)(?: (\d\d:\d\d.*))?$/.exec(modifier);
  if (date !== null) return ({ time }) => movedByDate(time, date);
  return ({ time }) => momentOf(movedByTime(time, modifier));
}

/** The modifiers that are words. */
const NAMED: ReadonlyMap<string, Modifier> = new Map(Object.entries<Modifier>({
  "start of month": ({ time }) => {
    const { year, month } = partsOf(time);
    return momentOf(dayOf(year, month, 1));
  },
  "start of year": ({ time }) => momentOf(dayOf(partsOf(time).year, 1, 1)),
  "start of day": ({ time, past }) => {
    const { year, month, day } = partsOf(time);
    return { time: dayOf(year, month, day), past };
  },
  floor: ({ time, past }) => momentOf(time - past * DAY),
  ceiling: ({ time }) => momentOf(time),
  utc: (moment) => moment,
  subsec: (moment) => moment,
  subsecond: (moment) => moment,
}));
const COUNT = new RegExp(
  /^([+-]?\d+(?:\.\d*)?(?:e[+-]?\d+)?|[+-]\.\d+(?:e[+-]?\d+)?)/.source +
    /\s*(second|minute|hour|day|month|year)s?$/.source,
);

/** A modifier like `+0001-02-03 04:05`. */
function movedByDate(time: number, found: RegExpExecArray): Moment | undefined {
  const [, sign, years, months, days, clock] = found;
  if (Number(months) > 11 || Number(days) > 30) return undefined;
  const direction = sign === "-" ? -1 : 1;
  const later = monthsLater(time, direction * (Number(years) * 12 + Number(months)));
  const moved = later.time + direction * Number(days) * DAY;
  const at = clock === undefined ? moved : movedByTime(moved, `${sign}${clock}`);
  return at === undefined ? undefined : { time: at, past: later.past };
}

/** A modifier like `+02:30` or `-10:00:00`. */
function movedByTime(time: number, modifier: string): number | undefined {
  const sign = modifier.startsWith("-") ? -1 : 1;
  const found = timeOfDay(modifier.replace(/^[+-]/, ""));
  return found === undefined || found[1] !== "" ? undefined : time + sign * (found[0] % DAY);
}

function moved(time: number, count: number, unit: string): Moment {
  const length = UNITS[unit];
  if (length !== undefined) return { time: time + Math.round(count * length), past: 0 };
  const whole = Math.trunc(count);
  const later = monthsLater(time, unit === "month" ? whole : 12 * whole);
  const rest = (count - whole) * (unit === "month" ? 30 : 365) * DAY;
  return { time: later.time + Math.sign(rest) * Math.round(Math.abs(rest)), past: later.past };
}
