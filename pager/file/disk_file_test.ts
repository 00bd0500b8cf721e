// Files on disk: locks between handles, refused paths, and the operations of `File`.

import { constants } from "node:fs";
import { relative } from "node:path";
import { assert, assertEquals, assertGreater, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { IoError, LockedError } from "../format/errors.ts";
import { PAGE_BYTES } from "../format/format.ts";
import { alignedBytes } from "../native/aligned_bytes.ts";
import { Disk } from "./disk.ts";
import { openDiskFile, throughFlags } from "./disk_file.ts";

const windows = Deno.build.os === "windows";

/** Runs a function with a temporary folder, which is removed afterwards. */
function inFolder(body: (folder: string) => void): void {
  const folder = Deno.makeTempDirSync({ prefix: "quire-" });
  try {
    body(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

describe("an open file", () => {
  it("looks for its path where it was, also after the program has changed its folder", () => {
    inFolder((folder) => {
      const file = openDiskFile(relative(Deno.cwd(), `${folder}/a`), {});
      const { statSync } = Deno;
      const asked: string[] = [];
      try {
        // A test must not change the folder of the others.
        Deno.statSync = (path) => (asked.push(`${path}`), statSync(path));
        assertEquals(file.isReplaced!(), false);
      } finally {
        Object.assign(Deno, { statSync });
      }
      assertEquals(asked, [`${folder}/a`]);
      file.close();
    });
  });
});

describe("openDiskFile with direct reads and writes", { skip: Deno.build.os !== "linux" }, () => {
  it("gives the same bytes as through the system's cache, whole pages and parts", () => {
    inFolder((folder) => {
      const pages = 4;
      const bytes = alignedBytes(pages * PAGE_BYTES);
      for (let i = 0; i < bytes.length; i++) bytes[i] = i * 7 >>> 4;
      const file = openDiskFile(`${folder}/a`, { io: "direct" });
      assertEquals(file.writeAt(bytes, 0, bytes.length, 0), bytes.length);
      assertEquals(file.writeAt(bytes, 100, 50, 2 * PAGE_BYTES + 10), 50);
      const expected = bytes.slice();
      expected.set(bytes.subarray(100, 150), 2 * PAGE_BYTES + 10);
      file.sync();
      const cases = [[0, pages * PAGE_BYTES], [PAGE_BYTES, PAGE_BYTES], [2 * PAGE_BYTES + 3, 99]];
      for (const [position, length] of cases as [number, number][]) {
        for (const into of [alignedBytes(pages * PAGE_BYTES), new Uint8Array(pages * PAGE_BYTES)]) {
          assertEquals(file.readAt(into, 0, length, position), length);
          assertEquals(into.subarray(0, length), expected.subarray(position, position + length));
        }
      }
      file.close();
      assertEquals(Deno.readFileSync(`${folder}/a`), expected);
    });
  });

  it("has no reads that only fill the system's cache, and leaves no descriptor open", () => {
    inFolder((folder) => {
      const count = () => [...Deno.readDirSync("/proc/self/fd")].length;
      const before = count();
      const file = openDiskFile(`${folder}/a`, { io: "direct" });
      assertEquals(file.startRead, undefined);
      file.close();
      assertEquals(count(), before);
    });
  });

  it("reports a failing call as any other", () => {
    inFolder((folder) => {
      openDiskFile(`${folder}/a`).close();
      const file = openDiskFile(`${folder}/a`, { io: "direct", readOnly: true });
      const disk = new Disk(file);
      const page = alignedBytes(PAGE_BYTES);
      assertThrows(() => disk.write(page, 0, PAGE_BYTES, 0), IoError, "Cannot write 8192 bytes at");
      file.close();
    });
  });
});

describe("openDiskFile", () => {
  it("creates a missing file, unless an option forbids it", () => {
    inFolder((folder) => {
      assertThrows(() => openDiskFile(`${folder}/a`, { create: false }), IoError, "Cannot open");
      assertThrows(() => openDiskFile(`${folder}/a`, { readOnly: true }), IoError, "Cannot open");
      assertThrows(() => Deno.statSync(`${folder}/a`), Deno.errors.NotFound);
      openDiskFile(`${folder}/a`).close();
      assertEquals(Deno.statSync(`${folder}/a`).size, 0);
    });
  });

  it("gives a second handle of the same process a LockedError", () => {
    inFolder((folder) => {
      const file = openDiskFile(`${folder}/a`);
      assertThrows(() => openDiskFile(`${folder}/a`), LockedError, "another handle has it open");
      assertThrows(() => openDiskFile(`${folder}/a`, { readOnly: true }), LockedError);
      file.close();
      openDiskFile(`${folder}/a`).close();
    });
  });

  it("lets readers share a file, and keeps a writer out meanwhile", () => {
    inFolder((folder) => {
      openDiskFile(`${folder}/a`).close();
      const first = openDiskFile(`${folder}/a`, { readOnly: true });
      const second = openDiskFile(`${folder}/a`, { readOnly: true });
      first.close();
      assertThrows(() => openDiskFile(`${folder}/a`), LockedError);
      second.close();
      openDiskFile(`${folder}/a`).close();
    });
  });

  it("waits for the lock as long as the option says", () => {
    inFolder((folder) => {
      const file = openDiskFile(`${folder}/a`);
      const start = performance.now();
      assertThrows(() => openDiskFile(`${folder}/a`, { lockTimeoutMs: 40 }), LockedError);
      assert(performance.now() - start >= 40);
      file.close();
    });
  });

  it("refuses a path that is not a regular file with an IoError", () => {
    inFolder((folder) => {
      assertThrows(() => openDiskFile(folder), IoError, "not a regular file");
      assertThrows(() => openDiskFile("/dev/null"), IoError, "not a regular file");
      const made = new Deno.Command("mkfifo", { args: [`${folder}/fifo`] }).outputSync();
      if (!made.success) return;
      assertThrows(() => openDiskFile(`${folder}/fifo`), IoError, "not a regular file");
    });
  });

  it("refuses a path that the system refuses with an IoError", () => {
    inFolder((folder) => {
      openDiskFile(`${folder}/a`).close();
      const paths = [`${folder}/missing/a`, `${folder}/a/b`, `${folder}/${"x".repeat(5000)}`];
      for (const path of paths) assertThrows(() => openDiskFile(path), IoError, "Cannot open");
    });
  });
});

describe("DiskFile", () => {
  it("reads, writes, cuts, syncs and tells its size", () => {
    inFolder((folder) => {
      const file = openDiskFile(`${folder}/a`);
      assertEquals(file.writeAt(Uint8Array.from([1, 2, 3, 4]), 1, 3, 2), 3);
      assertEquals(file.size(), 5);
      const target = new Uint8Array(6);
      assertEquals(file.readAt(target, 1, 5, 1), 4);
      assertEquals([...target], [0, 0, 2, 3, 4, 0]);
      assertEquals(file.readAt(target, 0, 1, 5), 0);
      file.truncate(3);
      file.sync();
      assertEquals(file.size(), 3);
      file.close();
      assertEquals([...Deno.readFileSync(`${folder}/a`)], [0, 0, 2]);
    });
  });

  it("cannot write when it was opened read-only", () => {
    inFolder((folder) => {
      Deno.writeFileSync(`${folder}/a`, Uint8Array.of(1));
      const file = openDiskFile(`${folder}/a`, { readOnly: true });
      assertThrows(() => file.writeAt(Uint8Array.of(2), 0, 1, 0));
      assertEquals(file.readAt(new Uint8Array(2), 0, 2, 0), 1);
      file.close();
      assertEquals([...Deno.readFileSync(`${folder}/a`)], [1]);
    });
  });
});

describe("an open file", () => {
  const acts: Readonly<Record<string, (folder: string) => void>> = {
    "a change of the current directory": () => Deno.chdir("/"),
    "a rename": () => Deno.renameSync("a", "b"),
    "an unlink": () => Deno.removeSync("a"),
    "another file in its place": () => {
      Deno.removeSync("a");
      Deno.writeFileSync("a", new Uint8Array(10));
    },
    "a directory in its place": () => {
      Deno.removeSync("a");
      Deno.mkdirSync("a");
    },
  };
  for (const [name, act] of Object.entries(acts)) {
    it(`takes its first write through after ${name}`, { ignore: windows }, () => {
      inFolder((folder) => {
        const before = Deno.cwd();
        Deno.chdir(folder);
        const file = openDiskFile("a");
        try {
          act(folder);
          assertEquals(file.writeThroughAt(Uint8Array.of(7), 0, 1, 0), 1);
          const found = new Uint8Array(2);
          assertEquals([file.readAt(found, 0, 2, 0), found[0], file.size()], [1, 7, 1]);
        } finally {
          Deno.chdir(before);
          file.close();
        }
      });
    });
  }

  it("opens nothing after it was opened", { ignore: Deno.build.os !== "linux" }, () => {
    inFolder((folder) => {
      const descriptors = () => [...Deno.readDirSync("/proc/self/fd")].length;
      const before = descriptors();
      const file = openDiskFile(`${folder}/a`);
      const opened = descriptors();
      file.writeThroughAt(Uint8Array.of(7), 0, 1, 0);
      file.sync();
      assertEquals(descriptors(), opened);
      file.close();
      assertEquals(descriptors(), before);
    });
  });
});

describe("a sync off the thread", () => {
  const isLinux = Deno.build.os === "linux";
  const descriptors = () => [...Deno.readDirSync("/proc/self/fd")].length;

  it("ends after its file was closed, and keeps its descriptor until then", {
    ignore: !isLinux,
  }, async () => {
    const folder = Deno.makeTempDirSync();
    const before = descriptors();
    const file = openDiskFile(`${folder}/a`);
    file.writeAt(new Uint8Array(100_000), 0, 100_000, 0);
    const syncs = [file.startSync(), file.startSync()];
    file.close();
    assertGreater(descriptors(), before);
    await Promise.all(syncs);
    assertEquals(descriptors(), before);
    Deno.removeSync(folder, { recursive: true });
  });

  it("leaves no descriptor and no lock behind", async () => {
    const folder = Deno.makeTempDirSync();
    for (let i = 0; i < 3; i++) {
      const file = openDiskFile(`${folder}/a`);
      file.writeAt(Uint8Array.of(i), 0, 1, i);
      await file.startSync();
      file.close();
    }
    assertEquals(Deno.readFileSync(`${folder}/a`), Uint8Array.of(0, 1, 2));
    Deno.removeSync(folder, { recursive: true });
  });
});

describe("throughFlags", () => {
  it("is for a system where such a write passes the drive's cache", () => {
    const { O_DSYNC, O_RDWR } = constants;
    assertEquals(throughFlags("linux"), O_RDWR | O_DSYNC);
    for (const os of ["darwin", "windows", "freebsd"]) assertEquals(throughFlags(os), undefined);
  });
});
