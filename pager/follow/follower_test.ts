// A follower's waits, and what it keeps if the file has a malformed record. The rest is tested with
// the session that follows (store/follow).

import { assertEquals, assertGreater, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { makeFile, openNodes, transact, write } from "../../tests/support/trees/pages.ts";
import { MemoryFile } from "../file/memory_file.ts";
import { CorruptionError } from "../format/errors.ts";
import { Meta } from "../format/meta.ts";
import type { Group } from "./batch_reader.ts";
import { Follower } from "./follower.ts";
import { MovedError } from "./moved_error.ts";

/** The waits in milliseconds that a call asks for; it does not wait. */
function waitsOf(call: () => void): (number | undefined)[] {
  const waits: (number | undefined)[] = [];
  const { wait } = Atomics;
  Atomics.wait = (...args: unknown[]) => {
    waits.push(args[3] as number | undefined);
    return "timed-out";
  };
  try {
    call();
  } finally {
    Atomics.wait = wait;
  }
  return waits;
}

describe("Follower.restart()", () => {
  it("waits longer with each try, and for the longest time at any later one", () => {
    const follower = new Follower(makeFile(3), 10_000);
    const moved = new MovedError("moved");
    const waits = (tries: number) => waitsOf(() => follower.restart(moved, tries));
    assertEquals([1, 2, 3, 4].map(waits), [[1], [3], [7], [15]]);
    for (const tries of [5, 30, 31, 32, 33, 64, 100]) assertEquals(waits(tries), [16]);
  });
});

describe("RecordIndex.replace()", () => {
  it("keeps all records if a new one is malformed", () => {
    const file = makeFile(3);
    const pager = openNodes(file);
    transact(pager, () => write(pager, 4, 9));
    pager.flush("sync");
    transact(pager, () => write(pager, 4, 10));
    pager.flush("sync");
    const { index } = new Follower(new MemoryFile(file.content()), 0);
    const { bytes } = index;
    assertGreater(bytes, 0);
    const malformed = { generation: 1, bytes: new Uint8Array(8), meta: new Meta() };
    const group = malformed as unknown as Group;
    assertThrows(() => index.replace([group]), CorruptionError, "malformed");
    assertEquals(index.bytes, bytes);
  });
});
