/**
 * Findings: a bounded list of broken rules, and the count of all.
 */

import type { CorruptionError } from "../../pager/mod.ts";

/** The default of `maxFindings`. */
const FINDINGS_MAX = 1000;

/** One broken rule. */
export interface Finding {
  /** The page that breaks it. */
  readonly page: number;
  /** The offset in the file, in bytes. */
  readonly offset: number;
  /** The rule, in words. */
  readonly rule: string;
}

/** A finding, without the stack of its error. */
export function findingOf({ page, offset, rule }: CorruptionError | Finding): Finding {
  return { page, offset, rule };
}

/** A bounded list of findings, and their count. */
export class Findings {
  /** The kept findings, in order. */
  readonly kept: Finding[] = [];
  /** The number of all findings. */
  count = 0;
  /** The most findings to keep. */
  readonly most: number;

  /**
   * Creates an empty list.
   *
   * @param most The most findings to keep.
   * @throws {RangeError} `most` is not a count.
   */
  constructor(most: number = FINDINGS_MAX) {
    if (!Number.isSafeInteger(most) || most < 0) {
      throw new RangeError(`Cannot keep findings: maxFindings ${most} is not a count`);
    }
    this.most = most;
  }

  /** Adds a finding. */
  add(found: CorruptionError | Finding): void {
    this.count++;
    if (this.kept.length < this.most) this.kept.push(findingOf(found));
  }
}
