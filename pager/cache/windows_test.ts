// Windows: chunks that show the file. What is read through them, when their copies go, and what
// they show after a failed sync, a rollback, and a cut of the file. The files are real ones.

import { assert, assertEquals, assertGreater, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { always, FaultyFile, from } from "../../tests/support/files/faulty_file.ts";
import { privateBytesOf } from "../../tests/support/files/private_bytes.ts";
import { inTempDir } from "../../tests/support/temp.ts";
import {
  allocate,
  dataPages,
  expectContent,
  isOfJournal,
  openNodes,
  SMALL_CACHE,
  transact,
  write,
} from "../../tests/support/trees/pages.ts";
import { openDiskFile } from "../file/disk_file.ts";
import type { File } from "../file/file.ts";
import { CorruptionError, IoError } from "../format/errors.ts";
import { CHUNK_BYTES, CHUNK_PAGES, CHUNK_SHIFT, PAGE_BYTES } from "../format/format.ts";
import type { Pager } from "../pager.ts";

const skip = Deno.build.os !== "linux";
/** A whole chunk, and part of a second. */
const PAGES = dataPages(300);
const SALT = 1000;

/** Runs a test on the path of a closed file with `PAGES`, whose salts are their numbers. */
function withFile(body: (path: string) => void): void {
  inTempDir((dir) => {
    const path = `${Deno.realPathSync(dir)}/file`;
    makeFileAt(path);
    body(path);
  });
}

/** As `withFile`, for a test that waits. */
function withFileLater(body: (path: string) => Promise<void>): Promise<void> {
  return inTempDir(async (dir) => {
    const path = `${Deno.realPathSync(dir)}/file`;
    makeFileAt(path);
    await body(path);
  });
}

function makeFileAt(path: string): void {
  const pager = openNodes(openDiskFile(path));
  transact(pager, () => PAGES.forEach((page) => allocate(pager, page, page)));
  pager.close();
}

function nextFlight(pager: Pager) {
  return pager.flights.isNeeded ? pager.flights.takeOff() : undefined;
}

/** Runs a test on a pager of such a file, by windows. */
function withPager(body: (pager: Pager, path: string) => void, kept = PAGES.length): void {
  withFile((path) => {
    const pager = openMapped(path);
    try {
      body(pager, path);
    } finally {
      pager.close();
    }
    expectFile(path, kept);
  });
}

function openMapped(path: string): Pager {
  return openNodes(openDiskFile(path, { io: "map" }), { ...SMALL_CACHE, io: "map" });
}

/** Opens a file as by default, which verifies the pages that it reads. */
function expectFile(path: string, count: number): void {
  const pager = openNodes(openDiskFile(path));
  for (const page of PAGES.slice(0, count)) pager.at(page);
  pager.close();
}

/** Writes bytes over those of a file, and leaves the rest: a cut would take private copies too. */
function writeOver(path: string, bytes: Uint8Array): void {
  using file = Deno.openSync(path, { write: true });
  for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
}

function changeAll(pager: Pager, salt: number): void {
  transact(pager, () => PAGES.forEach((page) => write(pager, page, page + salt)));
}

function expectAll(pager: Pager, salt: number): void {
  for (const page of PAGES) expectContent(pager, page, page + salt);
}

describe("Windows", { skip }, () => {
  it("show whole chunks, while the last one is read", () =>
    withPager((pager, path) => {
      expectAll(pager, 0);
      const { mappedBytes, cacheUsedBytes, chunkReads, pageReads } = pager.stats();
      assertEquals([mappedBytes, cacheUsedBytes], [CHUNK_BYTES, CHUNK_BYTES]);
      assertEquals([chunkReads, pageReads], [1, 0]);
      assertEquals(privateBytesOf(path), 0);
    }));

  it("verify a page at its first use, and the others at theirs", () =>
    withFile((path) => {
      const file = openDiskFile(path);
      file.writeAt(new Uint8Array([1, 2, 3]), 0, 3, 200 * PAGE_BYTES + 5000);
      file.close();
      const pager = openMapped(path);
      for (const page of PAGES) {
        if (page === 200) assertThrows(() => pager.at(page), CorruptionError, "page sum");
        else expectContent(pager, page, page);
      }
      pager.close();
    }));

  it("have copies of changed pages until a checkpoint, and none after it", () =>
    withPager((pager, path) => {
      const before = Deno.readFileSync(path).subarray(3 * PAGE_BYTES, 300 * PAGE_BYTES);
      changeAll(pager, SALT);
      const between = Deno.readFileSync(path).subarray(3 * PAGE_BYTES, 300 * PAGE_BYTES);
      assertEquals(before.every((byte, i) => byte === between[i]), true);
      assertGreater(privateBytesOf(path), 200 * PAGE_BYTES);
      pager.checkpoint();
      assertEquals(privateBytesOf(path), 0);
      expectAll(pager, SALT);
    }));

  it("drop the copies of clean pages beside those of a page that changed again", () =>
    withPager((pager, path) => {
      changeAll(pager, SALT);
      const { dirtyChunks } = pager.stats();
      while (pager.stats().dirtyChunks === dirtyChunks) pager.checkpointSlice();
      transact(pager, () => write(pager, PAGES[0]!, 7));
      while (pager.checkpoint(), pager.stats().dirtyChunks > 0);
      transact(pager, () => write(pager, PAGES[1]!, 8));
      pager.flush("sync");
      assert(privateBytesOf(path) <= 6 * PAGE_BYTES, `${privateBytesOf(path)} bytes`);
      expectContent(pager, PAGES[0]!, 7);
      expectContent(pager, PAGES[1]!, 8);
      for (const page of PAGES.slice(2)) expectContent(pager, page, page + SALT);
    }));

  it("drop the copies of a transaction that rolls back", () =>
    withPager((pager, path) => {
      pager.begin();
      for (const page of PAGES) write(pager, page, SALT);
      assertGreater(privateBytesOf(path), 200 * PAGE_BYTES);
      pager.rollback();
      assertEquals(privateBytesOf(path), 0);
      expectAll(pager, 0);
    }));

  it("show what a snapshot sees, whatever a checkpoint writes meanwhile", () =>
    withPager((pager) => {
      const snapshot = pager.snapshot();
      changeAll(pager, SALT);
      pager.checkpoint();
      changeAll(pager, 2 * SALT);
      pager.checkpoint();
      for (const page of PAGES) {
        const place = snapshot.at(page);
        const frame = pager.frames[place >>> 8]!;
        const word = frame.u32[(place & 255) << 11]!;
        const current = pager.at(page);
        assert(word !== pager.frames[current >>> 8]!.u32[(current & 255) << 11], `page ${page}`);
      }
      snapshot.close();
      expectAll(pager, 2 * SALT);
    }));

  it("keep the copies of pages whose write was not synced, when the medium loses it", () =>
    withFile((path) => {
      let losses = 0;
      for (let nth = 1;; nth++) {
        const before = Deno.readFileSync(path);
        const disk = openDiskFile(path, { io: "map" });
        const file = Object.assign(new FaultyFile(disk), { showAt: disk.showAt });
        const pager = openNodes(file, { ...SMALL_CACHE, io: "map" });
        changeAll(pager, SALT);
        file.fault = from(nth, "throw", "sync");
        let failed = false;
        try {
          pager.checkpoint();
        } catch (error) {
          assert(error instanceof IoError);
          failed = true;
        }
        file.fault = always("none");
        // Either the pages have copies still, or a sync that succeeded has followed their write.
        const mayLose = failed && privateBytesOf(path) > 0;
        if (mayLose) writeOver(path, before);
        if (mayLose) losses++;
        if (failed) expectAllOrRefused(pager, SALT);
        else expectAll(pager, SALT);
        try {
          pager.close();
        } catch (error) {
          assert(error instanceof IoError && failed);
        }
        if (!failed) return assertGreater(losses, 0);
        Deno.writeFileSync(path, before);
      }
    }));

  it("leave what is cut off, and the file grows again", () =>
    withPager((pager) => {
      expectAll(pager, 0);
      const kept = PAGES.filter((page) => page < 100);
      transact(pager, () => {
        for (const page of PAGES) if (page >= 100) pager.release(page, 1);
      });
      pager.checkpoint();
      pager.checkpoint();
      for (const page of kept) expectContent(pager, page, page);
      const taken = PAGES.filter((page) => page >= 100 && !isOfJournal(pager, page));
      assertGreater(taken.length, 50);
      transact(pager, () => taken.forEach((page) => allocate(pager, page, page + SALT)));
      pager.checkpoint();
      for (const page of kept) expectContent(pager, page, page);
      for (const page of taken) expectContent(pager, page, page + SALT);
    }, 90));

  it("keep the header pages that a checkpoint does not write, as they are behind its end", () =>
    withFileLater(async (path) => {
      const pager = openMapped(path);
      transact(pager, () => write(pager, PAGES[0]!, SALT));
      const behind = Math.ceil(pager.meta.pageCount / CHUNK_PAGES) * CHUNK_PAGES;
      const gone = dataPages(400).map((page) => behind + page);
      transact(pager, () => gone.forEach((page) => allocate(pager, page, page)));
      pager.checkpoint();
      transact(pager, () => gone.forEach((page) => pager.release(page, 1)));
      pager.flights.requestCheckpoint();
      let [ends, taken] = [0, 0];
      for (let flight = pager.flights.takeOff(); flight; flight = nextFlight(pager)) {
        await flight.synced;
        pager.flights.land(flight);
        const state = pager.inspection().checkpoint()!;
        if (!state.isRunning || state.chunksLeft > 0) continue;
        // The landing after the last page was written drops copies.
        if (++ends !== 2) continue;
        const page = gone[taken++]!;
        transact(pager, () => allocate(pager, page, page + SALT));
      }
      assertGreater(taken, 0);
      for (const page of gone.slice(0, taken)) expectContent(pager, page, page + SALT);
      pager.close();
    }));

  it("take the place of chunks that were created in memory, also where pages were evicted", () =>
    inTempDir((dir) => {
      const path = `${Deno.realPathSync(dir)}/file`;
      const pager = openMapped(path);
      const pages: number[] = [];
      const take = (page: number) => {
        pages.push(page);
        allocate(pager, page, page);
      };
      transact(pager, () => dataPages(1500).forEach(take));
      pager.checkpoint();
      const behind = Math.ceil(pager.meta.pageCount / CHUNK_PAGES) * CHUNK_PAGES;
      transact(pager, () => dataPages(1500).forEach((page) => take(behind + page)));
      pager.checkpoint();
      for (let round = 0; round < 3; round++) {
        for (const page of pages) expectContent(pager, page, page);
      }
      const chunks = new Set(pages.map((page) => page >>> CHUNK_SHIFT)).size;
      assertGreater(pager.stats().mappedBytes, (chunks - 4) * CHUNK_BYTES);
      transact(pager, () => pages.forEach((page) => write(pager, page, page + SALT)));
      pager.close();
      const again = openNodes(openDiskFile(path));
      for (const page of pages) expectContent(again, page, page + SALT);
      again.close();
    }));

  it("are read like chunks of any file where the system refuses another mapping", () =>
    withFile((path) => {
      const disk = openDiskFile(path, { io: "map" });
      const pager = openNodes(withRefusals(disk, 0), { ...SMALL_CACHE, io: "map" });
      for (let round = 0; round < 2; round++) expectAll(pager, 0);
      assertEquals(pager.stats().mappedBytes, 0);
      changeAll(pager, SALT);
      pager.close();
      const again = openNodes(openDiskFile(path));
      expectAll(again, SALT);
      again.close();
    }));

  it("leave chunks in memory, after a checkpoint or a rollback, that the system refuses", () =>
    inTempDir((dir) => {
      const path = `${Deno.realPathSync(dir)}/file`;
      const pages = dataPages(1500);
      for (let shown = 0; shown < 4; shown++) {
        const disk = openDiskFile(path, { io: "map" });
        const pager = openNodes(withRefusals(disk, shown), { ...SMALL_CACHE, io: "map" });
        if (shown === 0) {
          transact(pager, () => pages.forEach((page) => allocate(pager, page, page)));
        }
        pager.checkpoint();
        pager.begin();
        for (const page of pages) write(pager, page, SALT);
        pager.rollback();
        for (let round = 0; round < 2; round++) {
          for (const page of pages) expectContent(pager, page, page);
        }
        transact(pager, () => pages.forEach((page) => write(pager, page, page)));
        pager.checkpoint();
        for (const page of pages) expectContent(pager, page, page);
        assertEquals(pager.stats().mappedBytes, shown * CHUNK_BYTES);
        pager.close();
      }
    }));

  it("have no more copies than the cache is large, however small the changes are", () =>
    inTempDir((dir) => {
      const path = `${Deno.realPathSync(dir)}/file`;
      const pages = dataPages(3000);
      const first = openMapped(path);
      transact(first, () => pages.forEach((page) => allocate(first, page, page)));
      first.close();
      const pager = openMapped(path);
      let most = 0;
      for (const [i, page] of pages.entries()) {
        transact(pager, () => pager.overwrite(pager.at(page), 8, new Uint8Array([i, i >> 8])));
        pager.flush("none");
        if (i % 500 === 0) most = Math.max(most, privateBytesOf(path));
      }
      assert(most <= 1.5 * SMALL_CACHE.cacheBytes!, `${most} bytes`);
      pager.close();
    }));
});

/** A file of which a system maps some chunks, and refuses the others. */
function withRefusals(disk: File, shown: number): File {
  let count = 0;
  const showAt: File["showAt"] = (target, position) => {
    if (++count > shown) throw new IoError("Cannot map: the system returned ENOMEM");
    disk.showAt!(target, position);
  };
  return Object.assign(new FaultyFile(disk), { showAt });
}

/** Fails if a page has another content; a page that may be lost may be refused. */
function expectAllOrRefused(pager: Pager, salt: number): void {
  for (const page of PAGES) {
    try {
      expectContent(pager, page, page + salt);
    } catch (error) {
      if (!(error instanceof IoError)) throw error;
    }
  }
}
