/**
 * Problems with files and processes that users of other stores reported, tried against the public
 * API. The comment of each test names the report.
 */

import { assert, assertEquals, assertLess, assertThrows } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import { CorruptionError, IoError, LockedError, open, string, verify } from "../../mod.ts";
import { runProgram } from "../support/programs/program.ts";
import { inTempDir } from "../support/temp.ts";

const MIB = 1024 * 1024;
const CHILD = fromFileUrl(new URL("./support/reported_child.ts", import.meta.url));
/** 8 MiB in blocks of 512 bytes. */
const FILE_BLOCKS = 16_384;
const windows = Deno.build.os === "windows";

function sizeOf(path: string): number {
  return Deno.statSync(path).size;
}

function namesIn(dir: string): string[] {
  return [...Deno.readDirSync(dir)].map(({ name }) => name).sort();
}

/** The longest that a file is after each of some rounds. */
function longestOf(path: string, rounds: number, round: (index: number) => void): number {
  let longest = 0;
  for (let index = 0; index < rounds; index++) {
    round(index);
    longest = Math.max(longest, sizeOf(path));
  }
  return longest;
}

describe("what users of other stores reported: files that grow", () => {
  // spacejam/sled issue 1333, zshipko/rust-kv issue 25: each value of a key stayed in the file.
  it("I overwrite one key again and again, and the file grows", () => {
    inTempDir((dir) => {
      const path = `${dir}/a.quire`;
      using db = open(path, { durability: "buffered", journalBytes: 2 * MIB });
      const round = (index: number) => {
        for (let i = 0; i < 20; i++) {
          const value = new Uint8Array(50_000 + (index * 20 + i) * 7919 % 300_000);
          db.writeSync((tx) => tx.tree("a").set("one", value));
        }
      };
      const early = longestOf(path, 8, round);
      assertLess(longestOf(path, 12, round), early + 2 * MIB, "240 values of 200 KB are 48 MB");
      db.tree("a").set("one", new Uint8Array(1));
      db.close();
      assertLess(sizeOf(path), 2 * MIB);
    });
  });

  // kriszyp/lmdb-js issue 335: with each refill in one transaction the file grew by the content.
  it("I clear a tree and fill it again in one transaction, and the file grows each time", () => {
    inTempDir((dir) => {
      const path = `${dir}/a.quire`;
      using db = open(path, { durability: "buffered" });
      const round = () => {
        db.writeSync((tx) => {
          const inside = tx.tree("a");
          inside.clear();
          for (let i = 0; i < 1000; i++) inside.set(`key ${i}`, new Uint8Array(500));
        });
        db.checkpoint();
      };
      const early = longestOf(path, 3, round);
      assertLess(longestOf(path, 10, round), early + MIB);
    });
  });

  // boltdb/bolt issue 203, litedb-org/LiteDB issue 2814: one reader, and pages were never reused.
  it("I hold a snapshot, or leave an iterator, and the file grows with every change", () => {
    for (const hold of ["snapshot", "iterator"]) {
      inTempDir((dir) => {
        const path = `${dir}/a.quire`;
        using db = open(path, { durability: "buffered", journalBytes: 2 * MIB });
        const tree = db.tree("a", { key: string });
        const fill = (length: number) => {
          db.writeSync((tx) => {
            for (let i = 0; i < 50; i++) tx.tree(tree).set(`key ${i}`, new Uint8Array(length));
          });
        };
        fill(9000);
        using snapshot = db.snapshot();
        const values = (hold === "snapshot" ? snapshot.tree(tree) : tree).values();
        if (hold === "iterator") snapshot.close();
        values.next();
        const round = () => {
          for (let i = 0; i < 10; i++) fill(9001);
        };
        const early = longestOf(path, 3, round);
        assertLess(longestOf(path, 8, round), early + 2 * MIB, `${hold}: 800 values are 36 MB`);
        assert(values.every(({ length }) => length === 9000), "it still shows its version");
      });
    }
  });

  // boltdb/bolt issue 303: the file grew each time it was opened.
  it("I open and close the database again and again, and the file grows", () => {
    inTempDir((dir) => {
      const path = `${dir}/a.quire`;
      const round = (index: number) => {
        using db = open(path);
        if (index % 3 > 0) db.tree("a").set("one", new Uint8Array([index]));
      };
      const early = longestOf(path, 3, round);
      assertEquals(longestOf(path, 20, round), early);
    });
  });
});

describe("what users of other stores reported: files that others touch", () => {
  // vorot93/libmdbx-rs issue 36, WiseLibs/better-sqlite3 issue 1237.
  it("another program removes the folder while it is open", { ignore: windows }, async () => {
    await inTempDir(async (dir) => {
      const path = `${dir}/folder/a.quire`;
      Deno.mkdirSync(`${dir}/folder`);
      const db = open(path);
      await db.tree("a").set("before", new Uint8Array(1));
      Deno.removeSync(`${dir}/folder`, { recursive: true });
      // The file continues to exist without a name; nothing is created in its place.
      await db.tree("a").set("after", new Uint8Array(1));
      assertEquals([db.tree("a").count(), (await db.verify()).ok], [2, true]);
      db.checkpoint();
      db.close();
      assertEquals(namesIn(dir), []);
      assertThrows(() => open(path), IoError);
    });
  });

  // WiseLibs/better-sqlite3 issue 1237, sqlitebrowser/sqlitebrowser issue 891.
  it(
    "another program puts a database in its place while it is open",
    { ignore: windows },
    async () => {
      await inTempDir(async (dir) => {
        const [path, other] = [`${dir}/a.quire`, `${dir}/b.quire`];
        const made = open(other);
        made.tree("b").set("other", new Uint8Array(1));
        made.close();
        using db = open(path);
        await db.tree("a").set("before", new Uint8Array(1));
        Deno.renameSync(other, path);
        await db.tree("a").set("after", new Uint8Array(100_000));
        assertEquals(db.tree("a").count(), 2);
        // The lock belongs to the file, not to its name, and no byte of one went to the other.
        using second = open(path);
        assertEquals(second.trees(), ["b"]);
        db.close();
        assert((await second.verify()).ok);
        assertThrows(() => open(path), LockedError);
      });
    },
  );

  // boltdb/bolt issue 708, kriszyp/lmdb-js issue 256, litedb-org/LiteDB issue 2141.
  it("I copy the file while it is open, and the copy is damaged", async () => {
    await inTempDir(async (dir) => {
      const path = `${dir}/a.quire`;
      using db = open(path, { journalBytes: 2 * MIB });
      for (let copy = 0; copy < 6; copy++) {
        for (let i = 0; i < 100; i++) db.tree("a").set(`${copy} ${i}`, new Uint8Array(9000));
        await db.tree("a").set(`last of ${copy}`, new Uint8Array(1));
        const to = `${dir}/copy ${copy}.quire`;
        // Between commits: as after a power cut.
        Deno.copyFileSync(path, to);
        assert((await verify(to)).ok);
        using copied = open(to);
        assertEquals(copied.tree("a").count(), db.tree("a").count());
        assert(copied.tree("a").has(`last of ${copy}`));
      }
    });
  });

  // Mithril-mine/libmdbx issue 240, etcd-io/bbolt issue 105, etcd-io/etcd issue 13109.
  it("the copy was made while changes went on, and opening it crashes, or shows nonsense", () => {
    inTempDir((dir) => {
      const path = `${dir}/a.quire`;
      using db = open(path, { durability: "buffered", journalBytes: 2 * MIB });
      const tree = db.tree("a", { key: string });
      const write = (round: number) => {
        db.writeSync((tx) => {
          for (let i = 0; i < 80; i++) {
            tx.tree(tree).set(`key ${i}`, new Uint8Array(6000).fill(round));
          }
        });
        if (round % 2 > 0) db.checkpoint();
      };
      const outcomes = new Set<string>();
      for (let round = 1; round < 12; round++) {
        write(round);
        const early = Deno.readFileSync(path);
        for (let i = 0; i < 3; i++) write(round + i);
        const late = Deno.readFileSync(path);
        for (const cut of [0.3, 0.5, 0.8, 1]) {
          const at = Math.floor(Math.min(early.length, late.length) * cut / 8192) * 8192;
          const to = `${dir}/copy ${round} ${cut}.quire`;
          Deno.writeFileSync(to, early.subarray(0, at));
          Deno.writeFileSync(to, late.subarray(at), { append: true });
          outcomes.add(outcomeOf(to));
        }
      }
      assertEquals(outcomes, new Set(["refused", "whole"]));
    });
  });

  /** The content of a copy: one committed state, or a CorruptionError. */
  function outcomeOf(path: string): string {
    try {
      using db = open(path);
      const values = db.tree("a", { key: string }).values().toArray();
      const seen = new Set(values.flatMap((value) => [value.length, ...value]));
      const isWhole = values.length === 80 && seen.size === 2 && seen.has(6000);
      return isWhole ? "whole" : `nonsense: ${[...seen].join()}`;
    } catch (error) {
      return error instanceof CorruptionError ? "refused" : `${error}`;
    }
  }

  // WiseLibs/better-sqlite3 issue 1095, TryGhost/node-sqlite3 issue 1675.
  it("a name with ?, # or % in it opens another file, or none, without a word", () => {
    inTempDir((dir) => {
      const names = ["100%.quire", "a%20b.quire", "a?mode=memory.quire", "b#c.quire", ":memory:?x"];
      for (const name of names) open(`${dir}/${name}`).close();
      assertEquals(namesIn(dir), names.toSorted());
      for (const name of ["file:m?mode=memory&cache=shared", "file::memory:?cache=shared"]) {
        assertThrows(() => open(name), TypeError, "not a URL of a file");
      }
      for (const name of ["", "a\0b"]) assertThrows(() => open(name), IoError);
      assertEquals(namesIn(dir), names.toSorted());
    });
  });

  // etcd-io/bbolt issue 98: opening a missing file read-only made an empty one.
  it("I open a file read-only that is not there, and it is made", () => {
    inTempDir((dir) => {
      for (const options of [{ readOnly: true }, { create: false }]) {
        assertThrows(() => open(`${dir}/none.quire`, options), IoError);
      }
      assertEquals(namesIn(dir), []);
    });
  });

  // symisc/unqlite issue 41: the second cursor after a reopening saw fewer keys than the first.
  it("after a reopening the second loop sees fewer keys than the first", () => {
    inTempDir((dir) => {
      const path = `${dir}/a.quire`;
      const made = open(path);
      const keys = Array.from({ length: 500 }, (_, i) => `key ${1000 + i}`);
      const first = made.tree("a", { key: string });
      made.writeSync((tx) => {
        for (const key of keys) tx.tree(first).set(key, new Uint8Array(500));
      });
      made.close();
      using db = open(path, { cacheBytes: 8 * MIB });
      const tree = db.tree("a", { key: string });
      for (let round = 0; round < 3; round++) assertEquals(tree.keys().toArray(), keys);
      assertEquals(tree.count(), 500);
    });
  });
});

describe("what users of other stores reported: how a program ends", () => {
  // Level/leveldown issue 314, ether/ueberDB issue 74: puts, then close, and nothing was written.
  it("I close right after many sets that I have not awaited, and they are lost", async () => {
    await inTempDir(async (dir) => {
      const path = `${dir}/a.quire`;
      const db = open(path);
      const sets = Array.from(
        { length: 1000 },
        (_, i) => db.tree("a").set(`${i}`, new Uint8Array(9)),
      );
      db.close();
      assertEquals(
        (await Promise.allSettled(sets)).filter(({ status }) => status !== "fulfilled"),
        [],
      );
      using again = open(path);
      assertEquals(again.tree("a").count(), 1000);
    });
  });

  // louischatriot/nedb issues 92 and 235, ether/ueberDB issue 74, Tencent/MMKV issue 648.
  it("my program exits without a close, and what it has set is lost, or all of it", async () => {
    await inTempDir(async (dir) => {
      const path = `${dir}/a.quire`;
      const ends = ["exit", "exit inside", "error", "end", "close"];
      const codes: number[] = [];
      for (const end of ends) {
        codes.push((await runProgram(CHILD, [path, end, end], { path })).code);
      }
      assertEquals(codes, [0, 0, 1, 0, 0]);
      assert((await verify(path)).ok);
      using db = open(path);
      const keys = db.tree("keys", { key: string }).keys().toArray();
      // Acknowledged entries are there, those of the open transaction are not, others may be.
      assertEquals(keys.filter((key) => key !== "error, not awaited"), [
        "close",
        "end",
        "error",
        "exit",
      ]);
    });
  });

  // mongodb-partners/mongo-rocks issue 128: "File too large" on most operations from then on.
  it("the file reaches the size that a file may have, and nothing can be written any more", {
    ignore: windows,
  }, async () => {
    await inTempDir(async (dir) => {
      const path = `${dir}/a.quire`;
      const limited = `trap '' XFSZ; ulimit -f ${FILE_BLOCKS}; exec "$@"`;
      const { code, stdout } = await runInShell(limited, path, "too large");
      assertEquals(code, 0);
      const { durable, refused, isDeleted } = JSON.parse(new TextDecoder().decode(stdout));
      assertEquals([refused, isDeleted], ["IoError", true]);
      assert((await verify(path)).ok);
      using db = open(path);
      const tree = db.tree("keys", { key: string });
      assertEquals([tree.count(), tree.has("key"), tree.has("key 0")], [durable, true, false]);
    });
  });

  // sqlite.org/howtocorrupt.html: a file that got the number of a closed stream, and its output.
  it("standard streams are closed, and what is printed goes into the database", {
    ignore: windows,
  }, async () => {
    await inTempDir(async (dir) => {
      const path = `${dir}/a.quire`;
      await runInShell('exec "$@" <&- >&- 2>&-', path, "print");
      assert((await verify(path)).ok);
      using db = open(path);
      assertEquals(db.tree("keys", { key: string }).keys().toArray(), ["key"]);
      assertEquals(new TextDecoder().decode(Deno.readFileSync(path)).includes("output"), false);
    });
  });

  /** Runs the program from a line of the shell, where it is "$@". */
  function runInShell(line: string, path: string, end: string): Promise<Deno.CommandOutput> {
    const deno = [Deno.execPath(), "run", "-A", "--no-check", CHILD, path, end, "key"];
    return new Deno.Command("sh", { args: ["-c", line, "sh", ...deno], stderr: "inherit" })
      .output();
  }

  // denoland/deno issue 20116, Level/levelup issue 667: "database is locked", or a panic.
  it("several processes start at once on a file that is not there yet", async () => {
    await inTempDir(async (dir) => {
      const path = `${dir}/a.quire`;
      const keys = ["1", "2", "3", "4"];
      const run = (key: string) => runProgram(CHILD, [path, "close", key], { path });
      const outcomes = await Promise.all(keys.map(run));
      assertEquals(outcomes.map(({ code, err }) => [code, err]), keys.map(() => [0, ""]));
      using db = open(path);
      assertEquals(db.tree("keys", { key: string }).keys().toArray(), keys);
    });
  });
});
