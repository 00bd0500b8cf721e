/**
 * Files are named by `file:` URLs on the command line too: those of databases, of input and of
 * output.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { toFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import { quire } from "../support/programs/cli.ts";
import { makeCliSample } from "../support/programs/cli_sample.ts";
import { inTempDir } from "../support/temp.ts";

describe("cli: a file: URL", () => {
  it("names FILE of each command, and what it reads and writes", () =>
    inTempDir(async (dir) => {
      const url = (name: string) => toFileUrl(`${dir}/${name}`).href;
      makeCliSample(`${dir}/a b.quire`);
      Deno.writeTextFileSync(`${dir}/in.ndjson`, '{"key":"x","value":1}\n');
      Deno.writeTextFileSync(`${dir}/script.sql`, "SELECT 7;");
      const db = url("a b.quire");
      const lines: readonly (readonly string[])[] = [
        ["info", db],
        ["count", db, "words"],
        ["set", db, "words", "new", '"1"'],
        ["map", db],
        ["page", db, "0"],
        ["verify", db],
        ["compact", db],
        ["backup", db, url("copy.quire")],
        ["changes", db, "--since", url("copy.quire")],
        ["restore", url("restored.quire"), url("copy.quire")],
        ["archive", db, url("archive")],
        ["restore", url("archived.quire"), "--from", url("archive")],
        ["salvage", db, url("saved.quire")],
        ["dump", db, "words", "--output", url("out.ndjson")],
        ["load", url("loaded.quire"), "words", url("out.ndjson")],
        ["load", url("other.quire"), "t", url("in.ndjson")],
        ["migrate", url("loaded.quire"), url("migrated.quire")],
      ];
      for (const words of lines) {
        const { code, err } = await quire(words);
        assertEquals(code, 0, `${words.join(" ")}: ${err}`);
      }
      const alone = await quire(["load", db, url("in.ndjson")]);
      assertMatch(alone.err, /nothing says into which tree; name it, as in load FILE in /);
      const names = [...Deno.readDirSync(dir)].map(({ name }) => name).sort();
      assertEquals(names.filter((name) => name.includes("file:")), []);
      assertEquals(names.filter((name) => /loaded|other|out|saved|restored|archived/.test(name)), [
        "archived.quire",
        "loaded.quire",
        "other.quire",
        "out.ndjson",
        "restored.quire",
        "saved.quire",
      ]);
      const read = await quire(["sql", db], { input: `.read ${url("script.sql")}\n` });
      assertMatch(read.out, /7/);
    }));

  it("is refused where it names no file of this machine", async () => {
    for (
      const [url, says] of [["file://host/x", /host/], ["file:x", /not a URL of a file/]] as const
    ) {
      for (const words of [["info", url], ["compact", url], ["load", url, "t", "x"]]) {
        const { code, err } = await quire(words);
        assertEquals(code, 2, words.join(" "));
        assertMatch(err, says);
        assertEquals(err.trim().split("\n").length, 1);
      }
    }
  });
});
