/**
 * A chart of the server bench as SVG: requests a second and the lag of the event loop over the
 * number of connections, one panel for each mix of requests and each slowing of syncs. Both axes
 * are logarithmic.
 */

import {
  COLORS,
  legend,
  logScale,
  polyline,
  svg,
  text,
  verticalLine,
  WIDTH,
} from "../measure/svg.ts";
import type { Cell } from "./results.ts";

const LEFT = 60;
const TOP = 30;
const GAP = 24;
const HEADING_HEIGHT = 26;
const PANEL_HEIGHT = 110;
const ROW_HEIGHT = PANEL_HEIGHT + 46;
/** A lag below this is drawn as this. */
const LAG_MS_MIN = 0.01;

/** What a grid of panels shows. */
interface Quantity {
  readonly name: string;
  of(cell: Cell): number;
}

/** Where a panel is. */
interface Place {
  readonly left: number;
  readonly right: number;
  readonly top: number;
}

const QUANTITIES: readonly Quantity[] = [
  { name: "Requests a second, over the number of connections", of: ({ rate }) => rate.median },
  {
    name: "Lag of the event loop in ms, 99th percentile",
    of: ({ lag }) => Math.max(LAG_MS_MIN, lag?.p99 ?? 0),
  },
];

/** The chart of the cells of the server. */
export function serverChart(cells: readonly Cell[]): string {
  const engines = distinct(cells.map(({ engine }) => engine));
  const mixes = distinct(cells.map(({ writePercent }) => writePercent!));
  const delays = distinct(cells.map(({ syncMs }) => syncMs)).sort((a, b) => a - b);
  const width = (WIDTH - LEFT) / delays.length - GAP;
  const parts = [legend(engines, LEFT, 14, 0)];
  let top = TOP;
  for (const quantity of QUANTITIES) {
    const bounds = powersOfTen(cells.map(quantity.of));
    parts.push(text(LEFT, top + 16, quantity.name, "start"));
    top += HEADING_HEIGHT;
    for (const writePercent of mixes) {
      for (const [column, syncMs] of delays.entries()) {
        const chosen = cells.filter((cell) => {
          return cell.writePercent === writePercent && cell.syncMs === syncMs;
        });
        const left = LEFT + column * (width + GAP);
        const title = `${writePercent}% writes, syncs + ${syncMs} ms`;
        parts.push(text(left + width / 2, top + 10, title, "middle"));
        const place = { left, right: left + width, top: top + 18 };
        parts.push(...panel(chosen, engines, quantity, bounds, place));
      }
      top += ROW_HEIGHT;
    }
  }
  return svg(top, parts);
}

function panel(
  cells: readonly Cell[],
  engines: readonly string[],
  quantity: Quantity,
  [least, most]: readonly [number, number],
  { left, right, top }: Place,
): string[] {
  const counts = distinct(cells.map(({ connections }) => connections!)).sort((a, b) => a - b);
  const bottom = top + PANEL_HEIGHT;
  const x = logScale(Math.min(1, ...counts), Math.max(2, ...counts), left + 4, right - 4);
  const y = logScale(least, most, bottom, top + 4);
  const parts: string[] = [];
  for (const count of counts) {
    parts.push(
      verticalLine(x(count), top, bottom),
      text(x(count), bottom + 14, `${count}`, "middle"),
    );
  }
  // Values beside the first panel of a row; 1.01 allows for rounding.
  for (let at = least; at <= most * 1.01 && left === LEFT; at *= 10) {
    parts.push(text(left - 6, y(at) + 4, `${Number(at.toPrecision(1))}`, "end"));
  }
  engines.forEach((engine, at) => {
    const points = cells
      .filter((cell) => cell.engine === engine)
      .toSorted((a, b) => a.connections! - b.connections!)
      .map((cell) => `${x(cell.connections!).toFixed(1)},${y(quantity.of(cell)).toFixed(1)}`);
    if (points.length > 0) parts.push(polyline(points, COLORS[at]!));
  });
  return parts;
}

/** The powers of ten around all values. */
function powersOfTen(values: readonly number[]): [least: number, most: number] {
  const least = 10 ** Math.floor(Math.log10(Math.min(...values)));
  return [least, Math.max(10 * least, 10 ** Math.ceil(Math.log10(Math.max(...values))))];
}

function distinct<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}
