/**
 * What is wrong with a file: a list with an end, and the count of all.
 */

import type { CorruptionError } from "../../pager/mod.ts";

/** `maxFindings` unless said otherwise. */
const FINDINGS_MAX = 1000;

/** One broken rule. */
export interface Finding {
  /** The page that breaks it. */
  readonly page: number;
  /** Where in the file, in bytes. */
  readonly offset: number;
  /** The rule, in words. */
  readonly rule: string;
}

/** What breaks a rule, without the stack of the error. */
export function findingOf({ page, offset, rule }: CorruptionError | Finding): Finding {
  return { page, offset, rule };
}

/** Broken rules, as many as are kept. */
export class Findings {
  /** Those that are kept, in the order in which they were found. */
  readonly kept: Finding[] = [];
  /** How many there were. */
  count = 0;
  /** How many are kept. */
  readonly most: number;

  /**
   * None yet.
   *
   * @param most How many to keep.
   * @throws {RangeError} That is no count.
   */
  constructor(most: number = FINDINGS_MAX) {
    if (!Number.isSafeInteger(most) || most < 0) {
      throw new RangeError(`Cannot keep findings: maxFindings ${most} is no count`);
    }
    this.most = most;
  }

  /** Adds one. */
  add(found: CorruptionError | Finding): void {
    this.count++;
    if (this.kept.length < this.most) this.kept.push(findingOf(found));
  }
}
