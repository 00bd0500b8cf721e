/**
 * The results of the scale bench as tables.
 */

import { tableOf } from "../measure/figures.ts";
import type { Opening, TrialResult, TrialResults } from "./results.ts";
import type { Point } from "./trials.ts";

const MIB = 2 ** 20;
const HEADS = [
  "engine",
  "file/live at a fifth",
  "half",
  "the end",
  "closed",
  "written/live",
  "longest turn",
  "memory",
  "time",
];
const OPENING_HEADS = ["engine", "file", "open after a kill", "read", "memory", "closed"];

/** The tables of a trial. */
export function trialTables(results: TrialResults[string]): string {
  const entries = Object.entries(results);
  const tables = [tableOf(HEADS, entries.map(([engine, result]) => trialRow(engine, result)))];
  const openings = entries.filter(([, { opening }]) => opening !== undefined);
  if (openings.length > 0) {
    const rows = openings.map(([engine, { opening }]) => openingRow(engine, opening!));
    tables.push(tableOf(OPENING_HEADS, rows));
  }
  return tables.join("\n\n");
}

function trialRow(engine: string, { absent, points, seconds }: TrialResult): string[] {
  if (absent !== undefined) return [engine, "absent", ...HEADS.slice(2).map(() => "")];
  const open = points.filter(({ closed }) => !closed);
  const at = (share: number) => open.find(({ done }) => done >= share) ?? open.at(-1)!;
  const last = points.at(-1)!;
  const turn = Math.max(...points.map(({ longestTurnMs }) => longestTurnMs));
  return [
    engine,
    ...[at(0.2), at(0.5), open.at(-1)!].map(ratio),
    last.closed ? ratio(last) : "",
    last.writtenBytes === undefined ? "" : (last.writtenBytes / last.liveBytes).toFixed(1),
    `${turn.toFixed(0)} ms`,
    `${Math.round(last.peakBytes / MIB)} MiB`,
    `${seconds.toFixed(0)} s`,
  ];
}

function ratio({ fileBytes, liveBytes }: Point): string {
  return (fileBytes / liveBytes).toFixed(2);
}

function openingRow(engine: string, opening: Opening): string[] {
  const { fileBytes, openMs, readBytes, peakBytes, closedBytes } = opening;
  const [file, read, peak, closed] = [fileBytes, readBytes, peakBytes, closedBytes].map(mib);
  return [engine, file!, `${openMs.toFixed(0)} ms`, read!, peak!, closed!];
}

function mib(bytes: number | undefined): string {
  return bytes === undefined ? "" : `${(bytes / MIB).toFixed(1)} MiB`;
}
