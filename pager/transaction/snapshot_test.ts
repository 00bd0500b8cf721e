// Snapshots: each sees its version through updates, frees, rollbacks and eviction, and old pages
// take memory only while a snapshot sees them.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Image } from "../../tests/support/files/image.ts";
import { Random } from "../../tests/support/random.ts";
import {
  dataPages,
  expectContent,
  expectWords,
  makeFile,
  openNodes,
  SMALL_CACHE,
  transact,
  write,
} from "../../tests/support/trees/pages.ts";
import { ClosedError, CorruptionError, SnapshotTooOldError } from "../format/errors.ts";
import { HEADER } from "../format/format.ts";
import type { Pager } from "../pager.ts";
import type { PageSnapshot } from "./snapshot.ts";

/** Expects that a snapshot sees a page with the content of a salt. */
function expectSeen(snapshot: PageSnapshot, page: number, salt: number): void {
  const place = snapshot.at(page);
  const start = (place & 255) << 11;
  expectWords(snapshot.frames[place >>> 8]!.u32.subarray(start, start + 2048), page, salt);
}

describe("PageSnapshot", () => {
  it("sees what was committed when it was taken, and no later update", () => {
    const pager = openNodes(makeFile(20));
    const first = pager.snapshot();
    transact(pager, () => write(pager, 5, 100));
    const second = pager.snapshot();
    pager.begin();
    write(pager, 5, 200);
    write(pager, 6, 200);
    for (const [snapshot, salt] of [[first, 5], [second, 100]] as const) {
      expectSeen(snapshot, 5, salt);
      expectSeen(snapshot, 6, 6);
    }
    pager.commit();
    expectSeen(first, 5, 5);
    expectSeen(second, 5, 100);
    expectContent(pager, 5, 200);
    assertEquals([first.meta.version, second.meta.version, pager.meta.version], [1, 2, 3]);
    first.close();
    expectSeen(second, 5, 100);
    second.close();
    pager.close();
  });

  it("sees pages that were given back, changed first or not, in memory or on disk only", () => {
    for (const warm of [false, true]) {
      const pager = openNodes(makeFile(300));
      if (warm) dataPages(300).forEach((page) => pager.at(page));
      const snapshot = pager.snapshot();
      transact(pager, () => pager.release(5, 1));
      transact(pager, () => write(pager, 280, 1));
      transact(pager, () => {
        write(pager, 6, 1);
        pager.release(6, 1);
        pager.release(280, 1);
      });
      pager.checkpoint();
      for (const page of [5, 6, 7, 280]) expectSeen(snapshot, page, page);
      assertEquals(snapshot.peek(6).u8[snapshot.peekedSlot * 32], 1);
      snapshot.close();
      pager.close();
    }
  });

  it("sees the same after a rollback, of changes, pages given back, and savepoints", () => {
    const pager = openNodes(makeFile(20));
    const snapshot = pager.snapshot();
    for (let round = 0; round < 2; round++) {
      pager.begin();
      write(pager, 5, 100);
      pager.release(6, 1);
      pager.begin();
      write(pager, 7, 100);
      pager.release(5, 1);
      for (const page of [5, 6, 7]) expectSeen(snapshot, page, page);
      pager.rollback();
      for (const page of [5, 6, 7]) expectSeen(snapshot, page, page);
      pager.rollback();
      for (const page of [5, 6, 7]) {
        expectSeen(snapshot, page, page);
        expectContent(pager, page, page);
      }
    }
    snapshot.close();
    pager.close();
  });

  it("refuses a page whose forged header has a version that the file reaches later", () => {
    const image = new Image(makeFile(20).content());
    image.header(5)[HEADER.versionLow]!++;
    image.sealHeader(5);
    const pager = openNodes(image.file());
    const snapshot = pager.snapshot();
    transact(pager, () => write(pager, 6, 100));
    assertThrows(() => snapshot.at(5), CorruptionError, "newer than the snapshot");
    snapshot.close();
    pager.close();
  });

  it("closed inside a transaction, leaves that what it needs to be undone, or to be kept", () => {
    for (const undone of [true, false]) {
      const pager = openNodes(makeFile(20));
      const snapshot = pager.snapshot();
      pager.begin();
      for (const page of [5, 6]) write(pager, page, 100);
      pager.release(7, 1);
      snapshot.close();
      assertEquals(pager.stats().snapshots, 1);
      // These take images too, in slots of their own.
      for (const page of [8, 9, 10]) write(pager, page, 100);
      if (undone) pager.rollback();
      else pager.commit();
      assertEquals(pager.stats().snapshots, 0);
      // A slot released twice would be taken twice.
      const later = pager.snapshot();
      transact(pager, () => [5, 6, 8, 9, 10].forEach((page) => write(pager, page, 200)));
      for (const page of [5, 6, 8, 9, 10]) expectSeen(later, page, undone ? page : 100);
      if (undone) expectContent(pager, 7, 7);
      later.close();
      pager.close();
    }
  });

  it("closed inside a savepoint, ends with the transaction", () => {
    const pager = openNodes(makeFile(20));
    const snapshot = pager.snapshot();
    pager.begin();
    write(pager, 5, 100);
    pager.begin();
    write(pager, 6, 100);
    snapshot.close();
    pager.rollback();
    assertEquals(pager.stats().snapshots, 1);
    expectContent(pager, 6, 6);
    pager.rollback();
    assertEquals(pager.stats().snapshots, 0);
    expectContent(pager, 5, 5);
    pager.close();
  });

  it("refuses use once closed, and closes once", () => {
    const pager = openNodes(makeFile(20));
    const snapshot = pager.snapshot();
    assertEquals(pager.stats().snapshots, 1);
    snapshot.close();
    snapshot.close();
    assertEquals(pager.stats().snapshots, 0);
    assertThrows(() => snapshot.at(5), ClosedError);
    assertThrows(() => snapshot.peek(5), ClosedError);
  });

  it("refuses use once the pager is closed, whether it saw a page before or not", () => {
    const pager = openNodes(makeFile(20));
    const snapshot = pager.snapshot();
    transact(pager, () => write(pager, 6, 100));
    expectSeen(snapshot, 5, 5);
    expectSeen(snapshot, 6, 6);
    pager.close();
    for (const page of [5, 6, 7]) {
      assertThrows(() => snapshot.at(page), ClosedError);
      assertThrows(() => snapshot.peek(page), ClosedError);
    }
    snapshot.close();
  });

  it("ends, the oldest first, when old pages take more memory than they may", () => {
    const pager = openNodes(makeFile(100), { maxSnapshotBytes: 10 * 8192 });
    const first = pager.snapshot();
    transact(pager, () => dataPages(6).forEach((page) => write(pager, page, 100)));
    const second = pager.snapshot();
    transact(pager, () => dataPages(4).forEach((page) => write(pager, page, 200)));
    expectSeen(first, 3, 3);
    transact(pager, () => write(pager, 50, 200));
    assertThrows(() => first.at(3), SnapshotTooOldError);
    assertThrows(() => first.peek(3), SnapshotTooOldError);
    expectSeen(second, 3, 100);
    expectSeen(second, 50, 50);
    first.close();
    second.close();
  });

  it("sees its version in a small cache, whatever is changed, evicted and checkpointed", () => {
    const pages = dataPages(2500);
    const pager = openNodes(makeFile(2500), SMALL_CACHE);
    const random = new Random(5);
    const salts = new Map(pages.map((page) => [page, page]));
    const live: { snapshot: PageSnapshot; salts: Map<number, number> }[] = [];
    for (let round = 1; round <= 40; round++) {
      change(pager, random, salts, round);
      if (random.once(3)) live.push({ snapshot: pager.snapshot(), salts: new Map(salts) });
      if (random.once(6)) pager.checkpoint();
      if (live.length > 4) live.splice(random.below(live.length), 1)[0]!.snapshot.close();
      for (const { snapshot, salts: seen } of live) {
        for (let i = 0; i < 60; i++) {
          const page = random.pick(pages);
          const salt = seen.get(page);
          if (salt !== undefined) expectSeen(snapshot, page, salt);
        }
      }
    }
    assert(pager.stats().evictions > 0);
    for (const { snapshot, salts: seen } of live) {
      for (const [page, salt] of seen) expectSeen(snapshot, page, salt);
      snapshot.close();
    }
    for (const [page, salt] of salts) expectContent(pager, page, salt);
    pager.close();
  });
});

/** Changes and releases some pages, or begins to. */
function change(pager: Pager, random: Random, salts: Map<number, number>, round: number): void {
  const after = new Map(salts);
  pager.begin();
  for (let i = 0; i < 30; i++) {
    const page = random.pick([...after.keys()]);
    if (random.once(4)) {
      pager.release(page, 1);
      after.delete(page);
    } else {
      write(pager, page, 10_000 + round);
      after.set(page, 10_000 + round);
    }
  }
  if (random.once(4)) return pager.rollback();
  pager.commit();
  salts.clear();
  for (const [page, salt] of after) salts.set(page, salt);
}
