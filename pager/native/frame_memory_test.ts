// The memory of frames: from the heap, from segments, and in huge pages; and the doors' refusals.

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { CHUNK_BYTES } from "../format/format.ts";
import { alignedBytes, isAligned } from "./aligned_bytes.ts";
import { frameMemory } from "./doors.ts";
import { HeapMemory, SegmentMemory } from "./frame_memory.ts";

const isLinux = Deno.build.os === "linux";

describe("SegmentMemory", () => {
  it("has disjoint zeroed frames, and zeroes those that are taken again", () => {
    const sizes: number[] = [];
    const memory = new SegmentMemory(3, (bytes) => {
      sizes.push(bytes);
      return { bytes: new Uint8Array(bytes), release() {} };
    });
    const frames = [memory.take(), memory.take(), memory.take()];
    assertEquals(sizes, [3 * CHUNK_BYTES]);
    assertEquals(new Set(frames.map(({ byteOffset }) => byteOffset)).size, 3);
    assert(
      frames.every(({ length, buffer }) => length === CHUNK_BYTES && buffer === frames[0]!.buffer),
    );
    frames[1]!.fill(7);
    memory.giveBack(frames[1]!);
    const again = memory.take();
    assertEquals([again.byteOffset, again[0], again.at(-1)], [frames[1]!.byteOffset, 0, 0]);
  });

  it("takes frames beyond its limit from the heap, and gives them back there", () => {
    const memory = new SegmentMemory(
      1,
      (bytes) => ({ bytes: new Uint8Array(bytes), release() {} }),
    );
    const [first, second] = [memory.take(), memory.take()];
    assert(first.buffer !== second.buffer);
    memory.giveBack(second);
    assertEquals([first.length, second.length], [CHUNK_BYTES, 0]);
  });
});

describe("frameMemory", () => {
  it("is of the heap by default, and at boundaries for direct reads", () => {
    assert(frameMemory(4, {}) instanceof HeapMemory);
    const frame = frameMemory(4, { io: "direct" }).take();
    assert(isAligned(frame, 0) && !isAligned(frame, 512));
    assert(!isAligned(new Uint8Array(8192), 0) && isAligned(alignedBytes(8192), 4096));
  });

  it("in huge pages is empty after it is closed", { skip: !isLinux }, () => {
    const memory = frameMemory(2, { memory: "huge" });
    const frame = memory.take();
    frame.fill(9);
    assert(isAligned(frame, 0));
    memory.close();
    assertEquals(frame.length, 0);
  });
});
