/**
 * The difference of two times in years, months, days and a time of day, as `timediff` has it.
 */

/** A month of the calendar. */
export interface Month {
  readonly year: number;
  readonly month: number;
}

/** What differs: months are counted so that the rest is shorter than one. */
export interface Difference {
  readonly isNegative: boolean;
  readonly years: number;
  readonly months: number;
  /** The rest in milliseconds. */
  readonly rest: number;
}

/**
 * The difference of two times.
 *
 * @param monthOf The month of a time.
 * @param inMonth The second time in another month.
 */
export function differenceOf(
  time: number,
  other: number,
  monthOf: (time: number) => Month,
  inMonth: (month: Month) => number,
): Difference {
  const isNegative = time < other;
  const sign = isNegative ? -1 : 1;
  const target = monthOf(time);
  const from = monthOf(other);
  let count = sign * ((target.year - from.year) * 12 + target.month - from.month);
  let moved = count === 0 ? other : inMonth(target);
  // The last month is not whole: one less.
  for (let back = 1; sign * (time - moved) < 0; back++) {
    count--;
    const index = target.year * 12 + target.month - 1 - sign * back;
    moved = inMonth({ year: Math.floor(index / 12), month: index % 12 + 1 });
  }
  const years = Math.floor(count / 12);
  return { isNegative, years, months: count - 12 * years, rest: sign * (time - moved) };
}
