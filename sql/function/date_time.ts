/**
 * The functions of date and time, which take a time and modifiers of it. There are no local times.
 */

import {
  DAY,
  dayOf,
  daysPast,
  differenceOf,
  type Moment,
  monthsLater,
  type Parts,
  partsOf,
  UNIX,
} from "../value/calendar.ts";
import { numberPrefix, textOf, wholeNumberText } from "../value/number_text.ts";
import { doubleOf, isNumeric, Real, type SqlValue } from "../value/value.ts";
import { drawn } from "./outside.ts";
import { define, type ScalarDefinition, strict } from "./types.ts";

const YEAR_MAX = 9999;
/** The end of the year 9999. */
const LAST = 464_269_060_799_999;

const DATE = /^([+-]?\d{4})-(\d{2})-(\d{2})/;
const TIME = /^(\d{2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?/;
const ZONE = /^\s*(?:Z|([+-])(\d{2}):(\d{2}))$/i;

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

/** The time of a text; undefined if it is none. */
function timeOfText(text: string): Moment | undefined {
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

/** The time that the arguments denote, with its modifiers; undefined if they denote none. */
function timeOf(args: readonly SqlValue[]): number | undefined {
  const [value, ...modifiers] = args;
  if (value === undefined) return drawn(() => new Date().getTime()) + UNIX;
  if (args.includes(null)) return undefined;
  const [first] = modifiers;
  const number = isNumeric(value) ? doubleOf(value) : undefined;
  const text = number === undefined ? textOf(value as string) : undefined;
  let moment: Moment | undefined;
  let rest = modifiers;
  const unit = typeof first === "string" ? first.toLowerCase() : "";
  const given = number ??
    (wholeNumberText(text!) === undefined ? undefined : doubleOf(numberPrefix(text!)));
  if (given !== undefined && ["unixepoch", "auto", "julianday"].includes(unit)) {
    moment = momentOf(withUnit(given, unit));
    rest = modifiers.slice(1);
  } else {
    moment = number === undefined ? timeOfText(text!) : momentOf(timeOfNumber(number));
    if (unit === "auto") rest = modifiers.slice(1);
  }
  for (const modifier of rest) {
    if (moment === undefined) return undefined;
    moment = modified(moment, textOf(modifier as string).toLowerCase());
    // A time may be before the calendar's first day, as a later modifier may lead back.
    if (moment !== undefined && partsOf(moment.time).year > YEAR_MAX) return undefined;
  }
  return moment !== undefined && isTime(moment.time) ? moment.time : undefined;
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

function modified({ time, past }: Moment, modifier: string): Moment | undefined {
  const { year, month, day } = partsOf(time);
  switch (modifier) {
    case "start of month":
      return momentOf(dayOf(year, month, 1));
    case "start of year":
      return momentOf(dayOf(year, 1, 1));
    case "start of day":
      return { time: dayOf(year, month, day), past };
    case "floor":
      return momentOf(time - past * DAY);
    case "ceiling":
      return momentOf(time);
    case "utc":
    case "subsec":
    case "subsecond":
      return { time, past };
  }
  const weekday = /^weekday ([0-6])(?:\.0*)?$/.exec(modifier);
  if (weekday !== null) {
    const ahead = (Number(weekday[1]) - weekdayOf(time) + 7) % 7;
    return { time: time + ahead * DAY, past };
  }
  const count =
    /^([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?)\s*(second|minute|hour|day|month|year)s?$/
      .exec(modifier);
  if (count !== null) return moved(time, Number(count[1]), count[2]!);
  const date = /^([+-])(\d{4,5})-(\d\d)-(\d\d)(?: (\d\d:\d\d.*))?$/.exec(modifier);
  if (date !== null) return movedByDate(time, date);
  return momentOf(movedByTime(time, modifier));
}

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
  return found === undefined || found[1] !== "" ? undefined : time + sign * found[0];
}

function moved(time: number, count: number, unit: string): Moment {
  const length = UNITS[unit];
  if (length !== undefined) return { time: time + Math.round(count * length), past: 0 };
  const whole = Math.trunc(count);
  const later = monthsLater(time, unit === "month" ? whole : 12 * whole);
  const rest = (count - whole) * (unit === "month" ? 30 : 365) * DAY;
  return { time: later.time + Math.sign(rest) * Math.round(Math.abs(rest)), past: later.past };
}

function two(value: number): string {
  return padded(Math.floor(value), 2);
}

/** A number padded with zeros to a width that includes its sign. */
function padded(value: number, width: number): string {
  const digits = String(Math.abs(value));
  return value < 0 ? `-${digits.padStart(width - 1, "0")}` : digits.padStart(width, "0");
}

function dateText({ year, month, day }: Parts): string {
  const sign = year < 0 ? "-" : "";
  return `${sign}${String(Math.abs(year)).padStart(4, "0")}-${two(month)}-${two(day)}`;
}

function clockText({ hour, minute, second }: Parts, isExact: boolean): string {
  const seconds = isExact ? second.toFixed(3).padStart(6, "0") : two(second);
  return `${two(hour)}:${two(minute)}:${seconds}`;
}

function isExact(args: readonly SqlValue[]): boolean {
  return args.some((arg) => typeof arg === "string" && /^\s*subsec(ond)?\s*$/i.test(arg));
}

/** A function of a time and its modifiers; NULL if the arguments denote no time. */
function ofTime(result: (time: number, args: readonly SqlValue[]) => SqlValue): ScalarDefinition {
  return define(0, 127, (args) => {
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
const LETTERS: Readonly<Record<string, (parts: Parts, time: number, isExact: boolean) => string>> =
  {
    d: ({ day }) => two(day),
    e: ({ day }) => String(day).padStart(2),
    f: ({ second }) => Math.min(second, 59.999).toFixed(3).padStart(6, "0"),
    F: ({ year, month, day }) => `${padded(year, 4)}-${two(month)}-${two(day)}`,
    G: (_, time) => padded(isoWeek(time)[0], 4),
    g: (_, time) => two(isoWeek(time)[0] % 100),
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
  };

/** The day of the week, from Sunday = 0. */
function weekdayOf(time: number): number {
  return new Date(time - UNIX).getUTCDay();
}

function strftime(args: readonly SqlValue[]): SqlValue {
  const [format, ...rest] = args;
  const time = format === null ? undefined : timeOf(rest);
  if (time === undefined) return null;
  let isKnown = true;
  const text = textOf(format as string).replace(/%(.?)/gs, (_, code: string) => {
    const meaning = Object.hasOwn(LETTERS, code) ? LETTERS[code] : undefined;
    isKnown &&= meaning !== undefined;
    return meaning?.(partsOf(time), time, isExact(rest)) ?? "";
  });
  return isKnown ? text : null;
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
  strftime: define(1, 127, strftime),
  timediff: strict(2, 2, timeDifference),
  time: ofTime((time, args) => clockText(partsOf(time), isExact(args))),
  unixepoch: ofTime((time, args) =>
    isExact(args) ? new Real((time - UNIX) / 1000) : Math.floor((time - UNIX) / 1000)
  ),
};
