/**
 * Measures how long reads of different sizes take on the disk of a file.
 *
 * It reads the file at random offsets through the system's cache, as any program does. Cached data
 * reads faster than the medium.
 */

import type { Measured, ReadTime } from "../api_types.ts";

const READS = 200;
const SIZES = [1, 4, 8, 16, 64].map((kibibytes) => kibibytes * 1024);
const MICROSECONDS = 1000;

/** Measures reads of a file. */
export function measureReads(path: string | undefined): Measured {
  if (path === undefined) return { reason: "the path of the file is not known", reads: [] };
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path, { read: true });
  } catch {
    return { reason: "the file cannot be read", reads: [] };
  }
  try {
    const { size } = file.statSync();
    return { reason: "", reads: SIZES.map((bytes) => measureSize(file, size, bytes)) };
  } finally {
    file.close();
  }
}

function measureSize(file: Deno.FsFile, size: number, bytes: number): ReadTime {
  const into = new Uint8Array(bytes);
  const places = Math.max(1, Math.floor(size / bytes));
  const times = Array.from({ length: READS }, () => {
    const position = Math.floor(Math.random() * places) * bytes;
    const start = performance.now();
    file.seekSync(position, Deno.SeekMode.Start);
    file.readSync(into);
    return (performance.now() - start) * MICROSECONDS;
  });
  times.sort((a, b) => a - b);
  return { bytes, median: times[READS / 2]!, slowest: times[Math.floor(READS * 0.9)]! };
}
