/**
 * What a sharing process logs, and the checker that holds the logs of all processes against the
 * order of commits in the database.
 */

/** The last transaction: its number in the order of commits, and its name. */
export interface Head {
  readonly number: number;
  readonly id: string;
}

/** A key, and the length of the value that it was set to; -1 = deleted. */
export type Write = readonly [string, number];

/** A key, and its value in short. */
type Found = readonly [string, string | undefined | null];

/** A line of a log. */
export type Line =
  | { is: "try"; id: string; number: number; writes: readonly Write[] }
  | { is: "done"; id: string; number: number; time: number }
  | { is: "read" | "all"; number: number; after: number; begin: number; found: readonly Found[] }
  | { is: "old"; number: number; isAll: boolean; found: readonly Found[] }
  | { is: "too old" }
  | { is: "closing" };

/** The log of one process. */
export interface Log {
  readonly name: string;
  readonly lines: readonly Line[];
}

/** What was checked. */
export interface Checked {
  transactions: number;
  reads: number;
  snapshotReads: number;
  tooOld: number;
}

/** By what a clock of milliseconds is wrong, and what a turn may lag. */
const SLACK_MS = 5;

/** Parses a log; its last line may be cut. */
export function parseLog(name: string, text: string): Log {
  const lines = text.split("\n").slice(0, -1).map((line) => JSON.parse(line) as Line);
  return { name, lines };
}

/** Checks logs against the order of commits: the names of transactions, from number 1 on. */
export class Checker {
  readonly checked: Checked = { transactions: 0, reads: 0, snapshotReads: 0, tooOld: 0 };
  readonly #order: readonly string[];
  /** For each key, the numbers and values that it had. */
  readonly #values = new Map<string, [number, string | undefined][]>();
  /** When each number was acknowledged first. */
  readonly #acknowledged: [number, number][] = [];
  readonly #faults: string[] = [];

  constructor(order: readonly string[], logs: readonly Log[]) {
    this.#order = order;
    this.#replay(logs);
    for (const log of logs) this.#noteAcknowledged(log);
    this.#acknowledged.sort((a, b) => a[0] - b[0]);
    for (const log of logs) this.#check(log);
  }

  /** What is wrong. */
  get faults(): readonly string[] {
    return this.#faults;
  }

  /** All keys with their values after the last transaction. */
  last(): Map<string, string> {
    return this.#stateAt(this.#order.length);
  }

  #replay(logs: readonly Log[]): void {
    const tries = new Map<string, readonly Write[]>();
    for (const { lines } of logs) {
      for (const line of lines) if (line.is === "try") tries.set(line.id, line.writes);
    }
    this.#order.forEach((id, i) => {
      const writes = tries.get(id);
      if (writes === undefined) return this.#fault(`transaction ${i + 1}, ${id}, was never tried`);
      this.checked.transactions++;
      for (const [key, length] of writes) {
        let history = this.#values.get(key);
        if (history === undefined) this.#values.set(key, history = []);
        history.push([i + 1, length < 0 ? undefined : shortOf(id, key, length)]);
      }
    });
  }

  #noteAcknowledged({ name, lines }: Log): void {
    for (const line of lines) {
      if (line.is !== "done") continue;
      const { id, number, time } = line;
      if (this.#order[number - 1] !== id) {
        this.#fault(`${name}: ${id} was acknowledged as ${number}, and is not there`);
      }
      this.#acknowledged.push([time, number]);
    }
  }

  #check({ name, lines }: Log): void {
    let seen = 0;
    for (const line of lines) {
      if (line.is === "too old") this.checked.tooOld++;
      if (line.is === "old") {
        this.checked.snapshotReads++;
        this.#checkFound(`${name}, a snapshot`, line.number, line.found, line.isAll);
      }
      if (line.is === "done") {
        if (line.number < seen) this.#fault(`${name}: went back from ${seen} to ${line.number}`);
        seen = Math.max(seen, line.number);
      }
      if (line.is !== "read" && line.is !== "all") continue;
      this.checked.reads++;
      if (line.number < seen) this.#fault(`${name}: went back from ${seen} to ${line.number}`);
      if (line.after < line.number) this.#fault(`${name}: went back within a job`);
      seen = line.after;
      const least = this.#acknowledgedBefore(line.begin - SLACK_MS);
      if (line.after < least) {
        this.#fault(`${name}: saw ${line.after} although ${least} was acknowledged before`);
      }
      if (line.number !== line.after) continue;
      this.#checkFound(`${name}, a read`, line.number, line.found, line.is === "all");
    }
  }

  #checkFound(who: string, number: number, found: readonly Found[], isAll: boolean): void {
    if (isAll) {
      const state = this.#stateAt(number);
      const want = [...state].sort().map(([key, value]) => `${key}=${value}`).join();
      const have = found.map(([key, value]) => `${key}=${value}`).sort().join();
      const sorted = [...state].map(([key, value]) => `${key}=${value}`).sort().join();
      if (have !== sorted) this.#fault(`${who} of ${number}: ${differs(have, want)}`);
      return;
    }
    for (const [key, value] of found) {
      const want = this.#valueAt(key, number);
      if ((value ?? undefined) === want) continue;
      this.#fault(`${who} of ${number}: ${key} is ${value}, not ${want}`);
    }
  }

  #valueAt(key: string, number: number): string | undefined {
    const history = this.#values.get(key) ?? [];
    let low = 0;
    let high = history.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (history[middle]![0] <= number) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? undefined : history[low - 1]![1];
  }

  #stateAt(number: number): Map<string, string> {
    const state = new Map<string, string>();
    for (const key of this.#values.keys()) {
      const value = this.#valueAt(key, number);
      if (value !== undefined) state.set(key, value);
    }
    return state;
  }

  /** The highest number that was acknowledged before a time. */
  #acknowledgedBefore(time: number): number {
    if (this.#highest === undefined) {
      let highest = 0;
      this.#highest = this.#acknowledged.map(([, number]) => highest = Math.max(highest, number));
    }
    let low = 0;
    let high = this.#acknowledged.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#acknowledged[middle]![0] < time) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? 0 : this.#highest[low - 1]!;
  }

  #highest: number[] | undefined;

  #fault(text: string): void {
    if (this.#faults.length < 20) this.#faults.push(text);
  }
}

/** A value in short, as `sharer.ts` describes what it finds. */
function shortOf(id: string, key: string, length: number): string {
  if (length === 0) return "empty";
  const text = `${id} ${key} ${length} `;
  return `${length < 30 ? text.repeat(3).slice(0, length) : id} ${length}`;
}

function differs(have: string, want: string): string {
  const wanted = new Set(want.split(","));
  const had = new Set(have.split(","));
  const missing = [...wanted].filter((one) => !had.has(one)).slice(0, 3);
  const extra = [...had].filter((one) => !wanted.has(one)).slice(0, 3);
  return `lacks ${missing.join()}, has ${extra.join()}`;
}
