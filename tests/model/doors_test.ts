/**
 * The doors to a file and to memory: whatever `io` and `memory` are, a database holds the same, and
 * a file that one door wrote can be opened by every other, also when the pages do not fit into the
 * cache, and after a handle that was not closed.
 */

import { assertEquals, assertGreater, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { LockedError, open, type OpenOptions, verify } from "../../mod.ts";
import { bytesOf, sameBytes } from "../support/databases/database.ts";
import { inTempDir } from "../support/temp.ts";

const skip = Deno.build.os !== "linux";
const MEBIBYTE = 1024 * 1024;
const DOORS: readonly OpenOptions[] = [
  { io: "direct" },
  { io: "map" },
  {},
  { memory: "huge" },
  { io: "direct", memory: "huge" },
];
const KEYS = 1500;
const KEYS_A_ROUND = 400;
const VALUE_BYTES = 15_000;

describe("doors", { skip }, () => {
  it("hold the same, and open what the others wrote", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/doors.quire`;
      const rounds = new Map<number, number>();
      for (let round = 0; round < DOORS.length * 2; round++) {
        using db = open(path, { ...DOORS[round % DOORS.length], cacheBytes: 8 * MEBIBYTE });
        const tree = db.tree("values");
        for (const [key, of] of rounds) {
          const value = tree.get(`${key}`);
          assertEquals(sameBytes(value, bytesOf(key + of * KEYS, VALUE_BYTES)), true, `key ${key}`);
        }
        for (let i = 0; i < KEYS_A_ROUND; i++) {
          const key = (round * 977 + i * 7) % KEYS;
          tree.set(`${key}`, bytesOf(key + round * KEYS, VALUE_BYTES));
          rounds.set(key, round);
        }
        await tree.set("last", new Uint8Array(1));
        assertEquals(tree.count(), rounds.size + 1);
        const { evictions, mappedBytes } = db.stats();
        const isMapped = DOORS[round % DOORS.length]!.io === "map";
        if (isMapped) assertGreater(mappedBytes, 0);
        else assertGreater(evictions, round === 0 ? -1 : 0);
      }
      assertEquals((await verify(path)).ok, true);
    }));

  it("are refused for a database in memory that has no file, and under unknown names", () => {
    assertThrows(
      () => open(":memory:", { io: "direct" }),
      TypeError,
      'Cannot open: io "direct" is for files, and this is a database in memory',
    );
    assertThrows(() => open("a", { io: "fast" as "direct" }), TypeError, "io cannot be fast");
    assertThrows(() => open("a", { memory: "no" as "huge" }), TypeError, "memory cannot be no");
    assertThrows(() => open(":memory:", { io: "map" }), TypeError, 'io "map" is for files');
    for (const options of [{ shared: true }, { follow: true }]) {
      const message = 'Cannot open: io "map" is for a file that no other process writes';
      assertThrows(() => open("a", { ...options, io: "map" }), TypeError, message);
    }
    assertThrows(
      () => open("a", { io: "map", memory: "huge" }),
      TypeError,
      'memory "huge" exclude each other',
    );
    using db = open(":memory:", { memory: "huge" });
    db.writeSync((tx) => tx.tree("a").set("b", new Uint8Array(3)));
    assertEquals(db.tree("a").get("b"), new Uint8Array(3));
  });

  it("leave views of closed frames empty, or as they were", () =>
    inTempDir((dir) => {
      for (const [index, door] of DOORS.entries()) {
        const db = open(`${dir}/${index}`, door);
        db.writeSync((tx) => tx.tree("a").set("b", new Uint8Array([1, 2, 3])));
        const view = db.tree("a").getView("b")!;
        db.close();
        const isTheSystems = door.memory === "huge" || door.io === "map";
        assertEquals(view.length, isTheSystems ? 0 : 3);
      }
    }));
});

describe("io map", { skip }, () => {
  it("reads a file read-only, which was not closed too, but none that is being written", () =>
    inTempDir((dir) => {
      const path = `${dir}/a.quire`;
      const value = bytesOf(1, VALUE_BYTES);
      const writer = open(path);
      writer.writeSync((tx) => {
        for (let i = 0; i < KEYS; i++) tx.tree("values").set(`${i}`, value);
      });
      const copy = `${dir}/b.quire`;
      Deno.copyFileSync(path, copy);
      assertThrows(() => open(path, { io: "map", readOnly: true }), LockedError);
      writer.close();
      for (const [place, maps] of [[path, true], [copy, false]] as const) {
        using db = open(place, { io: "map", readOnly: true });
        const tree = db.tree("values");
        for (let i = 0; i < KEYS; i++) assertEquals(sameBytes(tree.get(`${i}`), value), true);
        assertEquals(db.stats().mappedBytes > 0, maps);
      }
    }));

  it("ends the process where another program has cut the file", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/a.quire`;
      {
        using db = open(path);
        db.writeSync((tx) => {
          for (let i = 0; i < KEYS; i++) tx.tree("values").set(`${i}`, bytesOf(i, VALUE_BYTES));
        });
      }
      const program = `
        import { open } from ${JSON.stringify(new URL("../../mod.ts", import.meta.url).href)};
        const tree = open(${JSON.stringify(path)}, { io: "map" }).tree("values");
        console.log(tree.get("0").length);
        Deno.truncateSync(${JSON.stringify(path)}, 4096);
        for (let i = 0; i < ${KEYS}; i++) tree.get(String(i));
        console.log("not reached");`;
      Deno.writeTextFileSync(`${dir}/program.ts`, program);
      const { stdout, signal } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "--quiet", "-A", "--no-check", `${dir}/program.ts`],
        cwd: dir, // A system that writes the memory of a process that it ends writes it there.
        stderr: "null",
      }).output();
      assertEquals([new TextDecoder().decode(stdout), signal], [`${VALUE_BYTES}\n`, "SIGBUS"]);
    }));

  it("prefetches what it has not read", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/a.quire`;
      const entries = Array.from({ length: KEYS }, (_, i) => {
        return [`${i}`, bytesOf(i, VALUE_BYTES)] as const;
      });
      {
        using db = open(path);
        await db.tree("values").setMany(entries);
      }
      using db = open(path, { io: "map", cacheBytes: 8 * MEBIBYTE });
      const tree = db.tree("values");
      assertEquals(await tree.prefetch(["1", "500", "999"]), true);
      assertEquals(await tree.prefetch({}), false);
      for (const [key, value] of entries) assertEquals(sameBytes(tree.get(key), value), true);
    }));
});

describe("doors that do not exist", () => {
  it("are refused where they do not exist, and no file is created", () =>
    inTempDir(async (dir) => {
      const program = `
        import { open } from ${JSON.stringify(new URL("../../mod.ts", import.meta.url).href)};
        for (const door of [{ memory: "huge" }, { io: "map" }]) {
          try { open("a.quire", door); }
          catch (error) { console.log(error.name + ": " + error.message); }
        }`;
      Deno.writeTextFileSync(`${dir}/program.ts`, program);
      const { stdout } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "--quiet", "-RW", "--no-prompt", "--no-check", "program.ts"],
        cwd: dir,
      }).output();
      const reason = !skip ? "it needs --allow-ffi" : "it needs Linux";
      const lines = ['memory "huge"', 'io "map"']
        .map((door) => `IoError: Cannot open a.quire: ${door}: ${reason}\n`);
      assertEquals(new TextDecoder().decode(stdout), lines.join(""));
      assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name), ["program.ts"]);
    }));
});
