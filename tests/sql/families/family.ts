/**
 * What a family of scripts is: statements that make its tables, and then queries and changes, one
 * after the other, in the manner of the scripts of SQLite's sqllogictest.
 */

import type { Random } from "../../support/random.ts";

/** A statement or query of a script. */
export interface ScriptStep {
  readonly text: string;
  /** The letter of each column of a query, I, R or T; undefined for a statement. */
  readonly types: string | undefined;
  /** Whether the order of the rows counts. */
  readonly isOrdered: boolean;
  /** Whether it is several statements, which begin and end a transaction. */
  readonly isScript?: boolean;
}

/** A family. */
export interface Family {
  /** The statements that make the tables. */
  setup(): string[];
  /** The next step. */
  next(): ScriptStep;
}

/** Makes a family from a source of chance. */
export type MakeFamily = (random: Random) => Family;

/** A query. */
export function query(text: string, types: string, isOrdered = false): ScriptStep {
  return { text, types, isOrdered };
}

/** A statement. */
export function statement(text: string): ScriptStep {
  return { text, types: undefined, isOrdered: false };
}

/** Several statements, which begin and end a transaction. */
export function script(text: string): ScriptStep {
  return { text, types: undefined, isOrdered: false, isScript: true };
}

/** The items in another order. */
export function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const all = [...items];
  for (let i = all.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [all[i], all[j]] = [all[j]!, all[i]!];
  }
  return all;
}

/** Some of the items, at least one. */
export function some<T>(random: Random, items: readonly T[], most: number): T[] {
  return shuffled(random, items).slice(0, 1 + random.below(most));
}
