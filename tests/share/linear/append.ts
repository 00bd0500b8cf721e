/**
 * The check of lists to which transactions append: whether the transactions of several processes
 * can be put in one order that agrees with what each read, and with the times at which each was
 * called and returned.
 *
 * Each element is appended once, so a list that was read shows the order of the appends to it. Thus
 * each transaction is before some others. One that appended an element is before those that read it
 * or appended behind it; one that did not read an element is before the one that appended it; and
 * one that returned is before those that were called later. There is an order if these relations
 * have no cycle.
 */

/** An append to a list, or a read of it. */
export type ListStep =
  | { readonly list: string; readonly append: number }
  | { readonly list: string; readonly read: readonly number[] };

/** A transaction that was committed. */
export interface ListCall {
  readonly process: number;
  readonly begin: number;
  readonly end: number;
  readonly steps: readonly ListStep[];
}

/** Why there is no order; undefined if there is one. */
export function whyNoOrder(calls: readonly ListCall[]): string | undefined {
  const appended = new Map<number, number>();
  const longest = new Map<string, readonly number[]>();
  for (const [i, { steps }] of calls.entries()) {
    for (const step of steps) {
      if ("append" in step) appended.set(step.append, i);
      else if (step.read.length > (longest.get(step.list)?.length ?? 0)) {
        longest.set(step.list, step.read);
      }
    }
  }
  const before = calls.map(() => new Set<number>());
  const note = (first: number | undefined, second: number | undefined) => {
    if (first !== undefined && second !== undefined && first !== second) before[second]!.add(first);
  };
  for (const list of longest.values()) {
    for (let i = 1; i < list.length; i++) note(appended.get(list[i - 1]!), appended.get(list[i]!));
  }
  for (const [i, { steps }] of calls.entries()) {
    const own = new Set(steps.flatMap((step) => "append" in step ? [step.append] : []));
    for (const step of steps) {
      if ("append" in step) continue;
      const list = longest.get(step.list) ?? [];
      const isPrefix = step.read.every((element, at) => list[at] === element);
      if (!isPrefix) return `two orders of list ${step.list}: ${step.read} and ${list}`;
      const seen = step.read.filter((element) => !own.has(element));
      for (const element of seen) {
        if (!appended.has(element)) return `an element that nobody appended: ${element}`;
      }
      note(appended.get(seen.at(-1) ?? -1), i);
      const next = list.slice(step.read.length).find((element) => !own.has(element));
      if (next !== undefined) note(i, appended.get(next));
    }
  }
  for (const [i, { begin }] of calls.entries()) {
    for (const [j, { end }] of calls.entries()) if (end < begin) note(j, i);
  }
  return circleIn(before);
}

/** Takes away whoever has nobody left before it; those that remain form circles. */
function circleIn(before: readonly ReadonlySet<number>[]): string | undefined {
  const left = new Set(before.keys());
  for (let isLess = true; isLess;) {
    isLess = false;
    for (const i of left) {
      if ([...before[i]!].some((first) => left.has(first))) continue;
      left.delete(i);
      isLess = true;
    }
  }
  return left.size === 0 ? undefined : `a circle among transactions ${[...left].slice(0, 20)}`;
}
