/**
 * The result of a study: chapters, each a table with what it shows, for the terminal, for scripts
 * and for the explorer's page.
 */

/** How the numbers of a column are meant and shown. */
export type Unit = "bytes" | "us" | "MB/s" | "times" | "count" | "text";

/** A column of a chapter's table. */
export interface StudyColumn {
  /** The name of its values in the rows. */
  readonly key: string;
  readonly title: string;
  readonly unit: Unit;
}

/** The values of a row by column; null = not measured, which a note explains. */
export type StudyRow = Readonly<Record<string, string | number | null>>;

/** A chapter of the study. */
export interface StudyChapter {
  readonly id: string;
  readonly title: string;
  /** What it shows, in a few sentences. */
  readonly about: string;
  readonly columns: readonly StudyColumn[];
  readonly rows: readonly StudyRow[];
  /** The column that the bars picture; undefined for none. */
  readonly bars: string | undefined;
  /** Arithmetic, and why something was not measured. */
  readonly notes: readonly string[];
}

/** A chapter, for a list of them. */
export interface ChapterName {
  readonly id: string;
  readonly title: string;
}
