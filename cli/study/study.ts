/**
 * The study: its chapters in order, on a scratch file, or the chapters that only read on a file
 * that belongs to others.
 */

import * as fs from "node:fs";
import { comparison } from "./chapter/comparison.ts";
import { fanOut } from "./chapter/fan_out.ts";
import { oneByte, samePage } from "./chapter/one_byte.ts";
import { pageSizes, readSizes } from "./chapter/sizes.ts";
import { writeCost } from "./chapter/write_cost.ts";
import type { ChapterName, StudyChapter } from "./report_types.ts";
import type { Sampling } from "./sampling.ts";
import { ScratchSubject } from "./scratch_subject.ts";
import { openDirect, type Subject } from "./subject.ts";

const MILLISECONDS = 1000;

/** A chapter that reads one file. */
interface ReadingChapter extends ChapterName {
  /** How many trials share its time. */
  readonly trials: number;
  readonly write: (subject: Subject, sampling: Sampling) => StudyChapter;
}

const READING: readonly ReadingChapter[] = [
  { id: "one-byte", title: "One byte", trials: 6, write: oneByte },
  { id: "same-page", title: "Same page", trials: 8, write: samePage },
  { id: "read-sizes", title: "Read sizes", trials: 45, write: readSizes },
  { id: "page-sizes", title: "Page sizes", trials: 18, write: pageSizes },
  { id: "fan-out", title: "Fan-out", trials: 1, write: fanOut },
  { id: "doors", title: "Doors", trials: 10, write: comparison },
];
const WRITE_TRIALS = 2;

/** The chapters that `readChapter` measures. */
export const READ_CHAPTERS: readonly ChapterName[] = READING.map(({ id, title }) => ({
  id,
  title,
}));

/** How to study. */
export interface StudyOptions {
  /** The time for each chapter; each trial is made a few times in any case. */
  readonly seconds: number;
  /** Throws if a signal has ended the study. */
  check(): void;
}

/** What a study leaves to say. */
export interface StudySummary {
  /** The bytes written to scratch files, all of which are removed. */
  readonly scratchBytes: number;
}

/**
 * Studies the disk of a folder on scratch files that it removes.
 *
 * @param take Receives each chapter when it is measured.
 * @throws {Error} The system's, if a scratch file cannot be written.
 */
export function studyFolder(
  folder: string,
  { seconds, check }: StudyOptions,
  take: (chapter: StudyChapter) => void,
): StudySummary {
  const samplingFor = (trials: number) => ({ trialMs: seconds * MILLISECONDS / trials, check });
  using subject = new ScratchSubject(folder);
  for (const { trials, write } of READING) take(write(subject, samplingFor(trials)));
  const { chapter, scratchBytes } = writeCost(folder, samplingFor(WRITE_TRIALS));
  take(chapter);
  return { scratchBytes: subject.bytesWritten + scratchBytes };
}

/**
 * Measures one chapter on a file that is only read, from the system's cache and past it.
 *
 * @param id One of `READ_CHAPTERS`.
 * @returns Undefined if the file is too small to have places.
 * @throws {Error} The system's, if the file cannot be read.
 */
export function readChapter(path: string, id: string, seconds: number): StudyChapter | undefined {
  const chapter = READING.find((known) => known.id === id)!;
  const descriptor = fs.openSync(path, "r");
  const direct = openDirect(path, fs.constants.O_RDONLY);
  try {
    const bytes = fs.fstatSync(descriptor).size;
    if (bytes < BYTES_MIN) return undefined;
    const absent = "'quire study' measures it, on a file of its own";
    const theirs = { drop: { absent }, mapping: { absent }, moved: { absent }, noteRead: () => {} };
    const sampling = { trialMs: seconds * MILLISECONDS / chapter.trials, check: () => {} };
    return chapter.write({ descriptor, bytes, direct, ...theirs }, sampling);
  } finally {
    fs.closeSync(descriptor);
    if ("value" in direct) fs.closeSync(direct.value.descriptor);
  }
}

/** Enough for the largest page, off its boundary. */
const BYTES_MIN = 1024 * 1024;
