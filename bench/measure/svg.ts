/**
 * Pieces of charts as SVG: axes, marks and text.
 */

/** The colours of engines, in their order. */
export const COLORS: readonly string[] = ["#1b6ca8", "#d1495b", "#edae49", "#66a182", "#8d6a9f"];
/** The width of a chart. */
export const WIDTH = 880;

const TEXT = `font-family="sans-serif" font-size="12" fill="#333"`;

/** A logarithmic axis: the position of a value, which is clamped to the axis. */
export function logScale(
  least: number,
  most: number,
  from: number,
  to: number,
): (at: number) => number {
  const span = Math.log(most / least);
  return (at) => from + Math.log(Math.min(most, Math.max(least, at)) / least) / span * (to - from);
}

/** Coloured squares with names, from `x` on. */
export function legend(names: readonly string[], x: number, y: number, firstColor = 1): string {
  return names.map((name, at) => {
    const left = x + at * 130;
    return rectangle(left, y - 9, 10, COLORS[at + firstColor]!) + text(left + 16, y, name, "start");
  }).join("");
}

/** A bar of height 10. */
export function rectangle(x: number, y: number, width: number, color: string): string {
  return `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="10"` +
    ` fill="${color}"/>`;
}

/** A line through points, each `x,y`. */
export function polyline(points: readonly string[], color: string, dash = ""): string {
  const dashes = dash === "" ? "" : ` stroke-dasharray="${dash}"`;
  return `<polyline points="${points.join(" ")}" fill="none" stroke="${color}" stroke-width="2"` +
    `${dashes}/>`;
}

/** A dotted vertical line. */
export function verticalLine(x: number, from: number, to: number): string {
  return `<line x1="${x.toFixed(1)}" x2="${x.toFixed(1)}" y1="${from}" y2="${to}"` +
    ` stroke="#bbb" stroke-dasharray="2 3"/>`;
}

/** Text at a point; `anchor` is `start`, `middle` or `end`. */
export function text(x: number, y: number, words: string, anchor: string): string {
  const safe = words.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${TEXT} text-anchor="${anchor}">` +
    `${safe}</text>`;
}

/** A chart of its parts. */
export function svg(height: number, parts: readonly string[]): string {
  const size = `width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}"`;
  const background = `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size}>\n${background}\n${
    parts.join("\n")
  }\n</svg>\n`;
}
