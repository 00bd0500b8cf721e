/**
 * `study`: what the boundaries of pages cost on this disk, measured and drawn.
 */

import { withAction } from "../io/exit.ts";
import { Interruption } from "../io/interruption.ts";
import { canDrawStatus, drawStatus, note, type Output } from "../io/output.ts";
import { folderOf } from "../io/scratch.ts";
import { oneLine, size } from "../io/text.ts";
import { type CommandSpec, textOf, wholeNumber } from "../spec/command_spec.ts";
import { chapterLines, type StudyChapter, studyFolder } from "../study/mod.ts";

/** Studies this disk. */
export const study: CommandSpec = {
  name: "study",
  summary: "measure what page boundaries cost on this disk, with pictures",
  details:
    "Writes scratch files beside FILE, or in FILE if it is a folder, and removes them, also " +
    "when a signal ends it. More permissions show more: --allow-ffi mappings and advice to the " +
    "system's cache, --allow-all the bytes that devices moved. It never prompts for them.",
  file: "unlocked",
  fileWhat: "a database, or a folder, on the disk to study",
  args: [],
  options: [{ flags: "--seconds <count>", what: "the time for each chapter; default 2" }],
  examples: [["study cities.quire", "the disk that the file is on"]],
  inShell: false,
  run({ path, out, json }, _args, options) {
    const seconds = wholeNumber("--seconds", textOf(options["seconds"]) ?? "2");
    const folder = folderOf(path);
    using interruption = new Interruption();
    const status = new Status(canDrawStatus());
    const chapters: StudyChapter[] = [];
    status.draw(1);
    try {
      const options = { seconds, check: () => interruption.check() };
      const { scratchBytes } = studyFolder(folder, options, (chapter) => {
        status.clear();
        if (!json) printChapter(out, chapter, chapters.length === 0);
        chapters.push(chapter);
        status.draw(chapters.length + 1);
      });
      status.clear();
      if (json) out.json({ folder, scratchBytes, chapters });
      else note(`Wrote ${size(scratchBytes)} to scratch files in ${oneLine(folder)}; removed.`);
    } catch (error) {
      status.clear();
      throw withAction(`study ${folder}`, error);
    }
  },
};

function printChapter(out: Output, chapter: StudyChapter, isFirst: boolean): void {
  const { title } = chapter;
  if (!isFirst) out.line();
  out.lines([title, "=".repeat(title.length), "", ...chapterLines(chapter)]);
  out.flush();
}

/** The number of the chapter that is being measured, on a terminal. */
class Status {
  readonly #isDrawn: boolean;

  constructor(isDrawn: boolean) {
    this.#isDrawn = isDrawn;
  }

  draw(chapter: number): void {
    if (this.#isDrawn) drawStatus(`measuring chapter ${chapter}`);
  }

  clear(): void {
    if (this.#isDrawn) drawStatus("");
  }
}
