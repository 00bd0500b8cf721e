// A file that is read without its lock: existing bytes are copied unchanged, missing bytes are
// zero, and nothing is trusted.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { inTempDir } from "../../tests/support/temp.ts";
import { CorruptionError, IoError } from "../format/errors.ts";
import { FRESH_PAGES, KIND_SUPERBLOCK, PAGE_BYTES } from "../format/format.ts";
import { Frame, POOL } from "../format/frame.ts";
import { kindOf } from "../format/header.ts";
import { openPager } from "../open_pager.ts";
import { UnlockedPages } from "./unlocked_pages.ts";

/** Runs a test with a file that is locked. */
function withLocked(body: (file: UnlockedPages, path: string) => void): void {
  inTempDir((dir) => {
    const path = `${dir}/a.quire`;
    const pager = openPager(path);
    const file = new UnlockedPages(path);
    body(file, path);
    file.close();
    pager.close();
  });
}

describe("UnlockedPages", () => {
  it("reads a file that is locked", () =>
    withLocked((file, path) => {
      assertThrows(() => openPager(path));
      assertEquals(file.pageCount, FRESH_PAGES);
      assertEquals(file.fileBytes(), FRESH_PAGES * PAGE_BYTES);
      const frame = new Frame(-1, POOL, 2);
      file.copyPage(1, frame);
      assertEquals(kindOf(frame, 1), KIND_SUPERBLOCK);
      assertEquals(
        frame.u8.subarray(PAGE_BYTES),
        Deno.readFileSync(path).subarray(PAGE_BYTES, 2 * PAGE_BYTES),
      );
      assertEquals(file.superblocks().map(({ damage }) => damage), [undefined, undefined]);
    }));

  it("has zeros where the file ends, whatever stood there", () =>
    withLocked((file) => {
      const frame = new Frame(-1, POOL, 2);
      frame.u8.fill(7);
      file.copyPage(300, frame);
      assert(frame.u8.subarray(PAGE_BYTES).every((byte) => byte === 0));
      assertEquals(kindOf(frame, 1), 0);
      frame.u8.fill(7);
      file.copyHeaderPage(1, frame);
      assert(frame.u8.subarray(0, PAGE_BYTES).every((byte) => byte === 0));
      assertThrows(() => file.checkPage(frame, 0, 300), CorruptionError, "free");
    }));

  it("goes by one superblock where the other is damaged, and refuses a file without one", () =>
    inTempDir((dir) => {
      const path = `${dir}/a.quire`;
      openPager(path).close();
      const bytes = Deno.readFileSync(path);
      bytes[PAGE_BYTES + 50]! ^= 1;
      Deno.writeFileSync(path, bytes);
      new UnlockedPages(path).close();
      bytes[2 * PAGE_BYTES + 50]! ^= 1;
      Deno.writeFileSync(path, bytes);
      assertThrows(() => new UnlockedPages(path), CorruptionError, "sum does not match");
      assertThrows(() => new UnlockedPages(`${dir}/none`), IoError);
    }));
});
