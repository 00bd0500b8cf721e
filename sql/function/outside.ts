/**
 * What statements take from outside: times and random values. On a tape, they are the same when
 * the statement runs again.
 */

/** What was drawn, in order. */
export interface Tape {
  readonly values: unknown[];
  /** The index of the value that is next. */
  at: number;
}

let current: Tape | undefined;

/** Draws a value, or takes the one that was drawn when the statement ran before. */
export function drawn<T>(draw: () => T): T {
  if (current === undefined) return draw();
  const { values, at } = current;
  if (at === values.length) values.push(draw());
  current.at++;
  return values[at] as T;
}

/** Runs a body whose draws are on a tape, from its beginning. */
export function onTape<T>(tape: Tape, body: () => T): T {
  const before = current;
  current = tape;
  tape.at = 0;
  try {
    return body();
  } finally {
    current = before;
  }
}
