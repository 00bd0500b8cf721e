// `exploreFile` shows a file until it is stopped, whether another program has locked it or not, and
// leaves it unchanged.

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { IoError, open } from "../../mod.ts";
import { inTempDir } from "../../tests/support/temp.ts";
import { exploreFile } from "./explore_file.ts";

/** What is shown of a file. */
interface Shown {
  readonly status: number;
  readonly unsynchronised: boolean;
  readonly followed: boolean;
}

async function shown(path: string): Promise<Shown> {
  const abort = new AbortController();
  let seen: Promise<Shown> | undefined;
  await exploreFile(path, {
    signal: abort.signal,
    onListen: (url, unsynchronised, followed) => {
      seen = fetch(url).then(async (response) => {
        assertStringIncludes(await response.text(), "<!DOCTYPE html>");
        abort.abort();
        return { status: response.status, unsynchronised, followed };
      });
    },
  });
  return await seen!;
}

describe("exploreFile", () => {
  it("shows a file until it is stopped", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/a.quire`;
      open(path).close();
      const before = Deno.readFileSync(path);
      assertEquals(await shown(path), { status: 200, unsynchronised: false, followed: false });
      assertEquals(Deno.readFileSync(path), before);
    }));

  it("follows a file that another program has locked, and says so", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/a.quire`;
      using db = open(path);
      assertEquals(await shown(path), { status: 200, unsynchronised: false, followed: true });
      await db.tree("a").set("key", new Uint8Array(1));
    }));

  it("makes no file", () =>
    inTempDir(async (dir) => {
      await assertRejects(() => exploreFile(`${dir}/none`), IoError);
      assertEquals([...Deno.readDirSync(dir)], []);
    }));
});
