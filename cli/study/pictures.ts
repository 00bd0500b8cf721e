/**
 * A chapter as lines of text: its table, with a bar for each row.
 */

import { alignTable, count, size } from "../io/text.ts";
import type { StudyChapter, StudyColumn, StudyRow, Unit } from "./report_types.ts";

const BAR_CELLS = 24;
/** Shown where something was not measured. */
const NOTHING = "-";
const FULL = "\u2588";
/** From one eighth of a cell to seven. */
const PARTS = ["\u258f", "\u258e", "\u258d", "\u258c", "\u258b", "\u258a", "\u2589"];
const LINE_COLUMNS = 100;

/** The lines of a chapter, without its title. */
export function chapterLines(chapter: StudyChapter): string[] {
  const { about, columns, rows, bars, notes } = chapter;
  const header = [...columns.map(({ title }) => title), ...(bars === undefined ? [] : [""])];
  const most = Math.max(...rows.map((row) => numberIn(row, bars)));
  const cells = rows.map((row) => [
    ...columns.map((column) => cellOf(row, column)),
    ...(bars === undefined ? [] : [barOf(numberIn(row, bars) / most)]),
  ]);
  return [
    ...wrapped(about),
    "",
    ...alignTable([header, ...cells]),
    ...(notes.length === 0 ? [] : ["", ...notes.flatMap(wrapped)]),
  ];
}

/** The number that a bar pictures; 0 if there is none. */
function numberIn(row: StudyRow, bars: string | undefined): number {
  const value = bars === undefined ? null : row[bars];
  return typeof value === "number" ? value : 0;
}

function cellOf(row: StudyRow, { key, unit }: StudyColumn): string {
  const value = row[key];
  if (value === null || value === undefined) return NOTHING;
  return typeof value === "string" ? value : FORMS[unit](value);
}

const FORMS: Readonly<Record<Unit, (value: number) => string>> = {
  "bytes": (value) => value === 1 ? "1 byte" : size(value),
  "us": (value) =>
    value < 10 ? value.toFixed(2) : value < 1000 ? value.toFixed(1) : count(
      Math.round(value),
    ),
  "MB/s": (value) => value < 10 ? value.toFixed(1) : count(Math.round(value)),
  "times": (value) => value < 100 ? value.toFixed(1) : count(Math.round(value)),
  "count": (value) => count(value),
  "text": (value) => String(value),
};

/** A bar for a share from 0 to 1; anything above 0 can be seen. */
export function barOf(share: number): string {
  if (!(share > 0)) return "";
  const eighths = Math.max(1, Math.round(share * BAR_CELLS * 8));
  return FULL.repeat(eighths >> 3) + (PARTS[(eighths & 7) - 1] ?? "");
}

/** Text in lines that fit. */
function wrapped(text: string): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1)!;
    if (line === "") lines[lines.length - 1] = word;
    else if (line.length + 1 + word.length <= LINE_COLUMNS) {
      lines[lines.length - 1] = `${line} ${word}`;
    } else lines.push(word);
  }
  return lines;
}
