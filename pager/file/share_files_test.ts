// The files through which processes share a database.

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { inTempDir } from "../../tests/support/temp.ts";
import { IoError } from "../format/errors.ts";
import {
  isShared,
  LockFile,
  networkOf,
  readSideFile,
  refuseUnshareable,
  SideFile,
} from "./share_files.ts";

const ACCESS = { mode: 0o666 };

describe("a place to share a file", () => {
  it("is no network file system, as far as Linux numbers them", () => {
    // Some systems give the number with its sign.
    const found = [0x6969, 0xff534d42, 0xff534d42 | 0, 0xfe534d42 | 0, 0x517b, 0x01021997];
    assertEquals(found.map(networkOf), ["NFS", "CIFS", "CIFS", "SMB", "SMB", "9p"]);
    // ext, tmpfs, btrfs, overlay
    for (const type of [0xef53, 0x01021994, 0x9123683e, 0x794c7630]) {
      assertEquals(networkOf(type), undefined);
    }
    refuseUnshareable("/tmp");
    refuseUnshareable("/no such place");
    const onlyFolder = (path: string) => path === "/net" ? 0x6969 : undefined;
    assertThrows(() => refuseUnshareable("/net/new.quire", onlyFolder), IoError, "NFS");
  });
});

describe("the files beside a database", () => {
  it("show that others share it by the lock of presence alone", () =>
    inTempDir((dir) => {
      const path = `${dir}/a`;
      assertEquals(isShared(path), false);
      const presence = new LockFile(`${path}-here`, ACCESS);
      assertEquals(isShared(path), false);
      presence.tryLock(false);
      assertEquals(isShared(path), true);
      presence.close();
      assertEquals(isShared(path), false);
    }));

  it("are read from outside without being created or written", () =>
    inTempDir((dir) => {
      assertEquals(readSideFile(`${dir}/a-shared`), undefined);
      assertEquals([...Deno.readDirSync(dir)], []);
      const side = new SideFile(`${dir}/a-shared`, ACCESS);
      side.write(new Uint8Array([1, 2, 3]), 0);
      const outside = readSideFile(`${dir}/a-shared`)!;
      const bytes = new Uint8Array(4);
      outside.read(bytes, 0);
      assertEquals([...bytes], [1, 2, 3, 0]);
      assertThrows(() => outside.write(bytes, 0), IoError);
      outside.close();
      side.close();
    }));
});
