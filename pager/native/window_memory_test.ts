// Windows of a file: what memory shows of it, before and after the memory or the file changes.

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { inTempDir } from "../../tests/support/temp.ts";
import { openDiskFile } from "../file/disk_file.ts";
import type { File } from "../file/file.ts";
import { CHUNK_BYTES } from "../format/format.ts";
import { openLibc } from "./libc.ts";
import { WindowMemory } from "./window_memory.ts";

const skip = Deno.build.os !== "linux";
const SYSTEM_PAGE = 4096;

/** Runs a test on a file of two chunks, with the bytes 1 and 2, and memory for windows. */
function withWindows(body: (file: File, memory: WindowMemory) => void): void {
  inTempDir((dir) => {
    const file = openDiskFile(`${dir}/file`, { io: "map" });
    const memory = new WindowMemory(openLibc());
    try {
      for (const [chunk, byte] of [1, 2].entries()) {
        file.writeAt(new Uint8Array(CHUNK_BYTES).fill(byte), 0, CHUNK_BYTES, chunk * CHUNK_BYTES);
      }
      body(file, memory);
    } finally {
      memory.close();
      file.close();
    }
  });
}

/** The first bytes of the first pages of the system in a frame. */
function bytesAt(frame: Uint8Array): number[] {
  return [0, 1, 2].map((page) => frame[page * SYSTEM_PAGE]!);
}

describe("WindowMemory", { skip }, () => {
  it("has zeroed frames, which show a chunk each, and are zeros again when they end", () =>
    withWindows((file, memory) => {
      const frames = [memory.take(), memory.take(), memory.take()];
      assert(frames.every((frame) => frame.length === CHUNK_BYTES && frame.every((byte) => !byte)));
      file.showAt!(frames[0]!, CHUNK_BYTES);
      file.showAt!(frames[2]!, 0);
      assertEquals(frames.map((frame) => [frame[0], frame.at(-1)]), [[2, 2], [0, 0], [1, 1]]);
      memory.endWindow(frames[0]!);
      frames[0]![7] = 7;
      memory.giveBack(frames[0]!);
      const again = memory.take();
      assertEquals([again.byteOffset, again[0], again.at(-1)], [frames[0]!.byteOffset, 0, 0]);
    }));

  it("shows what is written to the file, except in pages that have changed in memory", () =>
    withWindows((file, memory) => {
      const frame = memory.take();
      file.showAt!(frame, 0);
      frame[SYSTEM_PAGE] = 7;
      file.writeAt(new Uint8Array(3 * SYSTEM_PAGE).fill(9), 0, 3 * SYSTEM_PAGE, 0);
      assertEquals(bytesAt(frame), [9, 7, 9]);
      assertEquals(frame[SYSTEM_PAGE + 1], 1);
      const inFile = new Uint8Array(1);
      file.readAt(inFile, 0, 1, SYSTEM_PAGE);
      assertEquals(inFile[0], 9);
      memory.dropCopies(frame.subarray(SYSTEM_PAGE, 2 * SYSTEM_PAGE));
      assertEquals(bytesAt(frame), [9, 9, 9]);
    }));

  it("writes a window to the file that it shows", () =>
    withWindows((file, memory) => {
      const frame = memory.take();
      file.showAt!(frame, 0);
      frame[5] = 6;
      assertEquals(file.writeAt(frame, 0, CHUNK_BYTES, 0), CHUNK_BYTES);
      memory.dropCopies(frame);
      assertEquals([...frame.subarray(3, 8)], [1, 1, 6, 1, 1]);
    }));

  it("has no bytes after it is closed", () =>
    withWindows((file, memory) => {
      const frame = memory.take();
      file.showAt!(frame, 0);
      memory.close();
      assertEquals(frame.length, 0);
    }));
});
