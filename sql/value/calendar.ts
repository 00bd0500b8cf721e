/**
 * Times of the Gregorian calendar: milliseconds since noon of November 24 of the year -4713, the
 * Julian day 0, in UTC.
 */

/** The milliseconds of a day. */
export const DAY = 86_400_000;
/** The Julian day of 1970-01-01, in milliseconds. */
export const UNIX = 210_866_760_000_000;

/** The parts of a time. */
export interface Parts {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  /** With its fraction. */
  readonly second: number;
}

/** The time of a day, at midnight; a day past the end of its month is in the next one. */
export function dayOf(year: number, month: number, day: number): number {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.getTime() + UNIX;
}

/** The parts of a time. */
export function partsOf(time: number): Parts {
  const date = new Date(time - UNIX);
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds() + date.getUTCMilliseconds() / 1000,
  };
}

/** The days by which a day is past the end of its month. */
export function daysPast(year: number, month: number, day: number): number {
  return Math.max(0, day - Math.round((dayOf(year, month + 1, 1) - dayOf(year, month, 1)) / DAY));
}

/** A time, and by how many days its day was past the end of the month that was meant. */
export interface Moment {
  readonly time: number;
  readonly past: number;
}

/** A time some months later, on the same day of the month. */
export function monthsLater(time: number, months: number): Moment {
  const { year, month, day } = partsOf(time);
  const index = year * 12 + month - 1 + months;
  const [inYear, inMonth] = [Math.floor(index / 12), ((index % 12) + 12) % 12 + 1];
  const ofDay = time - dayOf(year, month, day);
  return { time: dayOf(inYear, inMonth, day) + ofDay, past: daysPast(inYear, inMonth, day) };
}

/** What differs between two times: months are counted so that the rest is shorter than one. */
export interface Difference {
  readonly isNegative: boolean;
  readonly years: number;
  readonly months: number;
  /** The rest in milliseconds. */
  readonly rest: number;
}

/** The difference of two times. */
export function differenceOf(time: number, other: number): Difference {
  const isNegative = time < other;
  const sign = isNegative ? -1 : 1;
  const [to, from] = [partsOf(time), partsOf(other)];
  let months = sign * ((to.year - from.year) * 12 + to.month - from.month);
  let moved = monthsLater(other, sign * months).time;
  while (sign * (time - moved) < 0) {
    months--;
    moved = monthsLater(other, sign * months).time;
  }
  const years = Math.floor(months / 12);
  return { isNegative, years, months: months - 12 * years, rest: sign * (time - moved) };
}
