/**
 * The README: its programs run as written, and its tables match the sources: errors, options with
 * their defaults, codecs, limits, durability levels, folders, tasks and links.
 */

import { assert, assertEquals, assertLessOrEqual, assertThrows } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import { KEY_BYTES_MAX, NAME_BYTES_MAX, VALUE_BYTES_MAX } from "../../btree/mod.ts";
import * as face from "../../mod.ts";
import { format } from "../../pager/mod.ts";
import * as sizes from "../../pager/recovery/options.ts";
import { runProgram } from "../support/programs/program.ts";
import { inTempDir } from "../support/temp.ts";

const TOP = fromFileUrl(new URL("../..", import.meta.url));
const README = Deno.readTextFileSync(join(TOP, "README.md"));
const PROGRAM_LINES_MAX = 20;
const UNITS: Readonly<Record<string, number>> = {
  byte: 1,
  bytes: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/** The fenced blocks of a language, in order; "" is that of program output. */
function blocksOf(language: string): string[] {
  const blocks = README.matchAll(/^```(\w*)\n([^]*?)^```$/gm);
  return [...blocks].filter(([, found]) => found === language).map(([, , text]) => text!);
}

/** The text under a heading, up to the next one. */
function sectionOf(heading: string): string {
  const found = README.split(/^## /m).find((section) => section.startsWith(`${heading}\n`));
  if (found === undefined) throw new Error(`no heading says ${heading}`);
  return found;
}

/** The cells of the table under a heading, without its first two lines. */
function tableOf(heading: string): string[][] {
  const rows = sectionOf(heading).split("\n").filter((line) => line.startsWith("|"));
  return rows.slice(2).map((row) => row.split("|").slice(1, -1).map((cell) => cell.trim()));
}

/** The name that a cell has in code, without its quotes. */
function codeIn(cell: string): string {
  return /^`([^`]+)`/.exec(cell)?.[1] ?? cell;
}

/** The first size in a text, in bytes. */
function sizeIn(text: string): number {
  const [, amount, unit] = /(\d+) (bytes?|[KMGT]iB)\b/.exec(text) ?? [];
  return Number(amount) * UNITS[unit!]!;
}

/** Writes a program of the README to a folder, as its user would. */
function saveProgram(dir: string, text: string): string {
  const path = join(dir, "program.ts");
  assert(text.includes(`"./mod.ts"`));
  const mod = JSON.stringify(new URL("../../mod.ts", import.meta.url).href);
  Deno.writeTextFileSync(path, text.replace(`"./mod.ts"`, mod));
  return path;
}

describe("README: its programs", () => {
  const [first, ...others] = blocksOf("ts");

  it("begin with one of at most twenty lines", () => {
    const lines = first!.split("\n").filter((line) => line.trim() !== "");
    assertLessOrEqual(lines.length, PROGRAM_LINES_MAX);
  });

  it("begin with one that prints the output in the README, in every run", () =>
    inTempDir(async (dir) => {
      const [printed] = blocksOf("");
      const file = join(dir, "cities.quire");
      const text = first!.replace(`"cities.quire"`, JSON.stringify(file));
      assert(text !== first);
      const program = saveProgram(dir, text);
      for (let run = 0; run < 2; run++) {
        const outcome = await runProgram(program, [], { path: file });
        assertEquals(outcome, { code: 0, out: printed, err: "" });
      }
      const left = [...Deno.readDirSync(dir)].map(({ name }) => name).sort();
      assertEquals(left, ["cities.quire", "program.ts"]);
    }));

  it("are allowed one path by the command beside the first", () => {
    const [command] = blocksOf("sh");
    const allowed = command!.match(/--allow-\S+/g);
    assertEquals(allowed, ["--allow-read=cities.quire", "--allow-write=cities.quire"]);
  });

  for (const [index, text] of others.entries()) {
    it(`run without output: number ${index + 2}`, () =>
      inTempDir(async (dir) => {
        const outcome = await runProgram(saveProgram(dir, text), [], {});
        assertEquals(outcome, { code: 0, out: "", err: "" });
      }));
  }

  // `doc_test.ts` runs them with all other examples, and checks their types.
  it("use each name that they declare", () =>
    inTempDir(async (dir) => {
      const programs = [first, ...others].map((text, index) => {
        const path = join(dir, `${index}.ts`);
        Deno.renameSync(saveProgram(dir, text!), path);
        return path;
      });
      const rules = ["--rules-tags=", "--rules-include=no-unused-vars"];
      const { code, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["lint", "--quiet", "--no-config", ...rules, ...programs],
        env: { NO_COLOR: "1" },
      }).output();
      assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
    }));
});

describe("README: its tables", () => {
  it("have every exported error, and two of the language", () => {
    const exported = Object.keys(face).filter((name) => name.endsWith("Error"));
    const named = tableOf("Errors").map(([name]) => codeIn(name!));
    assertEquals(
      named.toSorted(),
      [...exported, "RangeError", "TypeError"].sort(),
      "README.md: Errors",
    );
  });

  it("have every option, with its default", () => {
    const source = Deno.readTextFileSync(join(TOP, "store/options.ts"));
    const known = /const OPTION_TYPES: OptionTypes = \{([^}]*)\}/.exec(source)![1]!.match(
      /\w+(?=:)/g,
    )!;
    const rows = tableOf("Options");
    assertEquals(
      rows.map(([name]) => codeIn(name!)).sort(),
      known.toSorted(),
      "README.md: Options",
    );
    const defaults = new Map(rows.map(([name, value]) => [codeIn(name!), value]));
    assertEquals(sizeIn(defaults.get("cacheBytes")!), sizes.CACHE_BYTES);
    assertEquals(sizeIn(defaults.get("maxTransactionBytes")!), sizes.TRANSACTION_BYTES);
    assertEquals(sizeIn(defaults.get("maxSnapshotBytes")!), sizes.SNAPSHOT_BYTES);
    assertEquals(sizeIn(defaults.get("journalBytes")!), sizes.JOURNAL_BYTES);
    for (const [name, value] of defaults) {
      const given = value!.endsWith("B") ? sizeIn(value!) : literalIn(codeIn(value!));
      face.open(":memory:", { [name]: given }).close();
    }
  });

  it("have the bounds of the size options", () => {
    const bounds = tableOf("Options").flatMap(([name, , meaning]) => {
      const [, low, high] = /(\d+ [KMG]iB) to (\d+ [KMG]iB)/.exec(meaning!) ?? [];
      return low === undefined ? [] : [[codeIn(name!), sizeIn(low), sizeIn(high!)] as const];
    });
    assertEquals(bounds.map(([name]) => name), ["cacheBytes", "journalBytes"]);
    for (const [name, low, high] of bounds) {
      face.open(":memory:", { [name]: low }).close();
      face.open(":memory:", { [name]: high }).close();
      for (const outside of [low - 1, high + 1]) {
        assertThrows(() => face.open(":memory:", { [name]: outside }), RangeError);
      }
    }
  });

  it("have the levels of durability", async () => {
    using db = face.open(":memory:");
    const tree = db.tree("tree");
    const levels = tableOf("Durability").map(([level]) => codeIn(level!));
    assertEquals(levels, ["sync", "buffered", "none"]);
    for (const durability of levels as face.Durability[]) {
      await db.write((tx) => tx.tree(tree).set(durability, new Uint8Array(1)), { durability });
    }
    assertEquals(tree.count(), levels.length);
  });

  it("have the codecs, and whether they are for keys", () => {
    using db = face.open(":memory:");
    const isCodec = (value: unknown): value is face.Codec<unknown> =>
      typeof value === "object" && value !== null && "encode" in value;
    const exported = Object.entries(face).filter(([, value]) => isCodec(value));
    const rows = tableOf("Codecs").filter(([name]) => name !== "none");
    const names = exported.map(([name]) => name).filter((name) => name !== "keyBytes");
    assertEquals(rows.map(([name]) => codeIn(name!)).sort(), names.sort());
    for (const [name, , keys] of rows) {
      const codec = codeIn(name!);
      const key = (face as Record<string, unknown>)[codec] as face.KeyCodec<unknown>;
      if (keys === "yes") db.tree(codec, { key });
      else assertThrows(() => db.tree(codec, { key }), TypeError, "for keys");
    }
  });
});

describe("README: its limits", () => {
  const limits = new Map(tableOf("Limits").map(([what, limit]) => [what, limit]));

  it("are those of keys, values and names", async () => {
    using db = face.open(":memory:");
    const tree = db.tree("tree");
    const keyBytes = sizeIn(limits.get("a key")!);
    assertEquals(keyBytes, KEY_BYTES_MAX);
    assertEquals(sizeIn(limits.get("a value")!), VALUE_BYTES_MAX);
    assertEquals(sizeIn(limits.get("a tree's name")!), NAME_BYTES_MAX);
    await tree.set("", new Uint8Array(1));
    await tree.set(new Uint8Array(keyBytes), new Uint8Array(1));
    assertThrows(() => tree.get(new Uint8Array(keyBytes + 1)), RangeError);
    await db.tree("n".repeat(NAME_BYTES_MAX)).set("a", new Uint8Array(1));
    assertThrows(() => db.tree("n".repeat(NAME_BYTES_MAX + 1)), RangeError);
    assertThrows(() => db.tree(""), RangeError);
  });

  it("are those of files", () =>
    inTempDir((dir) => {
      const [most, page, empty] = limits.get("a file")!.match(/\d+ (bytes|[KT]iB)/g)!.map(sizeIn);
      assertEquals(page, format.PAGE_BYTES);
      const pages = Math.floor(format.PAGE_COUNT_MAX / format.CHUNK_PAGES) + 1;
      assertEquals(most, pages * format.CHUNK_BYTES);
      face.open(`${dir}/empty.quire`).close();
      assertEquals(empty, Deno.statSync(`${dir}/empty.quire`).size);
    }));

  it("are those of handles", () =>
    inTempDir((dir) => {
      const path = `${dir}/a.quire`;
      const writer = face.open(path);
      assertThrows(() => face.open(path), face.LockedError);
      assertThrows(() => face.open(path, { readOnly: true }), face.LockedError);
      writer.close();
      using _reader = face.open(path, { readOnly: true });
      using _other = face.open(path, { readOnly: true });
      assertThrows(() => face.open(path), face.LockedError);
    }));
});

describe("README: its references", () => {
  it("exist: files and headings", () => {
    for (const [, target] of README.matchAll(/\]\(([^)]+)\)/g)) {
      const [file, heading] = target!.split("#");
      const text = file === "" ? README : Deno.readTextFileSync(join(TOP, file!));
      const headings = text.match(/^##+ .+$/gm)?.map((line) => line.replace(/^#+ /, ""));
      const names = headings?.map((line) => line.toLowerCase().replaceAll(" ", "-"));
      if (heading !== undefined) assert(names?.includes(heading), target);
    }
  });

  it("exist: tasks", () => {
    const { tasks } = JSON.parse(Deno.readTextFileSync(join(TOP, "deno.json")));
    const named = [...README.matchAll(/deno task (\S+?)(?=[`\s])/g)].map(([, name]) => name);
    assertEquals(new Set(named).difference(new Set(Object.keys(tasks))), new Set());
    const own = Object.keys(tasks).filter((name) => !name.includes(":"));
    assertEquals(new Set(own).difference(new Set(named)), new Set());
  });

  it("include every task that a user runs", () => {
    const { tasks } = JSON.parse(Deno.readTextFileSync(join(TOP, "deno.json")));
    // A part of another task has its name as a prefix.
    const parts = /^(check|test):(?!quick)/;
    const named = sectionOf("How to run everything");
    const missing = Object.keys(tasks).filter((task) => {
      return !parts.test(task) && !named.includes(`deno task ${task}`);
    });
    assertEquals(missing, []);
  });

  it("exist: programs in its commands", () => {
    for (const [, path] of README.matchAll(/\b((?:examples|tests)\/(?:\w+\/)*\w+\.ts)\b/g)) {
      assert(Deno.statSync(join(TOP, path)).isFile, path);
    }
  });

  it("include every folder", () => {
    const named = tableOf("What is where").map(([name]) => codeIn(name!));
    const ignored = Deno.readTextFileSync(join(TOP, ".gitignore")).split("\n");
    const folders = [...Deno.readDirSync(TOP)]
      .filter(({ name, isDirectory }) => isDirectory && /^[a-z]/.test(name))
      .map(({ name }) => `${name}/`)
      .filter((name) => !ignored.includes(name));
    assertEquals(named.toSorted(), [...folders, "inspect.ts", "mod.ts"].sort());
  });

  it("include one glossary without repeated names", () => {
    assertEquals(README.match(/^## Glossary$/gm)?.length, 1);
    const names = tableOf("Glossary").map(([name]) => name);
    assertEquals(new Set(names).size, names.length);
  });
});

/** The value of a literal, including octal numbers. */
function literalIn(text: string): unknown {
  return text.startsWith("0o") ? Number(text) : JSON.parse(text);
}
