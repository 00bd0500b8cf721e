/**
 * The study of a disk: what the boundaries of pages cost, measured.
 */

export { chapterLines } from "./pictures.ts";
export type { ChapterName, StudyChapter } from "./report_types.ts";
export { READ_CHAPTERS, readChapter, studyFolder } from "./study.ts";
