/**
 * The figures of the server bench as tables.
 */

import { figureOf, short, tableOf } from "../measure/figures.ts";
import type { Part } from "./plan.ts";
import type { Cell, Circumstance, Lag, Latency } from "./results.ts";

const TITLES: Readonly<Record<Exclude<Part, "server">, string>> = {
  clients: "Clients in one process, each awaiting its own set",
  sequential: "Awaited sets, one after another",
  small: "Sets at once, small database",
  large: "Sets at once, large database",
  checkpoints: "Sets while checkpoints run, large database, 32 callers of 20 at once",
};
const LATENCY_HEADS = ["p50 ms", "p99 ms", "worst ms"];
const LAG_HEADS = [
  "loop lag mean ms",
  "lag p99 ms",
  "lag worst ms",
  "thread's work p99 ms",
  "work worst ms",
];

/** The tables of a part, in Markdown, with a line above each. */
export function tablesOf(part: Part, cells: readonly Cell[]): string {
  if (part !== "server") return `${TITLES[part]}\n\n${inProcessTable(cells)}`;
  const groups = Map.groupBy(cells, ({ syncMs, writePercent }) => {
    return `Server: ${writePercent}% writes, syncs + ${syncMs} ms`;
  });
  return [...groups].map(([title, group]) => `${title}\n\n${serverTable(group)}`).join("\n\n");
}

/** The costs of a sync and the lag of an idle loop, in a line for each slowing of syncs. */
export function circumstanceLines(circumstances: readonly Circumstance[]): string[] {
  const groups = Map.groupBy(circumstances, ({ syncMs }) => syncMs);
  return [...groups].map(([syncMs, group]) => {
    const median = (figures: number[]) => short(figureOf(figures).median);
    const syncUs = median(group.map(({ syncUs }) => syncUs));
    const mean = median(group.map(({ idle }) => idle.mean));
    const p99 = median(group.map(({ idle }) => idle.p99));
    return `Syncs + ${syncMs} ms: a 4 KiB O_DSYNC write takes ${syncUs} us;` +
      ` an idle loop lags by ${mean} ms, p99 ${p99} ms.`;
  });
}

function serverTable(cells: readonly Cell[]): string {
  const heads = ["connections", "engine", "requests/s", ...LATENCY_HEADS, ...LAG_HEADS];
  const rows = cells.toSorted((a, b) => a.connections! - b.connections!).map((cell) => [
    `${cell.connections}`,
    cell.engine,
    short(cell.rate.median),
    ...latencyCells(cell.latency),
    ...lagCells(cell.lag),
  ]);
  return tableOf(heads, rows);
}

function inProcessTable(cells: readonly Cell[]): string {
  const heads = ["syncs + ms", "engine", "sets/s", ...LATENCY_HEADS, ...LAG_HEADS];
  const rows = cells.toSorted((a, b) => a.syncMs - b.syncMs).map((cell) => [
    `${cell.syncMs}`,
    cell.engine,
    short(cell.rate.median),
    ...latencyCells(cell.latency),
    ...lagCells(cell.lag),
  ]);
  return tableOf(heads, rows);
}

function latencyCells(latency: Latency | undefined): string[] {
  if (latency === undefined) return ["", "", ""];
  return [short(latency.p50), short(latency.p99), short(latency.worst)];
}

function lagCells(lag: Lag | undefined): string[] {
  if (lag === undefined) return LAG_HEADS.map(() => "");
  const { mean, p99, worst, work } = lag;
  const works = work === undefined ? ["", ""] : [short(work.p99), short(work.worst)];
  return [short(mean), short(p99), short(worst), ...works];
}
