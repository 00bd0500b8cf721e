// The order of a commit: every step that reads or writes the file, or can fail, precedes the point
// where the commit is visible, and a failed commit is never visible.

import { assert, assertEquals, assertGreater, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { FaultyFile } from "../../tests/support/files/faulty_file.ts";
import {
  allocate,
  dataPages,
  expectContent,
  makeFile,
  openNodes,
  SMALL_CACHE,
  write,
} from "../../tests/support/trees/pages.ts";
import { IoError } from "../format/errors.ts";
import type { Pager } from "../pager.ts";

const PAGES = 300;

/** A pager on a file that can fail, and the calls to the file before each commit was visible. */
function openWatched(): { pager: Pager; file: FaultyFile; atPublish: number[] } {
  const file = new FaultyFile(makeFile(PAGES));
  const pager = openNodes(file, SMALL_CACHE);
  const atPublish: number[] = [];
  pager.listen({
    committed: () => void atPublish.push(callsTo(file)),
    rolledBack: () => {},
    snapshotEnded: () => {},
    chunkChanged: () => {},
    chunkReserved: () => {},
  });
  return { pager, file, atPublish };
}

function callsTo({ counts }: FaultyFile): number {
  return counts.read + counts.write + counts.truncate + counts.sync;
}

/** Changes, allocates and releases pages: records of every type. */
function change(pager: Pager, newPages: number): void {
  for (const page of [5, 6, 7]) write(pager, page, 1000 + page);
  pager.overwrite(pager.at(8), 0, Uint8Array.of(1, 2, 3));
  pager.release(9, 1);
  const { pageCount } = pager.meta;
  for (const page of dataPages(pageCount + newPages).slice(-newPages)) allocate(pager, page, page);
}

describe("Commit.run", () => {
  for (const newPages of [3, 200]) {
    it(`is done with the file before ${newPages} new pages are visible`, () => {
      const { pager, file, atPublish } = openWatched();
      const snapshot = pager.snapshot();
      pager.begin();
      change(pager, newPages);
      const before = callsTo(file);
      pager.commit();
      assertEquals(atPublish, [callsTo(file)]);
      assertGreater(atPublish[0]!, before);
      expectContent(pager, 5, 1005);
      snapshot.close();
    });
  }

  it("leaves the transaction open and unseen when any call to the file fails", () => {
    for (let nth = 1;; nth++) {
      const { pager, file, atPublish } = openWatched();
      pager.begin();
      change(pager, 200);
      let calls = 0;
      file.fault = () => ++calls === nth ? "throw" : "none";
      const version = pager.meta.version;
      if (!fails(() => pager.commit())) {
        assertGreater(nth, 10);
        return;
      }
      file.fault = () => "none";
      assertEquals([pager.depth, atPublish], [1, []]);
      pager.rollback();
      assertEquals(pager.meta.version, version);
      expectContent(pager, 5, 5);
      if (pager.failure !== undefined) assertThrows(() => pager.begin(), IoError, "failed");
    }
  });
});

function fails(body: () => void): boolean {
  try {
    body();
    return false;
  } catch (error) {
    assert(error instanceof IoError);
    return true;
  }
}
