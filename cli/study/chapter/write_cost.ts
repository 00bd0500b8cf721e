/**
 * The chapter on write amplification: one changed byte, layer by layer, from the page to the flash.
 *
 * It writes two scratch files: one without a database, and a small database.
 */

import { Buffer } from "node:buffer";
import * as fs from "node:fs";
import { type Database, open } from "../../../mod.ts";
import { Scratch } from "../../io/scratch.ts";
import { deviceCounter, processCounter } from "../counters.ts";
import type { StudyChapter, StudyRow } from "../report_types.ts";
import { rounded, type Sampling } from "../sampling.ts";
import { absences, BLOCK_BYTES, valueOf } from "../subject.ts";

const PAGE_BYTES = 8192;
const FLAT_BYTES = 1024 * 1024;
const ROWS = 10_000;
const ROW_BYTES = 100;
/** The largest number of changes. */
const CHANGES_MAX = 500;
const CHANGES_MIN = 10;
/** The page that flash writes at once, as the reckoning assumes. */
const FLASH_PAGE_BYTES = 16_384;
const STRIDE = 7919;

/** What the layers below a number of changes wrote, a change. */
interface Written {
  readonly changes: number;
  /** Microseconds. */
  readonly us: number;
  /** The part of the system's cache that the process made dirty. */
  readonly dirtied: number | undefined;
  /** Written by the device, for all processes. */
  readonly device: number | undefined;
  /** The writes of the device. */
  readonly writes: number | undefined;
}

/** The chapter, and what was written for it. */
export interface WriteCost {
  readonly chapter: StudyChapter;
  readonly scratchBytes: number;
}

/** The bytes that each layer writes for one changed byte. */
export function writeCost(folder: string, sampling: Sampling): WriteCost {
  const flat = changeFlat(folder, sampling);
  const quire = changeDatabase(folder, sampling);
  const rows: StudyRow[] = [
    rowOf("the changed byte", 1, "given"),
    rowOf("a page of 8 KiB that is written in place", PAGE_BYTES, "reckoned"),
    rowOf("pwrite of the byte: made dirty", flat.written.dirtied, "measured", flat.written.us),
    rowOf("  the device, with the file system's own", flat.written.device, "measured"),
    rowOf("  flash, pages of 16 KiB", flashOf(flat.written), "reckoned"),
    rowOf("Quire, a commit: its journal", quire.journalBytes, "measured", quire.commits.us),
    rowOf("  made dirty in the system's cache", quire.commits.dirtied, "measured"),
    rowOf("  the device, with the file system's own", quire.commits.device, "measured"),
    rowOf("  flash, pages of 16 KiB", flashOf(quire.commits), "reckoned"),
    rowOf("Quire, its share of a checkpoint", quire.checkpointBytes, "measured"),
  ];
  const chapter: StudyChapter = {
    id: "write-cost",
    title: "One changed byte",
    about: "One byte of a row of 100 bytes is changed and made durable, again and again. Every " +
      "layer writes its own unit. A journal writes what changed, in a batch of its own blocks; " +
      "the page follows once for all of its changes, in the checkpoint.",
    columns: [
      { key: "layer", title: "layer", unit: "text" },
      { key: "bytes", title: "written", unit: "bytes" },
      { key: "how", title: "how", unit: "text" },
      { key: "medianUs", title: "us a change", unit: "us" },
    ],
    rows,
    bars: "bytes",
    notes: [
      `${quire.commits.changes} commits to a tree of ${ROWS} rows, and then one checkpoint of ` +
      `${quire.pages} pages. Medians, so that other programs' writes to the device count little. ` +
      "Made dirty: the system counts the whole of each unit of its cache. Flash: each write of " +
      "the device takes whole pages of it; what a drive moves to erase blocks comes on top.",
      ...absences({ "made dirty": flat.process, "device": flat.device }),
    ],
  };
  return { chapter, scratchBytes: FLAT_BYTES + quire.allBytes };
}

function rowOf(layer: string, bytes: number | undefined, how: string, us?: number): StudyRow {
  const whole = bytes === undefined ? null : Math.round(bytes);
  return { layer, bytes: whole, how, medianUs: us === undefined ? null : rounded(us) };
}

/** The pages of flash that a change's writes take. */
function flashOf({ writes, device }: Written): number | undefined {
  if (writes === undefined || device === undefined) return undefined;
  return Math.max(writes, device / FLASH_PAGE_BYTES) * FLASH_PAGE_BYTES;
}

type ProcessCount = ReturnType<typeof processCounter>;
type DeviceCount = ReturnType<typeof deviceCounter>;

/** Changes bytes of a file without a database. */
function changeFlat(
  folder: string,
  sampling: Sampling,
): { written: Written; process: ProcessCount; device: DeviceCount } {
  using scratch = new Scratch(folder, "study");
  scratch.hide();
  const { descriptor } = scratch;
  // A system may cache what one write covers as one unit, and later write all of it.
  const block = Buffer.alloc(BLOCK_BYTES, 1);
  for (let at = 0; at < FLAT_BYTES; at += BLOCK_BYTES) {
    fs.writeSync(descriptor, block, 0, BLOCK_BYTES, at);
  }
  fs.fsyncSync(descriptor);
  const [process, device] = [processCounter(), deviceCounter(descriptor)];
  const byte = Buffer.alloc(1);
  const written = countWrites(process, device, sampling, (i) => {
    byte[0] = i;
    fs.writeSync(descriptor, byte, 0, 1, (i * STRIDE * BLOCK_BYTES) % FLAT_BYTES + 1000);
    fs.fdatasyncSync(descriptor);
  });
  return { written, process, device };
}

/** What a database wrote, a change. */
interface DatabaseWritten {
  readonly commits: Written;
  readonly journalBytes: number;
  readonly checkpointBytes: number;
  /** The pages of the checkpoint. */
  readonly pages: number;
  /** Everything that was written to the file. */
  readonly allBytes: number;
}

/** Changes a byte of a value of a database. */
function changeDatabase(folder: string, sampling: Sampling): DatabaseWritten {
  using scratch = new Scratch(folder, "study");
  using db = open(scratch.path);
  scratch.hide();
  const device = deviceCounter(scratch.descriptor);
  const tree = db.tree("rows");
  const value = new Uint8Array(ROW_BYTES).fill(7);
  db.writeSync((tx) => {
    tx.tree(tree).load(Array.from({ length: ROWS }, (_, i) => [keyOf(i), value] as const));
  });
  db.checkpoint();
  const before = db.stats();
  const commits = countWrites(processCounter(), device, sampling, (i) => {
    value[50] = i & 0xff;
    changeRow(db, (i * STRIDE) % ROWS, value);
  });
  const between = db.stats();
  db.checkpoint();
  const { pageWrites, journalBytesWritten } = db.stats();
  const pages = pageWrites - between.pageWrites;
  return {
    commits,
    journalBytes: (between.journalBytesWritten - before.journalBytesWritten) / commits.changes,
    checkpointBytes: pages * PAGE_BYTES / commits.changes,
    pages,
    allBytes: journalBytesWritten + pageWrites * PAGE_BYTES,
  };
}

function changeRow(db: Database, row: number, value: Uint8Array): void {
  db.writeSync((tx) => tx.tree("rows").set(keyOf(row), value));
}

function keyOf(row: number): string {
  return `row ${String(row).padStart(12, "0")}`;
}

/** Repeats a durable change, and counts what it writes. */
function countWrites(
  process: ProcessCount,
  device: DeviceCount,
  { trialMs, check }: Sampling,
  change: (i: number) => void,
): Written {
  const [ours, all] = [valueOf(process), valueOf(device)];
  const [times, dirtied, written, writes]: number[][] = [[], [], [], []];
  const end = performance.now() + trialMs;
  while (times!.length < CHANGES_MAX) {
    const [oursBefore, allBefore] = [ours?.(), all?.()];
    const start = performance.now();
    if (start >= end && times!.length >= CHANGES_MIN) break;
    check();
    change(times!.length + 1);
    times!.push((performance.now() - start) * 1000);
    if (oursBefore !== undefined) dirtied!.push(ours!().written - oursBefore.written);
    if (allBefore === undefined) continue;
    const now = all!();
    written!.push(now.bytes - allBefore.bytes);
    writes!.push(now.writes - allBefore.writes);
  }
  return {
    changes: times!.length,
    us: medianOf(times!)!,
    dirtied: medianOf(dirtied!),
    device: medianOf(written!),
    writes: medianOf(writes!),
  };
}

/** The median, which the writes of other programs do not move; undefined if there are no values. */
function medianOf(values: number[]): number | undefined {
  values.sort((a, b) => a - b);
  return values[values.length >> 1];
}
