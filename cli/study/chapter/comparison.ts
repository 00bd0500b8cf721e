/**
 * The chapter that compares the three doors to a file: positional reads, a mapping, and direct
 * reads. What each means is given; what each costs is measured.
 */

import type { StudyChapter, StudyRow } from "../report_types.ts";
import { measure, rounded, type Sampling } from "../sampling.ts";
import { absences, type Subject, sumLines, sumRead, valueOf } from "../subject.ts";
import { warmUp, type Way, waysTo } from "../ways.ts";
import { powerBelow } from "./one_byte.ts";

const PAGE_BYTES = 8192;
const SCAN_BYTES = 2 * 1024 * 1024;

const MEANING: readonly string[] = [
  "pread: copies each page, and the system's cache keeps it too. A failed read is an error. " +
  "Needs permission to read the file.",
  "mmap: copies nothing; the system's cache is the program's. A failed read, and a file that " +
  "another program cuts short, end the process. Needs --allow-ffi.",
  "O_DIRECT: copies nothing, and leaves nothing in the system's cache, so a page that the " +
  "program drops costs the device again. A failed read is an error. Positions, lengths and " +
  "memory are aligned. Not on every file system.",
];

/** Reads `length` bytes in use at a position: each is looked at. */
type Use = (length: number, position: number) => void;

let seen = 0;

/** A way to a file, as a program uses it. */
interface Door {
  readonly name: string;
  /** Undefined if it is always cold. */
  readonly warm: Way | undefined;
  readonly cold: Way;
  readonly coldScan: Way;
  /** Undefined if it is absent. */
  readonly use: Use | undefined;
}

/** The doors to a file. */
function doorsTo(subject: Subject): Door[] {
  const ways = waysTo(subject);
  const mapping = valueOf(subject.mapping);
  const copied = ({ read }: Way): Use | undefined =>
    read && ((length, position) => {
      read(length, position);
      seen += sumRead(length);
    });
  const mapped: Use | undefined = mapping && ((length, position) => {
    seen += sumLines(mapping.bytes, position, length);
  });
  const { warm, cold, direct, mapWarm, mapCold, mapColdRandom } = ways;
  return [
    { name: "pread", warm, cold, coldScan: cold, use: copied(warm) },
    { name: "mmap", warm: mapWarm, cold: mapColdRandom, coldScan: mapCold, use: mapped },
    { name: "O_DIRECT", warm: undefined, cold: direct, coldScan: direct, use: copied(direct) },
  ];
}

/** The doors side by side. */
export function comparison(subject: Subject, sampling: Sampling): StudyChapter {
  const usOf = (use: Use | undefined, way: Way | undefined, bytes: number, isScan: boolean) => {
    if (use === undefined || way?.read === undefined) return undefined;
    const places = powerBelow(subject.bytes / bytes);
    let next = 0;
    const run = (place: number) => use(bytes, (isScan ? next++ % places : place) * bytes);
    return measure({ places, chill: way.chill, run }, subject, sampling).medianUs;
  };
  const rateOf = (us: number | undefined) => us === undefined ? null : rounded(SCAN_BYTES / us);
  const rowOf = ({ name, warm, cold, coldScan, use }: Door): StudyRow => {
    if (warm !== undefined) warmUp(subject);
    return {
      door: name,
      warmUs: usOf(use, warm, PAGE_BYTES, false) ?? null,
      warmScan: rateOf(usOf(use, warm, SCAN_BYTES, true)),
      coldUs: usOf(use, cold, PAGE_BYTES, false) ?? null,
      coldScan: rateOf(usOf(use, coldScan, SCAN_BYTES, true)),
    };
  };
  return {
    id: "doors",
    title: "Three doors to a file",
    about: "A page of 8 KiB at a random place, and a scan in steps of 2 MiB; one byte of each 64 " +
      "is looked at. Quire reads by the first door, unless `io` of `open` says another.",
    columns: [
      { key: "door", title: "door", unit: "text" },
      { key: "warmUs", title: "page, warm us", unit: "us" },
      { key: "coldUs", title: "page, cold us", unit: "us" },
      { key: "warmScan", title: "scan, warm MB/s", unit: "MB/s" },
      { key: "coldScan", title: "scan, cold MB/s", unit: "MB/s" },
    ],
    rows: doorsTo(subject).map(rowOf),
    bars: "coldScan",
    notes: [
      ...MEANING,
      ...absences({
        "O_DIRECT": subject.direct,
        "cold": subject.drop,
        "mmap": subject.mapping,
      }),
    ],
  };
}
