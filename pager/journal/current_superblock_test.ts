// The superblock of an open file is replaced in every order of its ways. A power cut at each write
// and sync leaves each copy that was not synced old, new or torn, and the file opens with a
// superblock that was on the medium, or with a newer one.

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Random } from "../../tests/support/random.ts";
import { flipBit } from "../../tests/support/trees/pages.ts";
import { Disk } from "../file/disk.ts";
import { MemoryFile } from "../file/memory_file.ts";
import { PAGE_BYTES } from "../format/format.ts";
import { CurrentSuperblock } from "./current_superblock.ts";
import { createDatabase, examineSuperblocks, readSuperblock } from "./superblocks.ts";

const SEED = Number(Deno.env.get("QUIRE_SEED") ?? 1);
const ROUNDS = 60;
const STEPS = 12;
const SLOTS = [1, 2];

/** A file that knows what is on the medium. */
class CutFile extends MemoryFile {
  /** The content after the last sync. */
  synced: Uint8Array = new Uint8Array();
  /** Is called before each write and each sync. */
  onCall: () => void = () => {};
  syncs = 0;

  override writeAt(source: Uint8Array, start: number, length: number, position: number): number {
    const written = super.writeAt(source, start, length, position);
    this.onCall();
    return written;
  }

  override sync(): void {
    this.onCall();
    this.syncs++;
    this.synced = this.content();
  }

  /** What a cut may leave: each slot as synced, as written, or half of each. */
  *images(): Generator<MemoryFile> {
    const now = this.content();
    for (let choice = 0; choice < 9; choice++) {
      const image = Uint8Array.from(this.synced);
      [choice % 3, Math.floor(choice / 3)].forEach((fate, i) => {
        const start = SLOTS[i]! * PAGE_BYTES;
        const end = start + [0, 64, PAGE_BYTES][fate]!;
        image.set(now.subarray(start, end), start);
      });
      yield new MemoryFile(image);
    }
  }
}

/** A superblock in a file of its own. */
function opened(): { file: CutFile; superblock: CurrentSuperblock } {
  const file = new CutFile();
  const disk = new Disk(file);
  const superblock = new CurrentSuperblock(disk, createDatabase(disk), false);
  return { file, superblock };
}

/** The trees that the superblock counts tell which one it is. */
function replacedTo(count: number): { nextTreeId: number } {
  return { nextTreeId: count };
}

describe("the superblock of an open file", () => {
  it("is never older after a power cut than it was on the medium", () => {
    const random = new Random(SEED);
    for (let round = 0; round < ROUNDS; round++) {
      const { file, superblock } = opened();
      let [count, least] = [1, 1];
      file.onCall = () => {
        for (const image of file.images()) {
          const { nextTreeId } = readSuperblock(new Disk(image));
          assert(nextTreeId >= least && nextTreeId <= count, `${nextTreeId}, not ${least}`);
        }
      };
      /** The steps of a sequence, each of which follows a sync of the one before. */
      let left: (() => void)[] = [];
      for (let step = 0; step < STEPS; step++) {
        file.sync();
        if (left.length > 0 && random.once(2)) {
          left.shift()!();
          least = count;
          continue;
        }
        count++;
        if (random.once(3)) {
          superblock.writeFirstCopy(replacedTo(count));
          left = [() => superblock.writeSecondCopy(), () => superblock.endSteps()];
          continue;
        }
        if (random.once(2)) superblock.replace(replacedTo(count));
        else superblock.extend(replacedTo(count));
        least = count;
      }
    }
  });

  it("is in both copies after it was replaced, which no flipped bit makes older", () => {
    const { file, superblock } = opened();
    superblock.replace(replacedTo(7));
    assertEquals(file.synced, file.content());
    for (const slot of SLOTS) {
      const image = new MemoryFile(file.content());
      flipBit(image, slot * PAGE_BYTES + 70);
      assertEquals(readSuperblock(new Disk(image)).nextTreeId, 7);
    }
  });

  it("is extended with one sync, and in both copies after the next one", () => {
    const { file, superblock } = opened();
    file.syncs = 0;
    superblock.extend(replacedTo(7));
    assertEquals(file.syncs, 1);
    assertEquals(readSuperblock(new Disk(new MemoryFile(file.synced))).nextTreeId, 7);
    file.sync();
    const { current, isInBothCopies } = examineSuperblocks(new Disk(new MemoryFile(file.synced)));
    assertEquals([current?.nextTreeId, isInBothCopies], [7, true]);
  });

  it("is replaced without more syncs where steps have begun, whose rest does nothing", () => {
    const { file, superblock } = opened();
    superblock.writeFirstCopy({ allocatorHint: 0, nextTreeId: 5 });
    file.sync();
    file.syncs = 0;
    superblock.replace({ version: 9 });
    assertEquals(file.syncs, 2);
    const before = file.content();
    superblock.writeSecondCopy();
    superblock.endSteps();
    assertEquals(file.content(), before);
    const { nextTreeId, version, number } = readSuperblock(new Disk(file));
    assertEquals([nextTreeId, version, number], [5, 9, 2]);
    assertEquals(superblock.fields.number, 2);
  });
});
