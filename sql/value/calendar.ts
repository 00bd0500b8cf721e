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

// Days are counted in eras of 400 years, which begin in March of a year that 400 divides.
const ERA_YEARS = 400;
const ERA_DAYS = 146_097;
/** The days from the beginning of era 0 to 1970-01-01. */
const DAYS_TO_UNIX = 719_468;

/** The days in an era before a year of it. */
function daysBefore(year: number): number {
  return 365 * year + Math.floor(year / 4) - Math.floor(year / 100);
}

/** The days in a year before a month, counted from March = 0. */
function daysBeforeMonth(month: number): number {
  return Math.floor((153 * month + 2) / 5);
}

/**
 * The time of a day, at midnight; a day past the end of its month is in the next one, and month 13
 * is January.
 */
export function dayOf(year: number, month: number, day: number): number {
  const months = month + 9;
  const marchYear = year - 1 + Math.floor(months / 12);
  const era = Math.floor(marchYear / ERA_YEARS);
  const days = daysBefore(marchYear - era * ERA_YEARS) + daysBeforeMonth(months % 12) + day - 1;
  return (era * ERA_DAYS + days - DAYS_TO_UNIX) * DAY + UNIX;
}

/** The day of a time, counted from 1970-01-01. */
function unixDay(time: number): number {
  return Math.floor((time - UNIX) / DAY);
}

/** The day of the week, from Sunday = 0. */
export function weekdayOf(time: number): number {
  return (unixDay(time) % 7 + 11) % 7;
}

/** The parts of a time. */
export function partsOf(time: number): Parts {
  const days = unixDay(time);
  const ms = time - UNIX - days * DAY;
  const since = days + DAYS_TO_UNIX;
  const era = Math.floor(since / ERA_DAYS);
  const ofEra = since - era * ERA_DAYS;
  const leapDays = Math.floor(ofEra / 1460) - Math.floor(ofEra / 36_524) +
    Math.floor(ofEra / (ERA_DAYS - 1));
  const marchYear = Math.floor((ofEra - leapDays) / 365);
  const ofYear = ofEra - daysBefore(marchYear);
  const month = Math.floor((5 * ofYear + 2) / 153);
  return {
    year: era * ERA_YEARS + marchYear + (month > 9 ? 1 : 0),
    month: month > 9 ? month - 9 : month + 3,
    day: ofYear - daysBeforeMonth(month) + 1,
    hour: Math.floor(ms / 3_600_000),
    minute: Math.floor(ms / 60_000) % 60,
    second: ms % 60_000 / 1000,
  };
}

/** The days that each month has. */
const DAYS_LEAST = 28;

/** The days by which a day is past the end of its month. */
export function daysPast(year: number, month: number, day: number): number {
  if (day <= DAYS_LEAST) return 0;
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
  const inYear = Math.floor(index / 12);
  const inMonth = ((index % 12) + 12) % 12 + 1;
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
