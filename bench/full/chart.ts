/**
 * Charts of the results as SVG: the time of the peers divided by that of Quire, and the growth of
 * cost with the number of entries. Axes are logarithmic; a bar ends at the edge of its chart, and
 * the figure beside it is exact.
 */

import { type Figure, short } from "../measure/figures.ts";
import {
  COLORS,
  legend,
  logScale,
  polyline,
  rectangle,
  svg,
  text,
  verticalLine,
  WIDTH,
} from "../measure/svg.ts";

/** Figures by name and engine. */
export type Figures = Readonly<Record<string, Readonly<Record<string, Figure>>>>;

const LABEL_WIDTH = 270;
const BAR_HEIGHT = 11;

/** Bars of the time of each peer divided by that of Quire, one group for each workload. */
export function ratioChart(figures: Figures, peers: readonly string[]): string {
  const names = Object.keys(figures).filter((name) => {
    return "Quire" in figures[name]! && peers.some((peer) => peer in figures[name]!);
  });
  const groupHeight = peers.length * BAR_HEIGHT + 10;
  const scale = logScale(0.1, 1000, LABEL_WIDTH, WIDTH - 60);
  const parts = [legend(peers, LABEL_WIDTH, 14)];
  const top = 40;
  names.forEach((name, at) => {
    const y = top + at * groupHeight;
    parts.push(text(LABEL_WIDTH - 8, y + groupHeight / 2, name, "end"));
    peers.forEach((peer, bar) => {
      const median = figures[name]![peer]?.median;
      if (median === undefined) return;
      const ratio = median / figures[name]!["Quire"]!.median;
      const [from, to] = [scale(1), scale(ratio)];
      const barY = y + bar * BAR_HEIGHT;
      parts.push(rectangle(Math.min(from, to), barY, Math.abs(to - from), COLORS[bar + 1]!));
      parts.push(text(Math.max(from, to) + 4, barY + 10, short(ratio), "start"));
    });
  });
  const height = top + names.length * groupHeight + 30;
  for (const ratio of [0.1, 1, 10, 100, 1000]) {
    parts.push(verticalLine(scale(ratio), top - 6, height - 24));
    parts.push(text(scale(ratio), height - 8, `${ratio} x`, "middle"));
  }
  return svg(height, parts);
}

/** Lines of nanoseconds an operation over the number of entries. */
export function growthChart(figures: Figures, engines: readonly string[]): string {
  const height = 420;
  const points = Object.keys(figures).map((name) => Number(name.split(" at ")[1]));
  const medians = Object.values(figures).flatMap((byEngine) => {
    return Object.values(byEngine).map(({ median }) => median);
  });
  const x = logScale(Math.min(...points), Math.max(...points), 80, WIDTH - 40);
  const y = logScale(Math.min(...medians) / 2, Math.max(...medians) * 2, height - 40, 40);
  const parts = [legend(engines, LABEL_WIDTH, 14, 0)];
  for (const kind of ["get", "insert"]) {
    engines.forEach((engine, at) => {
      const line = Object.entries(figures).flatMap(([name, byEngine]) => {
        const median = byEngine[engine]?.median;
        if (!name.startsWith(`${kind} `) || median === undefined) return [];
        return [`${x(Number(name.split(" at ")[1])).toFixed(1)},${y(median).toFixed(1)}`];
      });
      parts.push(polyline(line, COLORS[at]!, kind === "insert" ? "6 4" : ""));
    });
  }
  for (const count of new Set(points)) {
    parts.push(text(x(count), height - 16, count.toLocaleString("en"), "middle"));
  }
  for (const ns of [100, 1000, 10_000, 100_000]) {
    if (y(ns) > 30 && y(ns) < height - 40) parts.push(text(72, y(ns) + 4, `${ns} ns`, "end"));
  }
  parts.push(text(WIDTH - 40, 32, "whole lines: get; dashed: insert", "end"));
  return svg(height, parts);
}
