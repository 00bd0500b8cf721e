/**
 * `bench`: the cost of the basic operations of this disk and system, as Quire uses them. They bound
 * its own figures.
 *
 * Works on a temporary file beside FILE, or in FILE if it is a folder, and removes it. Reads come
 * from the system's cache, as the file was just written: this is the least that a read can cost.
 */

import { Buffer } from "node:buffer";
import * as fs from "node:fs";
import { withAction } from "../io/exit.ts";
import { folderOf, Scratch } from "../io/scratch.ts";
import { alignTable, count, size } from "../io/text.ts";
import { type CommandSpec, textOf, wholeNumber } from "../spec/command_spec.ts";

const MIB = 1024 * 1024;
const FILE_BYTES = 64 * MIB;
const READ_SIZES = [4096, 8192, 64 * 1024, MIB, 2 * MIB];
const PAGE_BYTES = 8192;
/** The most samples; the time limit may end the measurement earlier. */
const SAMPLES_MAX = 20_000;
const SAMPLES_MIN = 5;

/** The cost of one operation. */
interface Figure {
  readonly operation: string;
  /** Bytes moved; 0 = none. */
  readonly bytes: number;
  readonly samples: number;
  readonly medianUs: number;
  /** The 99th percentile. */
  readonly p99Us: number;
}

/** Measures this disk. */
export const bench: CommandSpec = {
  name: "bench",
  summary: "measure this disk: one system call, reads by size, a write and fdatasync",
  details: "Writes 64 MiB to a temporary file beside FILE, or in FILE if it is a folder, and " +
    "removes it. Reads come from the system's cache.",
  file: "unlocked",
  fileWhat: "a database, or a folder, on the disk to measure",
  args: [],
  options: [{ flags: "--seconds <count>", what: "the time for each operation; default 1" }],
  examples: [["bench cities.quire", "the disk that the file is on"]],
  inShell: false,
  run({ path, out, json }, _args, options) {
    const ms = 1000 * wholeNumber("--seconds", textOf(options["seconds"]) ?? "1");
    const figures = measureIn(folderOf(path), ms);
    if (json) return out.json(figures);
    const rows = figures.map(({ operation, bytes, medianUs, p99Us }) => [
      operation,
      medianUs.toFixed(1),
      p99Us.toFixed(1),
      bytes === 0 ? "-" : `${count(Math.round(bytes / medianUs))} MB/s`,
    ]);
    out.lines(alignTable([["operation", "median us", "p99 us", "rate"], ...rows]));
  },
};

function measureIn(folder: string, ms: number): Figure[] {
  try {
    using scratch = new Scratch(folder, "bench");
    scratch.hide();
    return measureAll(scratch.descriptor, ms);
  } catch (error) {
    throw withAction(`measure ${folder}`, error);
  }
}

function measureAll(file: number, ms: number): Figure[] {
  const block = Buffer.alloc(2 * MIB, 1);
  const start = performance.now();
  for (let at = 0; at < FILE_BYTES; at += block.length) {
    fs.writeSync(file, block, 0, block.length, at);
  }
  fs.fdatasyncSync(file);
  const fill = us(performance.now() - start);
  const reads = READ_SIZES.map((bytes) =>
    measure(`read ${size(bytes)}`, bytes, ms, (i) => {
      // A stride that visits the whole file in an order that defeats read-ahead.
      const at = ((i * 7919) % (FILE_BYTES / bytes)) * bytes;
      fs.readSync(file, block, 0, bytes, at);
    })
  );
  return [
    measure("system call", 0, ms, () => fs.fstatSync(file)),
    ...reads,
    measure(`write ${size(PAGE_BYTES)}`, PAGE_BYTES, ms, (i) => writePage(file, block, i)),
    measure(`write ${size(PAGE_BYTES)} and fdatasync`, PAGE_BYTES, ms, (i) => {
      writePage(file, block, i);
      fs.fdatasyncSync(file);
    }),
    {
      operation: `write ${size(FILE_BYTES)} and fdatasync`,
      bytes: FILE_BYTES,
      samples: 1,
      medianUs: fill,
      p99Us: fill,
    },
  ];
}

function writePage(file: number, block: Buffer, i: number): void {
  fs.writeSync(file, block, 0, PAGE_BYTES, (i * PAGE_BYTES) % FILE_BYTES);
}

/** Repeats an operation for a given time. */
function measure(operation: string, bytes: number, ms: number, work: (i: number) => void): Figure {
  const samples: number[] = [];
  const end = performance.now() + ms;
  for (let i = 0; i < SAMPLES_MAX; i++) {
    const start = performance.now();
    if (start >= end && i >= SAMPLES_MIN) break;
    work(i);
    samples.push(us(performance.now() - start));
  }
  samples.sort((a, b) => a - b);
  const at = (share: number) => samples[Math.floor(share * (samples.length - 1))]!;
  return { operation, bytes, samples: samples.length, medianUs: at(0.5), p99Us: at(0.99) };
}

function us(milliseconds: number): number {
  return Number((milliseconds * 1000).toFixed(2));
}
