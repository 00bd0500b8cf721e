/**
 * The chapters on a page and its bytes: one byte costs a page, and the same page against different
 * pages.
 */

import type { StudyChapter, StudyRow } from "../report_types.ts";
import { measure, type Sampling } from "../sampling.ts";
import { absences, BLOCK_BYTES, type Subject, valueOf } from "../subject.ts";
import { type Read, trialOf, warmUp, type Way, waysTo } from "../ways.ts";

/** A page of Quire. */
const PAGE_BYTES = 8192;
/** The distance of places that no read-ahead reaches from each other. */
const APART_BYTES = 128 * 1024;
/** The reads of one run of the second chapter. */
const READS = 64;
/** Visits the bytes of a page in an order that no read-ahead follows. */
const STRIDE = 29;

/** What reading one byte moves, each way. */
export function oneByte(subject: Subject, sampling: Sampling): StudyChapter {
  const ways = waysTo(subject);
  const unit = valueOf(subject.direct)?.unit ?? BLOCK_BYTES;
  const places = powerBelow(subject.bytes / APART_BYTES);
  const rowOf = (way: Way, predicted: number | null): StudyRow => {
    const run = (read: Read, place: number) => read(1, place * APART_BYTES + 1000);
    const trial = trialOf(way, { places, run });
    const found = trial && measure(trial, subject, sampling);
    const moved = found?.movedBytes ?? null;
    return { way: way.name, asked: 1, predicted, moved, medianUs: found?.medianUs ?? null };
  };
  warmUp(subject);
  const warm = [rowOf(ways.warm, 0), rowOf(ways.mapWarm, 0)];
  return {
    id: "one-byte",
    title: "One byte costs a page",
    about: "A program asks for one byte at a random place. The system moves whole blocks of " +
      `${BLOCK_BYTES} bytes into its cache, a direct read the least that the medium takes, and a ` +
      "mapping whatever the system reads ahead, unless the program says that it reads at random.",
    columns: [
      { key: "way", title: "way", unit: "text" },
      { key: "asked", title: "asked", unit: "bytes" },
      { key: "predicted", title: "predicted", unit: "bytes" },
      { key: "moved", title: "moved", unit: "bytes" },
      { key: "medianUs", title: "median us", unit: "us" },
    ],
    rows: [
      ...warm,
      rowOf(ways.cold, BLOCK_BYTES),
      rowOf(ways.direct, unit),
      rowOf(ways.mapCold, null),
      rowOf(ways.mapColdRandom, BLOCK_BYTES),
    ],
    bars: "medianUs",
    notes: absences({
      "direct": subject.direct,
      "cold": subject.drop,
      "mmap": subject.mapping,
      "moved": subject.moved,
    }),
  };
}

/** Reads of one byte within one page, and each in another page. */
export function samePage(subject: Subject, sampling: Sampling): StudyChapter {
  const ways = waysTo(subject);
  const pages = powerBelow(subject.bytes / PAGE_BYTES);
  const unit = valueOf(subject.direct)?.unit ?? BLOCK_BYTES;
  const byteAt = (i: number) => (i * STRIDE % READS) * (PAGE_BYTES / READS);
  const rowsOf = (way: Way, inPage: number | null, inPages: number | null): StudyRow[] => {
    const within = trialOf(way, {
      places: pages,
      reads: READS,
      run(read, place) {
        for (let i = 0; i < READS; i++) read(1, place * PAGE_BYTES + byteAt(i));
      },
    });
    const across = trialOf(way, {
      places: powerBelow(pages / READS),
      reads: READS,
      run(read, place) {
        // Far apart, so that no read-ahead joins them.
        const apart = Math.floor(pages / READS);
        for (let i = 0; i < READS; i++) read(1, (i * apart + place) * PAGE_BYTES + byteAt(i));
      },
    });
    const figuresOf = (trial: typeof within) => {
      const found = trial && measure(trial, subject, sampling);
      return { moved: found?.movedBytes ?? null, meanUs: found?.medianUs ?? null };
    };
    return [
      { way: way.name, where: "the same page", predicted: inPage, ...figuresOf(within) },
      { way: way.name, where: "different pages", predicted: inPages, ...figuresOf(across) },
    ];
  };
  warmUp(subject);
  return {
    id: "same-page",
    title: "The same page, or another",
    about: `${READS} reads of one byte each, all within one page of ${PAGE_BYTES} bytes, or each ` +
      "in another page. In the cache the place does not matter. On a cold disk the first read of " +
      "a page pays for all others. A direct read has no cache, and always pays.",
    columns: [
      { key: "way", title: "way", unit: "text" },
      { key: "where", title: "where", unit: "text" },
      { key: "predicted", title: "predicted", unit: "bytes" },
      { key: "moved", title: "moved", unit: "bytes" },
      { key: "meanUs", title: "us a read", unit: "us" },
    ],
    rows: [
      ...rowsOf(ways.warm, 0, 0),
      ...rowsOf(ways.cold, PAGE_BYTES / READS, BLOCK_BYTES),
      ...rowsOf(ways.direct, unit, unit),
      ...rowsOf(ways.mapColdRandom, PAGE_BYTES / READS, BLOCK_BYTES),
    ],
    bars: "meanUs",
    notes: absences({
      "direct": subject.direct,
      "cold": subject.drop,
      "mmap": subject.mapping,
      "moved": subject.moved,
    }),
  };
}

/** The largest power of two that is not above a number; at least 1. */
export function powerBelow(number: number): number {
  return number < 2 ? 1 : 2 ** Math.floor(Math.log2(number));
}
