/**
 * Parses the output of `deno coverage --lcov`: the totals of branches, functions and lines in each
 * file, and how many of them a test reached.
 */

/** A total, and the number reached. */
export interface Share {
  found: number;
  hit: number;
}

/** The coverage of a file, or of several. */
export interface Covered {
  /** The path of the file in the project, or the name of several. */
  readonly file: string;
  readonly branches: Share;
  readonly functions: Share;
  readonly lines: Share;
  /** The lines with a branch that was never taken. */
  readonly missed: number[];
}

/** The files of a report, named below a folder. */
export function parseLcov(report: string, top: string): Covered[] {
  const files: Covered[] = [];
  for (const line of report.split("\n")) {
    const [tag, text = ""] = line.split(/:(.*)/) as [string, string];
    if (tag === "SF") files.push(nothing(text.replace(top, "")));
    const file = files.at(-1);
    if (file !== undefined) read(file, tag, text);
  }
  return files;
}

function nothing(file: string): Covered {
  const none = () => ({ found: 0, hit: 0 });
  return { file, branches: none(), functions: none(), lines: none(), missed: [] };
}

function read(file: Covered, tag: string, text: string): void {
  const number = Number(text);
  if (tag === "BRDA") {
    const [line, , , taken] = text.split(",");
    const isTaken = taken !== "-" && Number(taken) > 0;
    if (!isTaken) file.missed.push(Number(line));
  } else if (tag === "BRF") file.branches.found = number;
  else if (tag === "BRH") file.branches.hit = number;
  else if (tag === "FNF") file.functions.found = number;
  else if (tag === "FNH") file.functions.hit = number;
  else if (tag === "LF") file.lines.found = number;
  else if (tag === "LH") file.lines.hit = number;
}

/** The sums of files that have the same name by a rule, in the order in which they come. */
export function sumBy(files: readonly Covered[], nameOf: (file: Covered) => string): Covered[] {
  const sums = new Map<string, Covered>();
  for (const file of files) {
    const name = nameOf(file);
    const sum = sums.get(name) ?? nothing(name);
    sums.set(name, sum);
    for (const what of ["branches", "functions", "lines"] as const) {
      sum[what].found += file[what].found;
      sum[what].hit += file[what].hit;
    }
  }
  return [...sums.values()];
}

/** A share as text. */
export function shareOf({ found, hit }: Share): string {
  if (found === 0) return "-";
  return `${hit} of ${found}, ${(hit / found * 100).toFixed(1)}%`;
}
