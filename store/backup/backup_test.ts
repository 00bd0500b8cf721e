// Backups to files and streams: what is there after success, errors, an abort and a close, what a
// writer meets meanwhile, and the memory that old pages take.

import { Buffer } from "node:buffer";
import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { PAGE_BYTES, SUPERBLOCK } from "../../pager/format/format.ts";
import {
  ClosedError,
  type CopyReader,
  CorruptionError,
  format,
  IoError,
  MemoryFile,
  SnapshotTooOldError,
} from "../../pager/mod.ts";
import {
  assertContent,
  bytesOf,
  contentOf,
  openBoth,
  openOn,
  sameBytes,
} from "../../tests/support/databases/database.ts";
import { FaultyFile } from "../../tests/support/files/faulty_file.ts";
import { Image } from "../../tests/support/files/image.ts";
import { inTempDir } from "../../tests/support/temp.ts";
import type { Database } from "../database.ts";
import { open } from "../open.ts";
import { verify } from "../verify/verify.ts";
import { copyChunks } from "./copy_loop.ts";

const MIB = 1024 * 1024;
const KEYS = 3000;
const VALUE_BYTES = 1000;

/** Sets some keys to values that depend on a seed, in one transaction. */
function fill(db: Database, seed: number, from = 0, to = KEYS): void {
  db.writeSync((tx) => {
    for (let i = from; i < to; i++) tx.tree("t").set(keyOf(i), bytesOf(seed + i, VALUE_BYTES));
  });
}

function keyOf(index: number): string {
  return `key ${String(index).padStart(6, "0")}`;
}

function namesIn(dir: string): string[] {
  return [...Deno.readDirSync(dir)].map(({ name }) => name).sort();
}

/** The bytes that a stream received, and the stream. */
function collector(): { stream: WritableStream<Uint8Array>; bytes: () => Uint8Array } {
  const parts: Uint8Array[] = [];
  const stream = new WritableStream<Uint8Array>({ write: (part) => void parts.push(part) });
  return { stream, bytes: () => new Uint8Array(Buffer.concat(parts)) };
}

describe("Database.backup() to a file", () => {
  it("makes a closed database that verify passes, and says what it did", () =>
    inTempDir(async (dir) => {
      using db = open(`${dir}/from`);
      fill(db, 1);
      const content = contentOf(db);
      const steps: number[] = [];
      const result = await db.backup(`${dir}/to`, {
        onProgress: ({ phase, done, total }) => {
          assertEquals(phase, "pages");
          if (done === total) steps.push(done);
        },
      });
      assertEquals(steps.length, 1);
      assertEquals(result.version, db.version);
      const { size } = Deno.statSync(`${dir}/to`);
      assert(result.bytesWritten >= result.pages * 8192 && result.bytesWritten <= size + 16384);
      assertEquals(namesIn(dir), ["from", "to"]);
      const { ok, recovery, pages } = await verify(`${dir}/to`);
      assertEquals([ok, recovery, pages], [true, undefined, result.pages]);
      using copy = open(`${dir}/to`);
      assertContent(contentOf(copy), content);
      fill(copy, 7);
      copy.close();
      assert((await verify(`${dir}/to`)).ok);
    }));

  it("shows the version of its beginning, and two at once their own", () =>
    inTempDir(async (dir) => {
      using db = open(`${dir}/from`);
      fill(db, 1);
      const first = db.backup(`${dir}/1`);
      fill(db, 2);
      const second = db.backup(`${dir}/2`);
      fill(db, 3);
      const versions = (await Promise.all([first, second])).map(({ version }) => version);
      assertEquals(versions, [1, 2]);
      for (const seed of [1, 2]) {
        using copy = open(`${dir}/${seed}`, { readOnly: true });
        assertEquals(copy.tree("t").get(keyOf(77)), bytesOf(seed + 77, VALUE_BYTES));
        assert((await copy.verify()).ok);
      }
    }));

  it("takes a source in memory, read-only, or not closed", () =>
    inTempDir(async (dir) => {
      using memory = open(":memory:");
      fill(memory, 1);
      await memory.backup(`${dir}/1`);
      {
        using source = open(`${dir}/1`, { readOnly: true });
        await source.backup(`${dir}/2`);
      }
      const file = new MemoryFile();
      const db = openOn(file);
      db.tree("t").set("last", bytesOf(1, 10));
      db.writeSync((tx) => tx.tree("t").set("more", bytesOf(2, 10)));
      const unclosed = openOn(new MemoryFile(file.content()), { readOnly: true });
      await unclosed.backup(`${dir}/3`);
      for (const name of ["1", "2", "3"]) assert((await verify(`${dir}/${name}`)).ok, name);
      using copy = open(`${dir}/3`);
      assert(copy.tree("t").has("last") && copy.tree("t").has("more"));
    }));

  it("of an empty database is one", () =>
    inTempDir(async (dir) => {
      using db = open(":memory:");
      assertEquals((await db.backup(`${dir}/to`)).pages, 0);
      assert((await verify(`${dir}/to`)).ok);
      using copy = open(`${dir}/to`);
      fill(copy, 1);
    }));

  it("refuses a target that exists, also as a link, and a missing folder", () =>
    inTempDir(async (dir) => {
      using db = open(`${dir}/from`);
      fill(db, 1, 0, 10);
      Deno.symlinkSync(`${dir}/from`, `${dir}/link`);
      Deno.symlinkSync(`${dir}/none`, `${dir}/nowhere`);
      for (const name of ["from", "link", "nowhere", "none/to"]) {
        await assertRejects(() => db.backup(`${dir}/${name}`), IoError, "Cannot create ");
      }
      assertEquals(namesIn(dir), ["from", "link", "nowhere"]);
      assertEquals(db.stats().snapshots, 0);
    }));

  it("leaves nothing after an abort, before or in the middle", () =>
    inTempDir(async (dir) => {
      using db = open(":memory:");
      fill(db, 1);
      const reason = new Error("enough");
      const early = db.backup(`${dir}/to`, { signal: AbortSignal.abort(reason) });
      assertEquals(await early.catch((error) => error), reason);
      const controller = new AbortController();
      const late = db.backup(`${dir}/to`, { signal: controller.signal });
      assertEquals(namesIn(dir), ["to.unfinished"]);
      controller.abort(reason);
      assertEquals(await late.catch((error) => error), reason);
      assertEquals(namesIn(dir), []);
      assertEquals(db.stats().snapshots, 0);
    }));

  it("leaves nothing when the database is closed meanwhile", () =>
    inTempDir(async (dir) => {
      const db = open(`${dir}/from`);
      fill(db, 1);
      const backup = db.backup(`${dir}/to`);
      db.close();
      await assertRejects(() => backup, ClosedError);
      assertEquals(namesIn(dir), ["from"]);
      assert((await verify(`${dir}/from`)).ok);
    }));
});

describe("Database.backup() of a damaged file", () => {
  /** Backs up a database with one changed byte; returns the error, and the files that it left. */
  async function backUpDamaged(at: (bytes: Uint8Array) => number) {
    const file = new MemoryFile();
    const made = openOn(file);
    fill(made, 1);
    made.close();
    const bytes = file.content();
    bytes[at(bytes)]! ^= 1;
    return await inTempDir(async (dir) => {
      using db = openOn(new MemoryFile(bytes));
      const error = await db.backup(`${dir}/to`).catch((error) => error);
      return { name: error.name, page: error.page, names: namesIn(dir) };
    });
  }

  it("refuses a page, and leaves nothing", async () => {
    const found = await backUpDamaged(() => 100 * 8192 + 5);
    assertEquals(found, { name: "CorruptionError", page: 100, names: [] });
  });

  it("refuses the header page of the last chunk, which it reads first", async () => {
    const chunkOf = ({ length }: Uint8Array) => Math.ceil(length / (2 * MIB)) - 1;
    let chunk = -1;
    const found = await backUpDamaged((bytes) => {
      chunk = chunkOf(bytes);
      return chunk * 2 * MIB + 32 + 20;
    });
    assertEquals([found.name, found.page >>> 8, found.names], ["CorruptionError", chunk, []]);
  });

  it("refuses a page of a version that the file has not reached", () =>
    inTempDir(async (dir) => {
      const file = new MemoryFile();
      const made = openOn(file);
      fill(made, 1, 0, 100);
      made.close();
      const image = new Image(file.content());
      const page = image.pagesOf([format.KIND_LEAF])[5]!;
      image.view.setUint16(image.headerAt(page) + format.HEADER.versionHigh, 1, true);
      image.sealHeader(page);
      using db = openOn(image.file());
      const error = await assertRejects(() => db.backup(`${dir}/to`), CorruptionError);
      assertEquals([error.page, namesIn(dir)], [page, []]);
    }));

  it("refuses a header of a shared file, whatever the damage makes of it", () =>
    inTempDir(async (dir) => {
      const made = open(`${dir}/from`);
      fill(made, 1, 0, 100);
      made.close();
      const image = new Image(Deno.readFileSync(`${dir}/from`));
      const page = image.pagesOf([format.KIND_LEAF])[5]!;
      const at = image.headerAt(page);
      for (const field of [0, format.HEADER.versionHigh]) {
        const bytes = image.bytes.slice();
        // A leaf becomes free; the version a later one.
        bytes[at + field]! ^= 1;
        Deno.writeFileSync(`${dir}/from`, bytes);
        const db = open(`${dir}/from`, { shared: true });
        const before = namesIn(dir);
        const error = await assertRejects(() => db.backup(`${dir}/to`), CorruptionError);
        assertEquals([error.page, namesIn(dir)], [page, before], `field ${field}`);
        assertThrows(() => db.close(), CorruptionError);
      }
    }));
});

describe("Database.backup() and a writer", () => {
  it("waits until its version is on the medium", async () => {
    const file = new FaultyFile(new MemoryFile());
    const { db } = openBoth(file, {}, "none");
    fill(db, 1, 0, 10);
    assertLess(db.durableVersion, db.version);
    const { stream } = collector();
    await db.backup(stream);
    assertEquals(db.durableVersion, db.version);
    fill(db, 2, 0, 10);
    file.fault = (operation) => operation === "sync" || operation === "write" ? "throw" : "none";
    await assertRejects(() => db.backup(collector().stream), IoError);
  });

  it("takes old pages out of memory, however many change", () =>
    inTempDir(async (dir) => {
      const options = { maxSnapshotBytes: 2 * MIB, cacheBytes: 8 * MIB };
      using db = open(":memory:", options);
      fill(db, 1, 0, 12 * KEYS);
      const content = contentOf(db);
      const backup = db.backup(`${dir}/to`);
      let most = 0;
      for (let seed = 2; seed < 4; seed++) {
        for (let i = 0; i < 12 * KEYS; i += 200) {
          fill(db, seed, i, i + 200);
          most = Math.max(most, db.stats().snapshotBytes);
        }
      }
      await backup;
      assertLess(most, 2 * MIB);
      using copy = open(`${dir}/to`);
      assertContent(contentOf(copy), content);
    }));

  it("to a stream fails beyond the memory for old pages, and another snapshot does before", () =>
    inTempDir(async (dir) => {
      using db = open(":memory:", { maxSnapshotBytes: 1 * MIB });
      fill(db, 1);
      const toFile = db.backup(`${dir}/to`);
      const toStream = db.backup(collector().stream);
      fill(db, 2);
      await assertRejects(() => toStream, SnapshotTooOldError);
      await toFile;
      assert((await verify(`${dir}/to`)).ok);
    }));

  it("rests after each step if others wrote since the one before, and else not", async () => {
    const { db, session } = openBoth(new MemoryFile());
    fill(db, 1);
    fill(db, 1, KEYS, 2 * KEYS);
    const reader = session.pager.copies.begin();
    const steps: string[] = [];
    const work = {
      reader,
      target: { writeChunk: () => void steps.push("step") },
      since: -1,
      checkOpen: () => {
        if (steps.length === 2) fill(db, 2, 0, 1);
      },
      versionNow: () => db.version,
    };
    await copyChunks(work, {}, (ms) => {
      assertGreater(ms, 0);
      steps.push("rest");
      // As of a writer whose syncs take longer than a step.
      if (steps.length === 4) fill(db, 2, 0, 1);
      return Promise.resolve();
    });
    assertEquals(steps.slice(0, 7), ["step", "step", "step", "rest", "step", "rest", "step"]);
    assertEquals(steps.filter((step) => step === "rest").length, 2);
    reader.close();
  });

  it("reads header pages off the thread after one was slow, and tries others again", async () => {
    const { db } = openBoth(new MemoryFile());
    const chunks = 32 * 20;
    let [clock, read, isSlow] = [0, 0, false];
    const prepared: number[] = [];
    let bytes = PAGE_BYTES;
    const reader = {
      chunks,
      meta: { pageCount: chunks * 256 },
      bytesRead: 0,
      read: () => {
        clock += isSlow ? 1.1 : 0.9;
        reader.bytesRead += bytes;
        read++;
      },
      prepareHeaders: () => Promise.resolve(void prepared.push(read)),
    };
    const copy = async () => {
      [read, prepared.length] = [0, 0];
      const target = { writeChunk() {} };
      const source = { since: 1, checkOpen() {}, versionNow: () => db.version };
      const work = { reader: reader as unknown as CopyReader, target, ...source };
      await copyChunks(work, {}, undefined, () => clock);
      assertEquals(read, chunks);
      return prepared;
    };
    assertEquals(await copy(), []);
    isSlow = true;
    // One read in line, then one batch, two, four, and eight before the next one in line.
    const starts = [1, 34, 66, 99, 131, 163, 195];
    assertEquals((await copy()).slice(0, 7), starts);
    // Header pages in memory wait for no medium, however slow the machine is.
    bytes = 0;
    assertEquals(await copy(), []);
    db.close();
  });

  it("reads chunks in line, unless they are slow or others write", async () => {
    const chunks = 100;
    let [clock, read, version, isSlow, isUsed] = [0, 0, 1, false, false];
    const prepared: number[] = [];
    const reader = {
      chunks,
      meta: { pageCount: chunks * 256 },
      bytesRead: 0,
      read: () => {
        clock += isSlow ? 2.1 : 1.9;
        reader.bytesRead += PAGE_BYTES;
        read++;
      },
      prepare: () => Promise.resolve(void prepared.push(read)),
    };
    const copy = async () => {
      [read, prepared.length] = [0, 0];
      const target = { writeChunk: () => void (isUsed && version++) };
      const source = { since: -1, checkOpen() {}, versionNow: () => version };
      const work = { reader: reader as unknown as CopyReader, target, ...source };
      await copyChunks(work, {}, () => Promise.resolve(), () => clock);
      assertEquals(read, chunks);
      return prepared;
    };
    assertEquals(await copy(), []);
    isUsed = true;
    // The first step finds out; from the second one on each chunk is read while one is written.
    assertEquals((await copy()).slice(0, 4), [2, 3, 4, 5]);
    assertEquals(prepared.length, chunks - 1);
    [isUsed, isSlow] = [false, true];
    // One read in line, then one off the thread, two, and four before the next one in line.
    assertEquals((await copy()).slice(0, 8), [1, 3, 4, 6, 7, 8, 9, 11]);
  });

  it("that fails to write an early page fails alone", async () => {
    const { db, session } = openBoth(new MemoryFile());
    fill(db, 1);
    const reader = session.pager.copies.begin(() => {
      throw new IoError("no more");
    });
    fill(db, 2);
    fill(db, 3);
    assertEquals(db.stats().snapshotBytes < 2 * MIB, true);
    await assertRejects(async () => await Promise.resolve(reader.read(-1)), IoError, "no more");
    reader.close();
    assertEquals(db.stats().snapshots, 0);
  });
});

/** The bytes of a copy without its number of a history, which is random, and the sums of that. */
function withoutHistory(copy: string | Uint8Array): Uint8Array {
  const bytes = typeof copy === "string" ? Deno.readFileSync(copy) : copy.slice();
  for (const page of [1, 2]) {
    const start = page * format.PAGE_BYTES;
    for (const [field, length] of [[SUPERBLOCK.history, 4], [SUPERBLOCK.sum, 4]] as const) {
      bytes.fill(0, start + field, start + field + length);
    }
  }
  return bytes;
}

describe("Database.backup() to a stream", () => {
  it("writes the bytes of the file, in order, and closes it", () =>
    inTempDir(async (dir) => {
      using db = open(":memory:");
      fill(db, 1);
      db.writeSync((tx) => tx.tree("t").deleteRange({ lt: keyOf(900) }));
      await db.backup(`${dir}/to`);
      const { stream, bytes } = collector();
      const { bytesWritten } = await db.backup(stream);
      assertEquals(bytesWritten, bytes().length);
      assertEquals(bytes().length, Deno.statSync(`${dir}/to`).size);
      const own = [`${dir}/to`, bytes()].map(withoutHistory);
      assert(sameBytes(own[0], own[1]!));
      Deno.writeFileSync(`${dir}/streamed`, bytes());
      assert((await verify(`${dir}/streamed`)).ok);
      using copy = open(`${dir}/streamed`);
      assertContent(contentOf(copy), contentOf(db));
    }));

  it("ends on an abort while nobody reads, and on an error of the stream", async () => {
    using db = open(":memory:");
    fill(db, 1);
    const aborted: unknown[] = [];
    const stalled = new WritableStream<Uint8Array>({
      write: () => new Promise(() => {}),
      abort: (reason) => void aborted.push(reason),
    });
    const reason = new Error("enough");
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 20);
    const backup = db.backup(stalled, { signal: controller.signal });
    assertEquals(await backup.catch((error) => error), reason);
    const broken = new WritableStream<Uint8Array>({
      write: () => Promise.reject(new Error("cut")),
    });
    await assertRejects(() => db.backup(broken), Error, "cut");
    assertEquals(db.stats().snapshots, 0);
    const { stream } = collector();
    stream.getWriter();
    await assertRejects(() => db.backup(stream), TypeError, "the stream is locked");
  });
});
