/**
 * Power cuts of a whole system: a program works in a real file system on a disk that logs each
 * write and each sync. The disk is put back to moments of the log, with any part of what no sync
 * had reached; the file system recovers, and then Quire. All that was promised is there.
 *
 * Other tests cut the power of a simulated file. Here the file system is in between: whether a new
 * name, a longer file or a file that was cut off is on the medium is up to it.
 *
 * QUIRE_DISK_CUTS=N makes N longer recordings in each file system that can be made here, instead
 * of a short one. Only the superuser of a Linux system can; otherwise the test is skipped.
 */

import * as fs from "node:fs";
import { assertEquals, assertGreater } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Random } from "../support/random.ts";
import { inTempDir } from "../support/temp.ts";
import { TURN } from "../support/turn.ts";
import { cutDisk } from "./disk/cutting.ts";
import { SYNC } from "./disk/disk_log.ts";
import { DiskWalk, type Eighths } from "./disk/disk_walk.ts";
import { FILE_SYSTEMS, type FileSystem } from "./disk/mounts.ts";
import { livesOf, recordDisk } from "./disk/recording.ts";

const GIVEN = Deno.env.get("QUIRE_DISK_CUTS");
const RECORDINGS = Number(GIVEN ?? 1);
const STEPS = GIVEN === undefined ? 30 : 150;
const IMAGES = GIVEN === undefined ? 16 : 200;
/** Images are files in memory: each is written, mounted and checked. */
const MEMORY = "/dev/shm";

/** Runs a test in a new folder in memory. */
async function inMemory(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = fs.mkdtempSync(`${MEMORY}/quire-test-`);
  try {
    await test(folder);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

/** Why no disk can be recorded here; undefined if one can. */
async function whyNone(): Promise<string | undefined> {
  if (FILE_SYSTEMS.length === 0) return "no file system can be made";
  if (!fs.existsSync(MEMORY)) return `there is no ${MEMORY}`;
  try {
    await inMemory(async (folder) => {
      await recordDisk(folder, FILE_SYSTEMS[0]!, () => Promise.resolve());
    });
    return undefined;
  } catch (error) {
    return `${error}`;
  }
}

const WHY_NONE = await whyNone();
if (WHY_NONE !== undefined) console.log(`power cuts of disks: skipped, ${WHY_NONE}`);

describe("power cuts of a disk below a file system", { ignore: WHY_NONE !== undefined }, () => {
  const chosen: readonly FileSystem[] = GIVEN === undefined
    ? FILE_SYSTEMS.slice(0, 1)
    : FILE_SYSTEMS;
  for (const fileSystem of chosen) {
    for (let i = 0; i < RECORDINGS; i++) {
      const seed = TURN + i;
      it(`${fileSystem}: keep every promise, from seed ${seed}`, () =>
        inMemory(async (folder) => {
          const recording = await recordDisk(folder, fileSystem, livesOf(seed, STEPS));
          const { faults, ...counts } = await cutDisk(recording, folder, seed, IMAGES);
          console.log(`cuts of a disk, ${fileSystem}, seed ${seed}: ${JSON.stringify(counts)}`);
          assertEquals(faults, []);
          assertGreater(counts.promises, 0);
          assertGreater(counts.lossy, 0);
        }));
    }
  }
});

describe("a disk after a power cut", () => {
  const BLOCK = 4096;
  const write = (block: number, count: number, byte: number) => {
    return {
      promised: 0,
      position: block * BLOCK,
      bytes: new Uint8Array(count * BLOCK).fill(byte),
    };
  };
  const sync = { promised: 0, position: SYNC, bytes: new Uint8Array(0) };
  /** The first bytes of the blocks of a disk: eight are synced, and then 32 from the fourth on. */
  const blocksAfter = (left: Eighths) =>
    inTempDir((dir) => {
      fs.writeFileSync(`${dir}/image`, new Uint8Array(64 * BLOCK));
      const walk = new DiskWalk(`${dir}/image`);
      for (const call of [write(0, 8, 1), sync, write(4, 32, 2)]) walk.take(call);
      walk.writeImage(`${dir}/cut`, left, new Random(1));
      const cut = fs.readFileSync(`${dir}/cut`);
      assertEquals(cut.length, 64 * BLOCK);
      return Array.from({ length: 64 }, (_, block) => cut[block * BLOCK]!);
    });
  const filled = (...parts: [count: number, byte: number][]) =>
    parts.flatMap(([count, byte]) => new Array<number>(count).fill(byte));

  it("has what a sync reached, and what the cut has left", () => {
    assertEquals(blocksAfter(0), filled([8, 1], [56, 0]));
    assertEquals(blocksAfter(8), filled([4, 1], [32, 2], [28, 0]));
  });

  it("has any blocks of a write that no sync reached", () => {
    const blocks = blocksAfter(4);
    assertEquals(blocks.slice(0, 4), filled([4, 1]));
    assertEquals(new Set(blocks.slice(4, 8)), new Set([1, 2]));
    assertEquals(new Set(blocks.slice(8, 36)), new Set([0, 2]));
    assertEquals(blocks.slice(36), filled([28, 0]));
  });
});
