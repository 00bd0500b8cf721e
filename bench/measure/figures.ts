/**
 * Figures from repeated measurements: medians, percentiles and spread.
 */

/** The result of a workload over the rounds. */
export interface Figure {
  /** The median of the rounds. */
  readonly median: number;
  /** The smallest. */
  readonly least: number;
  /** The largest. */
  readonly most: number;
  /** How many rounds there were. */
  readonly rounds: number;
}

/** The figure of the samples of the rounds. */
export function figureOf(samples: readonly number[]): Figure {
  const sorted = samples.toSorted((a, b) => a - b);
  return {
    median: percentile(sorted, 0.5),
    least: sorted[0]!,
    most: sorted[sorted.length - 1]!,
    rounds: sorted.length,
  };
}

/** The percentile of sorted values. */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  const at = Math.ceil(sorted.length * share) - 1;
  return sorted[Math.min(sorted.length - 1, Math.max(0, at))]!;
}

/** Milliseconds that work takes. */
export async function timeMs(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** A number with three significant digits, or as an integer if it has more. */
export function short(value: number): string {
  if (value === 0) return "0";
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/** A Markdown table. */
export function tableOf(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = heads.map((head, i) => {
    return Math.max(head.length, 3, ...rows.map((row) => row[i]!.length));
  });
  const line = (cells: readonly string[]) => {
    return `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`;
  };
  return [line(heads), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join(
    "\n",
  );
}
