/**
 * A chapter of the study for the explorer's page, measured on the shown file, which is only read.
 */

import { READ_CHAPTERS, readChapter } from "../../study/mod.ts";
import type { StudyInfo } from "../api_types.ts";

/** The program that shows its database waits for the answer. */
const SECONDS = 0.2;

/** The names of the chapters. */
export const CHAPTER_IDS: readonly string[] = READ_CHAPTERS.map(({ id }) => id);

/** Measures a chapter on a file. */
export function studyInfo(path: string | undefined, id: string): StudyInfo {
  const refuse = (reason: string): StudyInfo => ({ chapters: READ_CHAPTERS, reason });
  if (path === undefined) return refuse("the path of the file is not known");
  try {
    const chapter = readChapter(path, id, SECONDS);
    if (chapter === undefined) return refuse("the file is smaller than 1 MiB");
    return { chapters: READ_CHAPTERS, chapter, reason: "" };
  } catch {
    return refuse("the file cannot be read");
  }
}
