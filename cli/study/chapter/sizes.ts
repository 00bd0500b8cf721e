/**
 * The chapters on sizes: reads of 512 bytes to 8 MiB, and pages of 1 to 64 KiB on blocks of 4 KiB,
 * with what is moved as predicted and as measured.
 */

import type { StudyChapter, StudyRow } from "../report_types.ts";
import { measure, rounded, type Sampling } from "../sampling.ts";
import { absences, BLOCK_BYTES, READ_BYTES_MAX, type Subject, valueOf } from "../subject.ts";
import { type Read, trialOf, warmUp, type Way, waysTo } from "../ways.ts";
import { powerBelow } from "./one_byte.ts";

const READ_BYTES_MIN = 512;
/** The row that a program wants from a page. */
const ROW_BYTES = 100;
const HEADER_BYTES = 32;
const CHUNK_BYTES = 2 * 1024 * 1024;
const QUIRE_PAGE_BYTES = 8192;

/** Reads by size. */
export function readSizes(subject: Subject, sampling: Sampling): StudyChapter {
  const ways = waysTo(subject);
  const unit = valueOf(subject.direct)?.unit ?? 0;
  const sizes = [];
  const largest = Math.min(READ_BYTES_MAX, subject.bytes);
  for (let bytes = READ_BYTES_MIN; bytes <= largest; bytes *= 2) sizes.push(bytes);
  const usOf = (way: Way, bytes: number) => {
    const places = powerBelow(subject.bytes / bytes);
    const trial = trialOf(way, { places, run: (read, place) => read(bytes, place * bytes) });
    return trial && measure(trial, subject, sampling).medianUs;
  };
  warmUp(subject);
  const warm = sizes.map((bytes) => usOf(ways.warm, bytes));
  const rows = sizes.map((bytes, i): StudyRow => {
    const coldUs = usOf(ways.cold, bytes);
    const directUs = bytes < unit ? undefined : usOf(ways.direct, bytes);
    return {
      bytes,
      warmUs: warm[i] ?? null,
      coldUs: coldUs ?? null,
      directUs: directUs ?? null,
      warmRate: rateOf(bytes, warm[i]),
      coldRate: rateOf(bytes, coldUs),
      directRate: rateOf(bytes, directUs),
    };
  });
  return {
    id: "read-sizes",
    title: "Reads by size",
    about: "One read at a random place. A small read costs as much as a block, so its rate is " +
      "poor; from some size on the disk's own rate decides.",
    columns: [
      { key: "bytes", title: "size", unit: "bytes" },
      { key: "warmUs", title: "warm us", unit: "us" },
      { key: "coldUs", title: "cold us", unit: "us" },
      { key: "directUs", title: "direct us", unit: "us" },
      { key: "warmRate", title: "warm MB/s", unit: "MB/s" },
      { key: "coldRate", title: "cold MB/s", unit: "MB/s" },
      { key: "directRate", title: "direct MB/s", unit: "MB/s" },
    ],
    rows,
    bars: "value" in subject.drop ? "coldRate" : "directRate",
    notes: [
      ...absences({ "direct": subject.direct, "cold": subject.drop }),
      ...(largest < READ_BYTES_MAX ? ["Larger reads: the file is smaller than they are."] : []),
    ],
  };
}

function rateOf(bytes: number, us: number | undefined): number | null {
  return us === undefined ? null : rounded(bytes / us);
}

/** A layout of pages. */
interface Layout {
  readonly layout: string;
  readonly pageBytes: number;
  /** Where the first page begins. */
  readonly offset: number;
  /** Whether the header of a page is in the header page of its chunk. */
  readonly hasHeader: boolean;
}

const LAYOUTS: readonly Layout[] = [
  ...[1, 2, 4, 8, 16, 32, 64].map((kibibytes) => ({
    layout: `pages of ${kibibytes} KiB`,
    pageBytes: kibibytes * 1024,
    offset: 0,
    hasHeader: false,
  })),
  { layout: "8 KiB, off the boundary", pageBytes: 8192, offset: 2048, hasHeader: false },
  { layout: "8 KiB and a header", pageBytes: QUIRE_PAGE_BYTES, offset: 0, hasHeader: true },
];

/** What a row of a page moves, by the size of the page. */
export function pageSizes(subject: Subject, sampling: Sampling): StudyChapter {
  const ways = waysTo(subject);
  const rowOf = (layout: Layout): StudyRow => {
    const { pageBytes, offset, hasHeader } = layout;
    // The last page of the file has no room for the offset.
    const places = powerBelow((subject.bytes - offset) / pageBytes);
    const run = (read: Read, place: number) => {
      const at = place * pageBytes + offset;
      read(pageBytes, at);
      if (hasHeader) read(HEADER_BYTES, at - at % CHUNK_BYTES + (at / pageBytes & 0xff) * 32);
    };
    const predicted = bytesOfBlocks(offset, pageBytes) + (hasHeader ? BLOCK_BYTES : 0);
    const coldTrial = trialOf(ways.cold, { places, run });
    const cold = coldTrial && measure(coldTrial, subject, sampling);
    const directTrial = trialOf(ways.direct, { places, run });
    const direct = directTrial && measure(directTrial, subject, sampling);
    return {
      layout: layout.layout,
      predicted,
      moved: cold?.movedBytes ?? null,
      times: rounded((cold?.movedBytes ?? predicted) / ROW_BYTES),
      coldUs: cold?.medianUs ?? null,
      directUs: direct?.medianUs ?? null,
    };
  };
  return {
    id: "page-sizes",
    title: `Page sizes over blocks of ${BLOCK_BYTES / 1024} KiB`,
    about: `To read a row of ${ROW_BYTES} bytes, a page is read whole. A page below a block ` +
      "moves a block, and a page off the boundary one block more. A page of Quire has its " +
      "header in the first page of its chunk, which costs a block until that page is in memory.",
    columns: [
      { key: "layout", title: "layout", unit: "text" },
      { key: "predicted", title: "predicted", unit: "bytes" },
      { key: "moved", title: "moved", unit: "bytes" },
      { key: "times", title: "times the row", unit: "times" },
      { key: "coldUs", title: "cold us", unit: "us" },
      { key: "directUs", title: "direct us", unit: "us" },
    ],
    rows: LAYOUTS.map(rowOf),
    bars: "times",
    notes: absences({
      "direct": subject.direct,
      "cold": subject.drop,
      "moved": subject.moved,
    }),
  };
}

/** The bytes of the blocks that a range touches. */
export function bytesOfBlocks(start: number, length: number): number {
  const first = Math.floor(start / BLOCK_BYTES);
  const end = Math.ceil((start + length) / BLOCK_BYTES);
  return (end - first) * BLOCK_BYTES;
}
