/**
 * A chart of the scale bench as SVG: for each trial the size of the file over its live data, the
 * bytes written, the longest turn and the memory, over the work done. For the day, the size of the
 * file itself.
 */

import { COLORS, legend, polyline, svg, text, verticalLine, WIDTH } from "../measure/svg.ts";
import type { TrialResults } from "./results.ts";
import type { Point } from "./trials.ts";

const LEFT = 60;
const TOP = 30;
const PANEL_HEIGHT = 110;
const ROW_HEIGHT = PANEL_HEIGHT + 56;
const GAP = 50;
const COLUMNS = 2;
const MIB = 2 ** 20;
const QUARTERS = [0, 0.25, 0.5, 0.75, 1];
const DAY = "day";

/** What a panel shows. */
interface Quantity {
  readonly name: string;
  of(point: Point): number;
}

const RATIO: Quantity = { name: "file / live data", of: (at) => at.fileBytes / at.liveBytes };
const SIZE: Quantity = { name: "file in MiB", of: (at) => at.fileBytes / MIB };
const OTHERS: readonly Quantity[] = [
  { name: "written / live data", of: (at) => (at.writtenBytes ?? 0) / at.liveBytes },
  { name: "longest turn in ms", of: (at) => at.longestTurnMs },
  { name: "memory in MiB", of: (at) => at.peakBytes / MIB },
];

/** The chart of all trials. */
export function scaleChart(results: TrialResults): string {
  const trials = Object.keys(results);
  const engines = [...new Set(trials.flatMap((trial) => Object.keys(results[trial]!)))];
  const width = (WIDTH - LEFT) / COLUMNS - GAP;
  const parts = [legend(engines, LEFT, 14, 0)];
  let panels = 0;
  for (const trial of trials) {
    for (const quantity of [trial === DAY ? SIZE : RATIO, ...OTHERS]) {
      const left = LEFT + (panels % COLUMNS) * (width + GAP);
      const top = TOP + Math.floor(panels / COLUMNS) * ROW_HEIGHT;
      const title = `${trial}: ${quantity.name}`;
      parts.push(text(left, top + 12, title, "start"));
      parts.push(...panel(results[trial]!, engines, quantity, left, left + width, top + 20));
      panels++;
    }
  }
  return svg(TOP + Math.ceil(panels / COLUMNS) * ROW_HEIGHT, parts);
}

function panel(
  results: TrialResults[string],
  engines: readonly string[],
  quantity: Quantity,
  left: number,
  right: number,
  top: number,
): string[] {
  const bottom = top + PANEL_HEIGHT;
  const open = (engine: string) => (results[engine]?.points ?? []).filter(({ closed }) => !closed);
  const most = Math.max(1e-3, ...engines.flatMap((engine) => open(engine).map(quantity.of)));
  const x = (done: number) => left + done * (right - left);
  const y = (value: number) => bottom - value / most * PANEL_HEIGHT;
  const parts = QUARTERS.flatMap((share) => [
    verticalLine(x(share), top, bottom),
    text(x(share), bottom + 14, `${share * 100} %`, "middle"),
  ]);
  parts.push(text(left - 6, top + 8, `${Number(most.toPrecision(3))}`, "end"));
  parts.push(text(left - 6, bottom, "0", "end"));
  engines.forEach((engine, at) => {
    const points = open(engine).map((point) => {
      return `${x(point.done).toFixed(1)},${y(quantity.of(point)).toFixed(1)}`;
    });
    if (points.length > 0) parts.push(polyline(points, COLORS[at]!));
  });
  return parts;
}
