// A database that is being built: the results of reads, and that an interrupted one cannot be
// opened.

import { Buffer } from "node:buffer";
import { setImmediate } from "node:timers";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { makeImage, plansAt } from "../../tests/support/files/crash_images.ts";
import { PowerFile, PowerWalk } from "../../tests/support/files/power_file.ts";
import { Random } from "../../tests/support/random.ts";
import { CorruptionError } from "../format/errors.ts";
import { FRESH_PAGES, PAGE_BYTES, SUPERBLOCK_PAGE } from "../format/format.ts";
import { Pager } from "../pager.ts";
import { BuildingFile } from "./building_file.ts";
import type { File } from "./file.ts";
import { MemoryFile } from "./memory_file.ts";

const COMMITS = 3;

/** Builds a database of a few commits in a file, and completes it. */
function build(file: File): void {
  fill(file).complete();
}

/** Builds a database of a few commits in a file. */
function fill(file: File): BuildingFile {
  const building = new BuildingFile(file);
  const pager = new Pager(building);
  for (let version = 1; version <= COMMITS; version++) {
    pager.begin();
    pager.meta.nextTreeId = version + 1;
    pager.commit();
    pager.flush("none");
  }
  pager.close();
  return building;
}

/** The version in a file, or undefined if opening it is refused. */
function versionOf(file: File): number | undefined {
  try {
    return new Pager(file).meta.version;
  } catch (error) {
    if (error instanceof CorruptionError) return undefined;
    throw error;
  }
}

describe("BuildingFile", () => {
  it("is a database when it is complete, and refused before", () => {
    const file = new MemoryFile();
    build(file);
    assertEquals(versionOf(new MemoryFile(file.content())), COMMITS);
    const begun = new MemoryFile();
    new Pager(new BuildingFile(begun)).close();
    assertThrows(() => new Pager(new MemoryFile(begun.content())), CorruptionError, "not a Quire");
  });

  it("reads what was written, where superblocks are and around them", () => {
    const [plain, inner] = [new MemoryFile(), new MemoryFile()];
    const building = new BuildingFile(inner);
    const random = new Random(3);
    const end = 5 * PAGE_BYTES;
    const both: File[] = [plain, building];
    for (const file of both) file.writeAt(new Uint8Array(end), 0, PAGE_BYTES, 0);
    for (const file of both) writeAll(file, new Uint8Array(end), 0);
    for (let round = 0; round < 300; round++) {
      const position = random.below(end);
      const bytes = new Uint8Array(random.below(end - position)).fill(round);
      both.forEach((file) => writeAll(file, bytes, position, random.once(2)));
      if (round % 50 === 49) {
        both.forEach((file) => file.truncate(position));
        both.forEach((file) => writeAll(file, new Uint8Array(end - position), position));
      }
      assertEquals(readAll(building, end), readAll(plain, end), `round ${round}`);
    }
    building.complete();
    assertEquals(readAll(inner, end), readAll(plain, end));
  });

  it("leaves a whole database, or none, whenever the power goes", () => {
    const file = new PowerFile();
    build(file);
    judgeCuts(file);
  });

  it("does the same where no sync is in line", async () => {
    const file = new PowerFile();
    const completed = fill(file).completeLater();
    for (let sync = 0; sync < 2; sync++) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      file.endSync();
    }
    await completed;
    judgeCuts(file);
  });

  /** Opens the file after each cut of the power. */
  function judgeCuts(file: PowerFile): void {
    const whole = dataIn(readAll(file, file.size()));
    const walk = new PowerWalk(file.start);
    const random = new Random(7);
    const found = { whole: 0, refused: 0, fresh: 0 };
    const judge = () => {
      for (const plan of plansAt(walk, { garbage: "none", rotPages: [], limit: 60 }, random)) {
        const image = makeImage(walk, plan).content();
        const version = versionOf(new MemoryFile(image));
        if (version === undefined) found.refused++;
        else if (version === COMMITS) {
          // One superblock is enough.
          assertEquals(Buffer.compare(dataIn(image), whole), 0);
          found.whole++;
        } else {
          // It was still empty, so it is created again.
          assertEquals(version, 0);
          assert(image.length <= FRESH_PAGES * PAGE_BYTES);
          found.fresh++;
        }
      }
    };
    for (const operation of file.operations) {
      walk.issue(operation);
      judge();
      walk.complete(operation);
    }
    judge();
    assert(found.whole > 0 && found.refused > 0, JSON.stringify(found));
  }
});

/** The bytes of a file but for its superblocks. */
function dataIn(bytes: Uint8Array): Uint8Array {
  return bytes.slice().fill(0, SUPERBLOCK_PAGE * PAGE_BYTES, FRESH_PAGES * PAGE_BYTES);
}

function writeAll(file: File, bytes: Uint8Array, position: number, through = false): void {
  for (let done = 0; done < bytes.length;) {
    const rest = bytes.length - done;
    done += through
      ? file.writeThroughAt(bytes, done, rest, position + done)
      : file.writeAt(bytes, done, rest, position + done);
  }
}

function readAll(file: File, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length;) {
    const count = file.readAt(bytes, done, length - done, done);
    if (count === 0) break;
    done += count;
  }
  return bytes;
}
