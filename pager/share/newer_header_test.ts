// A header that another process has placed since is refused, as its page is: counts and runs read
// headers without their pages.

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { dataPages, makeFile } from "../../tests/support/trees/pages.ts";
import { Cache } from "../cache/cache.ts";
import { Loader } from "../cache/loader.ts";
import { Disk } from "../file/disk.ts";
import { seedOf } from "../format/checksum.ts";
import { CorruptionError } from "../format/errors.ts";
import { Frame, POOL } from "../format/frame.ts";
import { versionOf } from "../format/header.ts";
import { Meta } from "../format/meta.ts";
import { readSuperblock } from "../journal/superblocks.ts";

const OWNER = { canClean: () => true, clean: () => true, isInFlight: () => false };

describe("Loader.peek() in a file that others write", () => {
  it("refuses a header that is newer than what was read", () => {
    const disk = new Disk(makeFile(20));
    const superblock = readSuperblock(disk);
    const meta = new Meta();
    meta.assign(superblock);
    const cache = new Cache(4, OWNER);
    cache.reserve(4);
    const loader = new Loader(disk, cache, meta, seedOf(superblock.databaseId));
    loader.judge = { refused: (_, error) => error };
    const frame = new Frame(-1, POOL, 1);
    const [page] = dataPages(20);
    assertEquals(loader.peek(page!, frame), -1);
    meta.version = versionOf(frame, 0) - 1;
    assertThrows(() => loader.peek(page!, frame), CorruptionError, "newer");
  });
});
