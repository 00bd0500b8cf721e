/**
 * Reads off the thread: that they end, whatever happens, and what becomes of their descriptors.
 */

import { assertEquals, assertGreater, assertLessOrEqual } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { inTempDir } from "../../tests/support/temp.ts";
import { openDiskFile } from "./disk_file.ts";
import type { File } from "./file.ts";

const BYTES = 2 * 1024 * 1024;
const READS_MAX = 16;
/** An open file cannot be renamed there. */
const windows = Deno.build.os === "windows";

/** Opens a new file of 2 MiB. */
function openNew(path: string): File {
  const file = openDiskFile(path);
  file.truncate(BYTES);
  return file;
}

/** Starts reads of the whole file. */
function startReads(file: File, count: number): Promise<void>[] {
  return Array.from({ length: count }, () => file.startRead!(0, BYTES));
}

/** The number of open descriptors of files in a folder; none where the system does not tell. */
function descriptorsIn(dir: string): number {
  if (Deno.build.os !== "linux") return 0;
  const targets = Array.from(Deno.readDirSync("/proc/self/fd"), ({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/self/fd/${name}`);
    } catch {
      return "";
    }
  });
  return targets.filter((target) => target.startsWith(`${Deno.realPathSync(dir)}/`)).length;
}

describe("startRead()", () => {
  it("resolves, also past the end and more often than there are descriptors", () =>
    inTempDir(async (dir) => {
      const file = openNew(`${dir}/a`);
      const before = descriptorsIn(dir);
      await Promise.all([...startReads(file, 100), file.startRead!(10 * BYTES, BYTES)]);
      const opened = descriptorsIn(dir) - before;
      assertLessOrEqual(opened, READS_MAX);
      if (Deno.build.os === "linux") assertGreater(opened, 1);
      await Promise.all(startReads(file, 100));
      assertEquals(descriptorsIn(dir) - before, opened, "they are used again");
      file.close();
      assertEquals(descriptorsIn(dir), 0);
    }));

  it("does not block reads of the thread", () =>
    inTempDir(async (dir) => {
      const file = openNew(`${dir}/a`);
      const later = startReads(file, 20);
      assertEquals(file.readAt(new Uint8Array(10), 0, 10, 0), 10);
      await Promise.all(later);
      file.close();
    }));

  it("ends when the file is closed, and leaves no descriptor", () =>
    inTempDir(async (dir) => {
      const file = openNew(`${dir}/a`);
      const later = startReads(file, 40);
      // Some are in flight, and others wait for a descriptor.
      await Promise.race(later);
      file.close();
      await Promise.all(later);
      assertEquals(descriptorsIn(dir), 0);
      await file.startRead!(0, BYTES);
      assertEquals(descriptorsIn(dir), 0);
    }));

  it(
    "ends without reading if the path leads to another file",
    { skip: windows },
    () =>
      inTempDir(async (dir) => {
        const file = openNew(`${dir}/a`);
        Deno.renameSync(`${dir}/a`, `${dir}/b`);
        await file.startRead!(0, BYTES);
        Deno.writeTextFileSync(`${dir}/a`, "other");
        const before = descriptorsIn(dir);
        await Promise.all(startReads(file, 20));
        assertEquals(descriptorsIn(dir), before);
        file.close();
      }),
  );
});
