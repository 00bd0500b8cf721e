/**
 * The doors to the system that an option chooses: how pages are read and written, and what memory
 * frames have. Each is refused where it does not exist; nothing falls back silently.
 */

import { platform } from "node:os";
import { IoError } from "../format/errors.ts";
import { alignedBytes } from "./aligned_bytes.ts";
import { type FrameMemory, HeapMemory, SegmentMemory } from "./frame_memory.ts";
import { openLibc, whyNoLibc } from "./libc.ts";
import { WindowMemory } from "./window_memory.ts";

/** How pages are read and written. */
export type Io = "buffered" | "direct" | "map";
/** The memory of frames. */
export type Memory = "heap" | "huge";

/** The options that choose doors. */
export interface DoorOptions {
  /**
   * How pages are read and written. `"buffered"`: through the system's cache. `"direct"`: past it,
   * with `O_DIRECT`, so that a page is not in memory twice; what `cacheBytes` does not hold costs
   * the medium each time, and `prefetch` has no effect. Headers and the journal stay buffered.
   * Linux only, and not on every file system. `"map"`: by windows of a private mapping of the file,
   * without a copy; changed pages are copies in memory until a checkpoint has written and synced
   * them, at most `cacheBytes`. A page that the medium cannot return, and a file that another
   * process cuts, end the process by SIGBUS. Linux only, with `--allow-ffi`, and not for a file
   * that other processes write. Default `"buffered"`.
   */
  io?: Io | undefined;
  /**
   * The memory of pages. `"heap"`: a buffer of 2 MiB at a time. `"huge"`: pages of the system of 2
   * MiB, with which look-ups in a large cache are faster. Linux only, with `--allow-ffi`. Default
   * `"heap"`.
   */
  memory?: Memory | undefined;
}

/**
 * Refuses doors that do not exist here.
 *
 * @param path The path to open, for the message.
 * @throws {IoError} One of them needs another system, or a permission.
 */
export function checkDoors(path: string, { io = "buffered", memory = "heap" }: DoorOptions): void {
  if (io === "direct" && platform() !== "linux") {
    throw new IoError(`Cannot open ${path}: io "direct" needs Linux`);
  }
  const asked = memory === "huge" ? 'memory "huge"' : io === "map" ? 'io "map"' : undefined;
  const reason = asked === undefined ? undefined : whyNoLibc();
  if (reason !== undefined) throw new IoError(`Cannot open ${path}: ${asked}: ${reason}`);
}

/**
 * The memory of frames; none is taken yet.
 *
 * @param frames The most frames, unless a transaction needs more.
 */
export function frameMemory(frames: number, options: DoorOptions): FrameMemory {
  if (options.io === "map") return new WindowMemory(openLibc());
  if (options.memory === "huge") {
    const libc = openLibc();
    return new SegmentMemory(frames, (bytes) => libc.mapMemory(bytes));
  }
  if (options.io === "direct") {
    // The garbage collector has the segments once nothing refers to them.
    return new SegmentMemory(frames, (bytes) => ({ bytes: alignedBytes(bytes), release() {} }));
  }
  return new HeapMemory();
}
