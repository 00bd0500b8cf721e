/**
 * A query for the explorer's page: its program, its rows, and each step with the pages that it
 * touched.
 */

import type { QueryTrace, TracedStep } from "../../../sql/mod.ts";
import type { PageRun, SqlInfo, SqlStepInfo } from "../api_types.ts";
import { RefusedError } from "../refusal.ts";
import type { Source } from "../source.ts";

/**
 * Runs a query on a snapshot and returns what it did. SQL is loaded at the first query.
 *
 * @throws {RefusedError} The text is no query, the query fails, or the file is locked.
 */
export async function sqlInfo({ database }: Source, text: string): Promise<SqlInfo> {
  if (database === undefined) {
    throw new RefusedError(409, "Cannot run the query: another process has the file locked");
  }
  const { SqlError, traceQuery } = await import("../../../sql/mod.ts");
  try {
    return infoOf(traceQuery(database, text));
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    // Names in a message may have line ends.
    throw new RefusedError(400, `Cannot run the query: ${error.message.replaceAll(/\s+/g, " ")}`);
  }
}

function infoOf({ limit, steps, ...trace }: QueryTrace): SqlInfo {
  return { ...trace, limit: limit ?? "", steps: steps.map(stepInfo) };
}

function stepInfo({ pages, ...step }: TracedStep): SqlStepInfo {
  return { ...step, pages: runsOf(pages) };
}

/** Pages in their order, as runs of adjacent ones. */
export function runsOf(pages: readonly number[]): PageRun[] {
  const runs: [first: number, count: number][] = [];
  for (const page of pages) {
    const last = runs.at(-1);
    if (last !== undefined && page === last[0] + last[1]) last[1]++;
    else runs.push([page, 1]);
  }
  return runs;
}
