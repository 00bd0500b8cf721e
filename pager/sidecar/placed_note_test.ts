// What a lock file says of pages in place: nothing where it is new, or half written.

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { LockFile } from "../file/share_files.ts";
import { PlacedNote } from "./placed_note.ts";

describe("a note of the pages in place", () => {
  it("is known to all that have the lock file, until something deletes it", () => {
    const folder = Deno.makeTempDirSync();
    const path = `${folder}/a-lock`;
    const files = [
      new LockFile(path, { mode: 0o600 }),
      new LockFile(path, { mode: 0o600 }),
    ] as const;
    try {
      const [a, b] = [new PlacedNote(files[0]), new PlacedNote(files[1])];
      assertEquals([a.read(), b.read()], [undefined, undefined]);
      for (const version of [0, 7, 2 ** 47 - 1]) {
        a.write(version);
        assertEquals([a.read(), b.read()], [version, version]);
      }
      Deno.removeSync(path);
      files[1].reopen();
      assertEquals(b.read(), undefined);
    } finally {
      for (const file of files) file.close();
      Deno.removeSync(folder, { recursive: true });
    }
  });

  it("that was half written is not believed", () => {
    const bytes = new Uint8Array(12);
    const note = new PlacedNote({
      readNote: (into) => into.set(bytes),
      writeNote: (from) => bytes.set(from.subarray(0, 6)),
    });
    note.write(77);
    assertEquals(note.read(), undefined);
  });
});
