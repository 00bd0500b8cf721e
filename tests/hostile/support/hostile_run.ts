/**
 * Runs one row of the table of hostile files: makes the image, judges it, and compares the verdict
 * with what the row expects.
 */

import type { Base, BaseName } from "./hostile_bases.ts";
import { HostileImage } from "./hostile_image.ts";
import { Judge, STEP_MS_MAX, type Verdict } from "./hostile_judge.ts";
import type { Expectation, Row } from "./hostile_rows.ts";

/** The result of a row: all deviations from what it expects. */
export interface RowResult {
  readonly name: string;
  readonly sealed: boolean;
  readonly complaints: readonly string[];
  readonly outcome: string;
}

/** Runs a row with sums that fit, or with unchanged ones. */
export async function runRow(
  row: Row,
  sealed: boolean,
  bases: Readonly<Record<BaseName, Base>>,
  dir: string,
): Promise<RowResult> {
  const base = bases[row.from];
  const expectation = sealed ? row.sealed : row.unsealed;
  const bytes = imageOf(row, base, sealed);
  const content = typeof expectation === "number" ? base.earlier[expectation]! : base.content;
  let verdict = await new Judge(bytes, content).run(dir);
  // A busy machine gets a second chance.
  if (verdict.slowest[1] > STEP_MS_MAX) verdict = await new Judge(bytes, content).run(dir);
  const complaints = complaintsOf(verdict, expectation);
  const verified = verdict.verified ? "verified" : "not verified";
  const outcome = `${verdict.outcome}, ${verified}: ${verdict.message}`;
  return { name: row.name, sealed, complaints, outcome };
}

function imageOf(row: Row, base: Base, sealed: boolean): Uint8Array {
  const image = new HostileImage(base.bytes);
  const other = row.mutate(image);
  if (sealed) image.sealAll();
  return other ?? image.bytes;
}

function complaintsOf(verdict: Verdict, expectation: Expectation): string[] {
  const complaints = [...verdict.faults];
  const [step, took] = verdict.slowest;
  if (took > STEP_MS_MAX) complaints.push(`${step} took ${Math.round(took)} ms`);
  if (!isAsExpected(verdict, expectation)) complaints.push(`expected ${expectation}`);
  return complaints;
}

function isAsExpected({ outcome, verified }: Verdict, expectation: Expectation): boolean {
  switch (expectation) {
    case "refused":
      return outcome === "refused" && !verified;
    case "unseen":
      return outcome !== "wrong" && verified;
    case "told":
      return !verified;
    case "another":
      return verified;
    default:
      return outcome === "right";
  }
}
