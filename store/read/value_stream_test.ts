// getStream() and getRange(): every length, from the database, from a snapshot, and during changes;
// the events that end a stream, and the version that it keeps.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ClosedError, CorruptionError, MemoryFile, SnapshotTooOldError } from "../../pager/mod.ts";
import { openBoth, type Opened } from "../../tests/support/databases/database.ts";
import { collectUntil } from "../../tests/support/garbage.ts";
import { sameBytes, valueOf } from "../../tests/support/trees/trees.ts";
import { ReadTree } from "./read_tree.ts";
import { TreeFormat } from "./tree_format.ts";
import type { TreeSource } from "./tree_source.ts";

const MIB = 1024 * 1024;
const LENGTHS = [0, 1, 2048, 2049, 8192, 65_536, 65_537, 255 * 8192, 255 * 8192 + 1, 3 * MIB + 7];

function plant(options = {}): Opened {
  const opened = openBoth(new MemoryFile(), options);
  opened.db.writeSync((tx) => {
    for (const bytes of LENGTHS) tx.tree("main").set(`key ${bytes}`, value(bytes));
  });
  return opened;
}

type Key = Uint8Array | string;

function treeIn(source: TreeSource, name: string): ReadTree {
  return new ReadTree(source, name, new TreeFormat<Uint8Array, Uint8Array, Key, never, Key>({}));
}

function getStream(source: TreeSource, name: string, key: Key) {
  return treeIn(source, name).getStream(key);
}

function getRange(source: TreeSource, name: string, key: Key, start?: number, end?: number) {
  return treeIn(source, name).getRange(key, start, end);
}

const value = (bytes: number) => valueOf({ bytes, salt: bytes });

async function readAll(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of stream) pieces.push(piece);
  return new Uint8Array(await new Blob(pieces as Uint8Array<ArrayBuffer>[]).arrayBuffer());
}

/** A source of trees as snapshots have it. */
function frozen({ session }: Opened) {
  const pages = session.pager.snapshot();
  return {
    pages,
    epoch: 0,
    slab: session.slab,
    checkOpen: () => session.checkOpen(),
    views: undefined,
    findTree: (name: string) => {
      const found = session.findTree(name);
      return found && { ...found, btree: found.btree.readFrom(pages) };
    },
    followsChanges: false,
    keepVersion: () => undefined,
  };
}

describe("getStream()", () => {
  it("gives values of all lengths in pieces of at most 64 KiB, none of them empty", async () => {
    const { session } = plant();
    for (const bytes of LENGTHS) {
      const stream = getStream(session, "main", `key ${bytes}`)!;
      const checked = stream.pipeThrough(
        new TransformStream<Uint8Array, Uint8Array>({
          transform(piece, controller) {
            assert(piece.length > 0 || bytes === 0);
            assert(piece.length <= 65_536);
            assertEquals(piece.buffer.byteLength, piece.length);
            controller.enqueue(piece);
          },
        }),
      );
      const found = await readAll(checked);
      assertEquals(found.length, bytes);
      assert(sameBytes(found, value(bytes)));
      assertEquals(session.pager.stats().snapshots, 0);
    }
  });

  it("is undefined where there is no such key or tree, and keeps nothing", () => {
    const { session } = plant();
    assertEquals(getStream(session, "main", "none"), undefined);
    assertEquals(getStream(session, "none", "none"), undefined);
    assertEquals(session.pager.stats().snapshots, 0);
  });

  it("shows one version, whatever happens to the value, the tree and the file", async () => {
    for (const bytes of [2000, 3 * MIB + 7]) {
      const { db, session } = plant({ cacheBytes: 8 * MIB });
      db.tree("main").set(`key ${bytes}`, value(bytes));
      const reader = getStream(session, "main", `key ${bytes}`)!.getReader();
      db.dropTree("main");
      for (let salt = 0; salt < 6; salt++) {
        db.tree("main").set(`key ${salt}`, valueOf({ bytes: MIB, salt }));
      }
      db.checkpoint();
      for (let at = 0; at < bytes;) {
        const piece = (await reader.read()).value!;
        assert(sameBytes(piece, value(bytes).subarray(at, at + piece.length)));
        piece.fill(0);
        at += piece.length;
      }
      assertEquals((await reader.read()).done, true);
      assertEquals(session.pager.stats().snapshots, 0);
    }
  });

  it("reads a piece when it is asked for one", async () => {
    const opened = plant();
    let checks = 0;
    const source = { ...frozen(opened), checkOpen: () => void checks++ };
    const reader = getStream(source, "main", `key ${3 * MIB + 7}`)!.getReader();
    await new Promise((resolve) => setTimeout(resolve, 5));
    assertEquals(checks, 1);
    for (let pieces = 1; pieces < 5; pieces++) {
      await reader.read();
      await new Promise((resolve) => setTimeout(resolve, 1));
      assertEquals(checks, 1 + pieces);
    }
    await reader.cancel();
    source.pages.close();
  });

  it("lets its version go with the last piece, when cancelled, and when it fails", async () => {
    const { session } = plant();
    const { pager } = session;
    const key = `key ${65_537}`;
    const read = getStream(session, "main", key)!.getReader();
    assertEquals(pager.stats().snapshots, 1);
    await read.read();
    assertEquals(pager.stats().snapshots, 1);
    await read.read();
    assertEquals(pager.stats().snapshots, 0);
    await getStream(session, "main", key)!.cancel();
    assertEquals(pager.stats().snapshots, 0);
    for await (const _ of getStream(session, "main", key)!) break;
    assertEquals(pager.stats().snapshots, 0);
    const failing = getStream(session, "main", key)!;
    session.checkOpen = () => {
      throw new Error("no more");
    };
    await assertRejects(() => readAll(failing), Error, "no more");
    // Idle work calls `checkOpen` too.
    Reflect.deleteProperty(session, "checkOpen");
    assertEquals(pager.stats().snapshots, 0);
  });

  it("fails with ClosedError after the database is closed", async () => {
    for (const bytes of [2000, 3 * MIB + 7]) {
      const { db, session } = plant();
      db.tree("main").set(`key ${bytes}`, value(bytes));
      const stream = getStream(session, "main", `key ${bytes}`)!;
      db.close();
      await assertRejects(() => readAll(stream), ClosedError);
      assertThrows(() => getStream(session, "main", "key"), ClosedError);
    }
  });

  it("fails with ClosedError after the snapshot it reads is closed", async () => {
    const opened = plant();
    const source = frozen(opened);
    const stream = getStream(source, "main", `key ${3 * MIB + 7}`)!;
    const reader = stream.getReader();
    await reader.read();
    source.pages.close();
    await assertRejects(() => reader.read(), ClosedError);
  });

  it("fails with SnapshotTooOldError when old pages become too many", async () => {
    const { db, session } = plant({ maxSnapshotBytes: 65_536 });
    const reader = getStream(session, "main", `key ${3 * MIB + 7}`)!.getReader();
    await reader.read();
    db.writeSync((tx) => tx.tree("main").clear());
    for (let i = 0; i < 30; i++) {
      db.writeSync((tx) => tx.tree(`tree ${i}`).set("a", value(10)));
    }
    db.writeSync((tx) => {
      for (let i = 0; i < 30; i++) tx.tree(`tree ${i}`).set("a", value(20));
    });
    await assertRejects(() => reader.read(), SnapshotTooOldError);
    assertEquals(session.pager.stats().snapshots, 0);
  });

  it("that the program loses half-way ends after a commit", async () => {
    const { db, session } = plant();
    const held = getStream(session, "main", `key ${3 * MIB + 7}`)!.getReader();
    await held.read();
    for (let i = 0; i < 10; i++) {
      await getStream(session, "main", `key ${3 * MIB + 7}`)!.getReader().read();
    }
    assertEquals(db.stats().snapshots, 11);
    db.writeSync((tx) => tx.tree("main").clear());
    assert(await collectUntil(() => db.stats().snapshots === 1));
    await held.cancel();
    assertEquals([db.stats().snapshots, db.stats().snapshotBytes], [0, 0]);
    db.close();
  });

  it("fails with CorruptionError where a page is damaged, after what is before", async () => {
    const file = new MemoryFile();
    const first = openBoth(file);
    first.db.writeSync((tx) => tx.tree("main").set("key", value(3 * MIB)));
    first.db.close();
    const content = file.content();
    content[content.length - 5000]! ^= 1;
    const { session } = openBoth(new MemoryFile(content));
    let pieces = 0;
    await assertRejects(async () => {
      for await (const _ of getStream(session, "main", "key")!) pieces++;
    }, CorruptionError);
    assert(pieces > 40);
    assertEquals(session.pager.stats().snapshots, 0);
  });

  it("is refused inside a transaction, which goes on", () => {
    const { db, session } = plant();
    db.writeSync((tx) => {
      assertThrows(() => getStream(session, "main", "key 2049"), TypeError, "transaction is open");
      tx.tree("main").set("after", value(10));
    });
    assert(db.tree("main").has("after"));
  });
});

describe("getRange()", () => {
  it("is what slice() is of every value", () => {
    const { session } = plant();
    const edges = [0, 1, 2047, 2048, 8191, 8192, 65_537, 255 * 8192, 3 * MIB, 3 * MIB + 8, 2 ** 40];
    for (const bytes of LENGTHS) {
      for (const start of edges) {
        for (const end of [undefined, ...edges]) {
          const found = getRange(session, "main", `key ${bytes}`, start, end)!;
          assert(sameBytes(found, value(bytes).subarray(start, end)), `${bytes}: ${start}..${end}`);
        }
      }
      assert(sameBytes(getRange(session, "main", `key ${bytes}`)!, value(bytes)));
    }
  });

  it("is undefined where there is no such key or tree", () => {
    const { session } = plant();
    assertEquals(getRange(session, "main", "none", 0, 1), undefined);
    assertEquals(getRange(session, "none", "none", 0, 1), undefined);
  });

  it("refuses invalid positions, and a database that is closed", () => {
    const { db, session } = plant();
    for (const bound of [-1, 0.5, NaN, Infinity, "1" as unknown as number]) {
      assertThrows(() => getRange(session, "main", "key 1", bound), RangeError);
      assertThrows(() => getRange(session, "main", "key 1", 0, bound), RangeError);
    }
    db.close();
    assertThrows(() => getRange(session, "main", "key 1"), ClosedError);
  });

  it("belongs to the caller, and sees the open transaction", () => {
    const { db, session } = plant();
    for (const bytes of [2048, 65_537]) {
      getRange(session, "main", `key ${bytes}`, 10, 20)!.fill(0);
      assert(sameBytes(db.tree("main").get(`key ${bytes}`)!, value(bytes)));
    }
    db.writeSync((tx) => {
      tx.tree("main").set("key 1", value(5000));
      const found = getRange(session, "main", "key 1", 4990)!;
      assert(sameBytes(found, value(5000).subarray(4990)));
    });
  });
});
