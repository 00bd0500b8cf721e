/**
 * Paths as users give them, wherever one is accepted: strings, `file:` URLs, links, and invalid
 * ones.
 */

import { assertEquals, assertInstanceOf, assertMatch, assertStringIncludes } from "@std/assert";
import { toFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import { inspectFile } from "../../cli/inspect/mod.ts";
import { explore } from "../../cli/mod.ts";
import { open, restore, salvage, verify } from "../../mod.ts";
import { openPager } from "../../pager/mod.ts";
import { inTempDir } from "../support/temp.ts";

const VALUE = new Uint8Array([1]);
const TOP = new URL("../..", import.meta.url);

/** Every function that takes the path of a database and does not create it. */
const USES: Readonly<Record<string, (path: string | URL) => unknown>> = {
  "open": (path) => open(path, { create: false }).close(),
  "open read-only": (path) => open(path, { readOnly: true }).close(),
  "openPager": (path) => openPager(path, { create: false }).close(),
  "verify": (path) => verify(path),
  "salvage from": (path) => salvage(path, ":nowhere:/saved.quire"),
  "salvage to": (path) => salvage("there is none.quire", path),
  "restore from": (path) => restore(":nowhere:/restored.quire", path),
  "restore to": (path) => restore(path, "there is none.quire"),
  "restore with": (path) => restore(":nowhere:/restored.quire", "there is none.quire", path),
  "backup": async (path) => {
    using db = open(":memory:");
    await db.backup(path);
  },
  "inspectFile": (path) => inspectFile(path).close(),
  "explore": async (path) => {
    using db = open(":memory:");
    await explore(db, { path }).close();
  },
};

/** Makes a small database. */
function makeDatabase(path: string): void {
  using db = open(path);
  db.writeSync((tx) => tx.tree("a").set("key", VALUE));
}

/** The error of a use, synchronous or not. */
async function errorOf(use: () => unknown): Promise<unknown> {
  try {
    await use();
  } catch (error) {
    return error;
  }
  return undefined;
}

/** Fails unless every use refuses a path. */
async function assertRefused(path: unknown, message: string): Promise<void> {
  for (const [name, use] of Object.entries(USES)) {
    const error = await errorOf(() => use(path as string));
    const what = `${name} of ${String(path)}`;
    assertInstanceOf(error, TypeError, `${what}: ${error}`);
    assertMatch(
      (error as TypeError).message,
      /^Cannot (open|verify|salvage|restore|back up|explore): /,
      what,
    );
    assertStringIncludes((error as TypeError).message, message, what);
  }
}

describe("a file: URL", () => {
  it("is a path, as an object and as a string", () =>
    inTempDir(async (dir) => {
      makeDatabase(`${dir}/with space.quire`);
      const url = toFileUrl(`${dir}/with space.quire`);
      assertStringIncludes(url.href, "%20");
      for (const path of [url, url.href]) {
        using db = open(path);
        assertEquals(db.tree("a").get("key"), VALUE);
        db.close();
        assertEquals((await verify(path)).entries, 1);
        openPager(path).close();
        inspectFile(path).close();
        await USES["explore"]!(path);
      }
      const from = [url, url.href];
      const to = [toFileUrl(`${dir}/saved 1.quire`), toFileUrl(`${dir}/saved 2.quire`).href];
      for (const i of [0, 1]) assertEquals((await salvage(from[i]!, to[i]!)).entries, 1);
      const names = [...Deno.readDirSync(dir)].map(({ name }) => name).sort();
      assertEquals(names, ["saved 1.quire", "saved 2.quire", "with space.quire"]);
    }));

  it("is refused if it names no file of this machine", () =>
    inTempDir(async (dir) => {
      const { href } = toFileUrl(`${dir}/a.quire`);
      makeDatabase(`${dir}/a.quire`);
      const refused: [string, string][] = [
        ["https://example.com/a.quire", "https:"],
        ["HTTP://example.com/a.quire", "HTTP:"],
        ["data://text/plain", "data:"],
        ["file:a.quire", "file:///"],
        ["file:", "file:///"],
        ["file:///a.quire?mode=ro", "? or #"],
        [`${href}#old`, "? or #"],
        [`${href}?`, "? or #"],
        ["file:///a%2Fb.quire", "path"],
        ["file:///a%ZZ.quire", "URI"],
      ];
      if (Deno.build.os !== "windows") refused.push(["file://server/a.quire", "host"]);
      for (const [text, message] of refused) {
        await assertRefused(text, message);
        // A relative URL as an object starts at the root.
        if (!/^file:(a|$)/.test(text)) {
          await assertRefused(new URL(text), message.replace("HTTP", "http"));
        }
      }
    }));
});

describe("an invalid path", () => {
  it("is refused with a TypeError", async () => {
    for (const path of [null, 1, {}, new Uint8Array(1), ["a"]]) {
      await assertRefused(path, "the path is ");
    }
    await assertRefused("a\ud800", "lone surrogate");
  });

  it("is no URL if its first folder only looks like one", () =>
    inTempDir((dir) => {
      Deno.mkdirSync(`${dir}/a:`);
      makeDatabase(`${dir}/a:/b.quire`);
      using db = open(`${dir}/a:/b.quire`);
      assertEquals(db.tree("a").has("key"), true);
    }));
});

/** Uses one path in a process that may access one folder. Returns the classes of the errors. */
async function errorsWithin(folder: string, path: string): Promise<string[]> {
  const program = `
    import { open, salvage, verify } from "${new URL("mod.ts", TOP)}";
    const path = ${JSON.stringify(path)};
    const fine = ${JSON.stringify(`${folder}/fine.quire`)};
    const uses = [
      () => open(path).close(),
      () => open(path, { readOnly: true }).close(),
      () => open(path, { create: false }).close(),
      () => verify(path),
      () => salvage(path, fine + ".saved"),
      () => salvage(fine, path),
    ];
    for (const use of uses) {
      try {
        await use();
        console.log("nothing");
      } catch (error) {
        console.log(error.name + " by " + error.cause?.name);
      }
    }
  `;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      "--no-check",
      `--allow-read=${folder}`,
      `--allow-write=${folder}`,
      `data:application/typescript,${encodeURIComponent(program)}`,
    ],
    env: { NO_COLOR: "1" },
  });
  const { stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  assertEquals(decoder.decode(stderr), "");
  return decoder.decode(stdout).trimEnd().split("\n");
}

describe("a link to a file without permission", { ignore: Deno.build.os === "windows" }, () => {
  it("gives an IoError whose cause is the system's", () =>
    inTempDir(async (dir) => {
      const folder = `${dir}/permitted`;
      Deno.mkdirSync(folder);
      Deno.mkdirSync(`${dir}/other`);
      makeDatabase(`${folder}/fine.quire`);
      makeDatabase(`${dir}/other/a.quire`);
      Deno.symlinkSync(`${dir}/other/a.quire`, `${folder}/to a file`);
      Deno.symlinkSync(`${dir}/other`, `${folder}/to a folder`);
      const refused = "IoError by NotCapable";
      // An existing name is refused before the system is asked to create a file.
      const taken = "IoError by Error";
      assertEquals(
        await errorsWithin(folder, `${folder}/to a file`),
        [refused, refused, refused, refused, refused, taken],
      );
      assertEquals(
        await errorsWithin(folder, `${folder}/to a folder/a.quire`),
        [refused, refused, refused, refused, refused, taken],
      );
      const atNothing = await errorsWithin(folder, `${folder}/to a folder/new.quire`);
      for (const error of atNothing) assertStringIncludes(error, "IoError by ");
      assertEquals(atNothing.length, 6);
    }));
});
