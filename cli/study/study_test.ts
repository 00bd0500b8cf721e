/**
 * The study of a disk: its arithmetic, its sampling, and the command, which leaves no file behind.
 */

import { assert, assertEquals, assertGreater, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { cliWords, inParallel, quire } from "../../tests/support/programs/cli.ts";
import { inTempDir } from "../../tests/support/temp.ts";
import { bytesOfBlocks } from "./chapter/sizes.ts";
import { barOf, chapterLines } from "./pictures.ts";
import type { StudyChapter } from "./report_types.ts";
import { measure } from "./sampling.ts";
import type { Subject } from "./subject.ts";

/** A subject whose device has moved 4096 bytes at each look. */
function subjectOf(): Subject {
  let moved = 0;
  const absent = { absent: "it is a test" };
  return {
    descriptor: -1,
    bytes: 1 << 20,
    direct: absent,
    drop: absent,
    mapping: absent,
    noteRead: () => {},
    moved: { value: () => moved += 4096 },
  };
}

describe("measure", () => {
  const check = () => {};

  it("runs a few times even without time, at places that are far apart", () => {
    const places: number[] = [];
    const run = (place: number) => void places.push(place);
    measure({ places: 1024, run }, subjectOf(), { trialMs: 0, check });
    assertEquals(places.length, 5);
    const sorted = places.toSorted((a, b) => a - b);
    for (let i = 1; i < sorted.length; i++) assertGreater(sorted[i]! - sorted[i - 1]!, 64);
  });

  it("makes a cold trial cold again before its places come close to each other", () => {
    let [runs, chills] = [0, 0];
    const chill = () => void chills++;
    const run = () => void runs++;
    const found = measure({ places: 64, chill, run }, subjectOf(), { trialMs: 0, check });
    assertEquals([runs, chills], [5, 2]);
    assertEquals(found.movedBytes, Math.round(2 * 4096 / 5));
  });

  it("ends when the check throws", () => {
    const stop = () => {
      throw new Error("stop");
    };
    const trial = { places: 4, run: () => {} };
    assertThrows(() => measure(trial, subjectOf(), { trialMs: 0, check: stop }), Error, "stop");
  });
});

describe("bytesOfBlocks", () => {
  it("counts each block that a range touches", () => {
    assertEquals(bytesOfBlocks(0, 1), 4096);
    assertEquals(bytesOfBlocks(0, 4096), 4096);
    assertEquals(bytesOfBlocks(2048, 4096), 8192);
    assertEquals(bytesOfBlocks(2048, 8192), 3 * 4096);
  });
});

describe("chapterLines", () => {
  it("draws a bar in eighths of a cell, and the least of them for little", () => {
    assertEquals(barOf(0), "");
    assertEquals(barOf(1), "\u2588".repeat(24));
    assertEquals(barOf(0.001), "\u258f");
    assertEquals(barOf(1.5 / 24), "\u2588\u258c");
  });

  it("has a dash for what was not measured", () => {
    const columns = [
      { key: "way", title: "way", unit: "text" },
      { key: "us", title: "us", unit: "us" },
    ] as const;
    const rows = [{ way: "warm", us: 1.5 }, { way: "cold", us: null }];
    const chapter = { id: "a", title: "A", about: "About.", columns, rows, bars: "us", notes: [] };
    const lines = chapterLines(chapter);
    assertEquals(lines.slice(2), [
      "way     us",
      `warm  1.50  ${"\u2588".repeat(24)}`,
      "cold     -",
    ]);
  });
});

describe("quire study", () => {
  const IDS = [
    "one-byte",
    "same-page",
    "read-sizes",
    "page-sizes",
    "fan-out",
    "doors",
    "write-cost",
  ];
  const filesIn = (dir: string) => [...Deno.readDirSync(dir)].map(({ name }) => name);

  it("has all chapters, says what it wrote, and leaves no file", () =>
    inTempDir(async (dir) => {
      const ways = [[], ["--allow-ffi"]];
      const runs = await inParallel(ways, (flags) => {
        return quire(["study", dir, "--seconds", "0", "--json"], { flags });
      });
      for (const [i, { code, out, err }] of runs.entries()) {
        assertEquals([code, err], [0, ""]);
        const { folder, scratchBytes, chapters } = JSON.parse(out);
        assertEquals(folder, dir);
        assertGreater(scratchBytes, 1 << 20);
        assertEquals(chapters.map(({ id }: StudyChapter) => id), IDS);
        for (const { columns, rows, id } of chapters as StudyChapter[]) {
          assertGreater(rows.length, 1, id);
          for (const row of rows) for (const { key } of columns) assert(key in row, `${id} ${key}`);
        }
        const [mapped] = chapters[0].rows.filter(({ way }: { way: string }) =>
          way === "mmap, warm"
        );
        const hasMapping = i === 1 && Deno.build.os === "linux";
        assertEquals(mapped.medianUs !== null, hasMapping);
        assertEquals(
          chapters[0].notes.some((note: string) => /mmap: it needs/.test(note)),
          !hasMapping,
        );
      }
      assertEquals(filesIn(dir), []);
    }));

  it("leaves no file when a signal ends it", () =>
    inTempDir(async (dir) => {
      const child = new Deno.Command(Deno.execPath(), {
        args: cliWords(["study", dir, "--seconds", "60"]),
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      const [reader, errors] = [child.stdout.getReader(), child.stderr.getReader()];
      while (filesIn(dir).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      child.kill("SIGINT");
      const { code } = await child.status;
      await Promise.all([reader.cancel(), errors.cancel()]);
      assertEquals(code, 130);
      assertEquals(filesIn(dir), []);
    }));
});
