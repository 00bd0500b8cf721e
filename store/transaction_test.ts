// The public interface of transactions: the trees of a `tx`, its end, and the calls that are
// refused while it is open.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ClosedError, MemoryFile } from "../pager/mod.ts";
import { change, openOn } from "../tests/support/databases/database.ts";
import type { Transaction } from "./transaction.ts";
import type { TransactionTree } from "./write/transaction_tree.ts";

const VALUE = new Uint8Array([1]);

describe("a transaction", () => {
  it("gives trees by name or by handle", () => {
    const db = openOn(new MemoryFile());
    db.writeSync((tx) => {
      const tree = tx.tree("a");
      assert(tx.tree(db.tree("a")) === tx.tree(db.tree("a")));
      tree.set("key", VALUE);
      const others = [db.tree("a"), tx.tree("a"), tx.tree(db.tree("a"))];
      for (const other of [tree, ...others]) assertEquals(other.get("key"), VALUE);
      assertEquals(tree.count(), 1);
      assertEquals([tree.delete("key"), tree.delete("key"), tree.load([["b", VALUE]])], [
        true,
        false,
        1,
      ]);
      assertEquals([tree.deleteRange({ gte: "b" }), tree.clear()], [1, 0]);
    });
    db.close();
  });

  it("refuses a tree of another database, and a bad name", () => {
    const db = openOn(new MemoryFile());
    const other = openOn(new MemoryFile());
    db.writeSync((tx) => {
      assertThrows(() => tx.tree(other.tree("a")), TypeError, "of another database");
      assertThrows(() => tx.tree(""), RangeError);
      assertThrows(() => tx.tree(1 as unknown as string), TypeError);
    });
    db.close();
    other.close();
  });

  it("is over when its callback has ended, well or not, and so are its trees", () => {
    const db = openOn(new MemoryFile());
    change(db, "a", (tree) => tree.set("key", VALUE));
    for (const fails of [false, true]) {
      const left: { tx?: Transaction; tree?: TransactionTree } = {};
      const run = (tx: Transaction) => {
        Object.assign(left, { tx, tree: tx.tree("a") });
        left.tree!.get("key");
        if (fails) throw new Error("back");
      };
      if (fails) assertThrows(() => db.writeSync(run), Error, "back");
      else db.writeSync(run);
      const tree = left.tree!;
      const uses: (() => unknown)[] = [
        () => left.tx!.tree("a"),
        () => tree.get("key"),
        () => tree.has("key"),
        () => tree.count(),
        () => tree.keys().next(),
        () => tree.set("key", VALUE),
        () => tree.delete("key"),
        () => tree.deleteRange(),
        () => tree.clear(),
        () => tree.load([]),
      ];
      for (const use of uses) {
        assertThrows(use, ClosedError, "the transaction: it has ended", use.toString());
        // Not even inside the next transaction.
        db.writeSync(() => assertThrows(use, ClosedError));
      }
    }
    assertEquals(db.tree("a").get("key"), VALUE);
    db.close();
  });

  it("of a savepoint is over before the one around it", () => {
    const db = openOn(new MemoryFile());
    db.writeSync((outer) => {
      const inner = db.writeSync((tx) => tx.tree("a"));
      assertThrows(() => inner.set("key", VALUE), ClosedError);
      outer.tree("a").set("key", VALUE);
    });
    assertEquals(db.tree("a").count(), 1);
    db.close();
  });
});

describe("dropTree() and renameTree() inside a write", () => {
  const openWithTree = () => {
    const db = openOn(new MemoryFile());
    const tree = db.tree("a");
    db.writeSync((tx) => tx.tree(tree).set("key", VALUE));
    return { db, tree };
  };

  it("take part in it: are seen there at once, and undone with it", () => {
    const { db, tree } = openWithTree();
    const changes: ((tx: Transaction) => void)[] = [
      (tx) => {
        assert(db.dropTree("a"));
        assertEquals([tx.tree("a").has("key"), db.trees()], [false, []]);
      },
      (tx) => {
        db.renameTree("a", "b");
        assertEquals([tx.tree("b").has("key"), tx.tree(tree).has("key")], [true, false]);
      },
    ];
    for (const change of changes) {
      const failing = (tx: Transaction) => {
        change(tx);
        throw new Error("not this");
      };
      assertThrows(() => db.writeSync(failing), Error, "not this");
      assertEquals([db.version, db.trees(), tree.has("key")], [1, ["a"], true]);
    }
    db.close();
  });

  it("are one commit with all else in it", () => {
    const { db, tree } = openWithTree();
    db.writeSync((tx) => {
      db.renameTree("a", "b");
      tx.tree("b").set("other", VALUE);
    });
    assertEquals([db.version, db.trees(), db.tree("b").count(), tree.count()], [2, ["b"], 2, 0]);
    db.writeSync((tx) => {
      db.dropTree("b");
      tx.tree("b").set("new", VALUE);
    });
    assertEquals([db.version, db.trees(), db.tree("b").count()], [3, ["b"], 1]);
    db.close();
  });
});

describe("a change of nothing", () => {
  it("leaves the file as it is, and makes no tree", () => {
    const file = new MemoryFile();
    openOn(file).close();
    const before = file.content();
    const db = openOn(file);
    const changes: (() => unknown)[] = [
      () => db.writeSync((tx) => tx.tree("a").load([])),
      () => db.writeSync((tx) => tx.tree("a").delete("key")),
      () => db.writeSync((tx) => tx.tree("a").clear()),
      () => db.dropTree("a"),
      () => assertThrows(() => db.renameTree("a", "b"), RangeError, "it does not exist"),
      () => db.writeSync(() => assertThrows(() => db.renameTree("a", "b"), RangeError)),
    ];
    for (const each of changes) {
      each();
      assertEquals([db.version, db.trees(), db.stats().pageCount], [0, [], 3], each.toString());
    }
    db.close();
    assertEquals(file.content(), before);
  });

  it("in a tree that has entries makes no version, and writes and syncs nothing", async () => {
    const db = openOn(new MemoryFile());
    const keyOf = (number: number) => `key ${10_000 + number}`;
    change(db, "a", (tree) => {
      for (let i = 0; i < 2000; i += 2) {
        tree.set(keyOf(i), new Uint8Array(i % 100 === 0 ? 9000 : 99));
      }
    });
    change(db, "empty", (tree) => tree.set("key", VALUE));
    change(db, "empty", (tree) => tree.delete("key"));
    const changes: Record<string, () => unknown> = {
      "clear() of an empty tree": () => db.tree("empty").clear(),
      "clear() of no tree": () => db.tree("none").clear(),
      "clear() in a transaction": () => db.write((tx) => tx.tree("empty").clear()),
      "deleteRange() in an empty tree": () => db.tree("empty").deleteRange({ gte: "k" }),
      "deleteRange() before all": () => db.tree("a").deleteRange({ lt: keyOf(0) }),
      "deleteRange() after all": () => db.tree("a").deleteRange({ gt: keyOf(1998) }),
      "deleteRange() the wrong way round": () => {
        return db.tree("a").deleteRange({ gte: keyOf(1500), lt: keyOf(400) });
      },
      "delete()": () => db.tree("a").delete("none"),
      "setIfAbsent()": () => db.tree("a").setIfAbsent(keyOf(0), VALUE),
      "compareAndSet()": () => db.tree("a").compareAndSet(keyOf(0), VALUE, undefined),
      "compareAndSet() of no entry": () => db.tree("a").compareAndSet("none", undefined, undefined),
      "update() to no entry": () => db.tree("a").update("none", () => undefined),
      "setMany() of nothing": () => db.tree("a").setMany([]),
      "load() of nothing": () => db.tree("a").load([]),
      "dropTree()": () => db.dropTree("none"),
      "write()": () => db.write(() => {}),
      "write() around write()": () => db.write(() => db.writeSync(() => {})),
    };
    for (let i = 1; i < 2000; i += 2) {
      changes[`deleteRange() between ${i - 1} and ${i + 1}`] = () => {
        return db.tree("a").deleteRange({ gte: keyOf(i), lt: keyOf(i + 1) });
      };
    }
    const figures = () => {
      const { version, journalBatches, journalSyncs, journalBytesWritten } = db.stats();
      return [version, journalBatches, journalSyncs, journalBytesWritten];
    };
    const before = figures();
    for (const [what, change] of Object.entries(changes)) {
      await change();
      assertEquals(figures(), before, what);
    }
    assertEquals(db.tree("a").count(), 1000);
    db.close();
  });

  it("loads no less for looking at the first entry, and heeds an error there", () => {
    const db = openOn(new MemoryFile());
    const load = (entries: Iterable<[string, Uint8Array]>) =>
      db.writeSync((tx) => tx.tree("a").load(entries));
    const failing = function* (): Generator<[string, Uint8Array]> {
      if (db.version >= 0) throw new Error("no entries");
      yield ["a", VALUE];
    };
    assertThrows(() => load(failing()), Error, "no entries");
    assertEquals(load([["a", VALUE], ["b", VALUE], ["c", VALUE]]), 3);
    assertEquals(load([["d", VALUE], ["a", VALUE]]), 2);
    assertEquals([...db.tree("a").keys()].length, 4);
    db.close();
  });
});

describe("a load of entries in any order", () => {
  const COUNT = 20_000;
  /** The keys of the numbers below `COUNT`, in an order of no help. */
  const shuffled = function* (salt: number): Generator<[string, Uint8Array]> {
    // 7,919 has no divisor in common with the number of keys.
    for (let i = 0; i < COUNT; i++) {
      yield [keyAt(i * 7919 % COUNT), bytesAt(i * 7919 % COUNT, salt)];
    }
  };
  const keyAt = (number: number) => `key ${String(number).padStart(6, "0")}`;
  const bytesAt = (number: number, salt: number) => {
    const bytes = new Uint8Array(number % 1000 === 0 ? 50_000 : 8);
    new DataView(bytes.buffer).setUint32(0, number + salt);
    return bytes;
  };

  it("fills an empty tree as a load in key order does, and changes one that has entries", () => {
    const db = openOn(new MemoryFile());
    const load = (name: string, given: Iterable<[string, Uint8Array]>) => {
      return db.writeSync((tx) => tx.tree(name).load(given, { unordered: name === "any" }));
    };
    assertEquals(load("any", shuffled(0)), COUNT);
    assertEquals(load("ordered", [...shuffled(0)].sort(([a], [b]) => a < b ? -1 : 1)), COUNT);
    const leaves = (name: string) => db.tree(name).stats()!.leafPages;
    assertEquals(leaves("any"), leaves("ordered"));
    assertEquals(load("any", [...shuffled(1), ["last", VALUE], ["last", VALUE]]), COUNT + 1);
    let number = 0;
    for (const [key, value] of db.tree("any").entries()) {
      if (number === COUNT) break;
      assertEquals(new TextDecoder().decode(key), keyAt(number));
      assertEquals(value, bytesAt(number++, 1));
    }
    assertEquals([number, db.tree("any").count()], [COUNT, COUNT + 1]);
    db.close();
  });

  it("is refused, and nothing is left, if its source drops the tree or throws", () => {
    const db = openOn(new MemoryFile());
    change(db, "a", (tree) => tree.set("a", VALUE));
    const { pagesOfKind } = db.census();
    const endings = [
      () => void db.dropTree("a"),
      () => {
        throw new TypeError("no more entries");
      },
    ];
    for (const end of endings) {
      assertThrows(() => {
        db.writeSync((tx) => {
          const source = function* (): Generator<[string, Uint8Array]> {
            yield* shuffled(0);
            end();
            yield ["b", VALUE];
          };
          tx.tree("a").load(source(), { unordered: true });
        });
      }, TypeError);
      assertEquals([...db.tree("a").keys()].length, 1);
      assertEquals(db.census().pagesOfKind, pagesOfKind);
    }
    db.close();
  });
});

describe("what was read", () => {
  it("can be put elsewhere in the same page, as value and as key", () => {
    const db = openOn(new MemoryFile());
    change(db, "a", (tree) => {
      for (let i = 0; i < 60; i++) tree.set(`key ${100 + i}`, new Uint8Array(100).fill(i));
      for (let i = 0; i < 60; i++) tree.set(`key ${100 + i}`, tree.get(`key ${100 + 59 - i}`)!);
      for (const [key, value] of tree.entries({ prefix: "key 15" })) {
        tree.set(value, key);
        tree.delete(key);
      }
    });
    const entries = [...db.tree("a")];
    // The second half was set to the first, which had been set to the second.
    const fills = Array.from({ length: 50 }, (_, i) => i < 30 ? 59 - i : i);
    const keys = entries.filter(([key]) => key.length === 7);
    assertEquals(keys.map(([, value]) => value[0]), fills);
    const others = entries.filter(([key]) => key.length === 100);
    const text = new TextDecoder();
    assertEquals(others.map(([key, value]) => `${key[0]} ${text.decode(value)}`), [
      "50 key 150",
      "51 key 151",
      "52 key 152",
      "53 key 153",
      "54 key 154",
      "55 key 155",
      "56 key 156",
      "57 key 157",
      "58 key 158",
      "59 key 159",
    ]);
    db.close();
  });
});

describe("Database.write()", () => {
  it("runs at once, and resolves with what the callback returned", async () => {
    const db = openOn(new MemoryFile());
    const promise = db.write((tx) => {
      tx.tree("a").set("key", VALUE);
      return 7;
    });
    assertEquals([db.tree("a").count(), db.version, db.durableVersion], [1, 1, 0]);
    assertEquals([await promise, db.durableVersion], [7, 1]);
    db.close();
  });

  it("rejects with what the callback threw, and nothing of it has happened", async () => {
    const db = openOn(new MemoryFile());
    const error = new Error("back");
    const thrown = await assertRejects(() =>
      db.write((tx) => {
        tx.tree("a").set("key", VALUE);
        throw error;
      })
    );
    assertEquals([thrown === error, db.trees(), db.version], [true, [], 0]);
    db.close();
  });

  it("inside a transaction is a savepoint of it", async () => {
    const db = openOn(new MemoryFile());
    const promises: Promise<unknown>[] = [];
    db.writeSync((outer) => {
      outer.tree("a").set("kept", VALUE);
      promises.push(db.write((tx) => tx.tree("a").set("too", VALUE)));
      const failed = db.write((tx) => {
        tx.tree("a").clear();
        throw new Error("back");
      });
      promises.push(assertRejects(() => failed, Error, "back"));
    });
    await Promise.all(promises);
    assertEquals([db.tree("a").count(), db.version], [2, 1]);
    db.close();
  });

  it("takes an object for a promise only where its then can be called", async () => {
    const db = openOn(new MemoryFile());
    const plain = { then: "later" };
    assertEquals(db.writeSync(() => plain), plain);
    assertEquals(await db.write(() => plain), plain);
    const thenable = { then: () => {} };
    const callable = Object.assign(() => {}, thenable);
    for (const each of [thenable, callable, Promise.reject(new Error("late"))]) {
      assertThrows(() => db.writeSync(() => each), TypeError, "the callback is asynchronous");
    }
    db.close();
  });

  it("refuses a generator, whose body would never run", async () => {
    const db = openOn(new MemoryFile());
    const tree = db.tree("a");
    await tree.set("a", new Uint8Array(1));
    const ran: string[] = [];
    const generator = function* () {
      yield ran.push("sync");
    };
    const later = async function* () {
      yield ran.push(await Promise.resolve("async"));
    };
    for (const each of [generator, later]) {
      const given = each as never;
      assertThrows(
        () => db.writeSync(given),
        TypeError,
        "Cannot write: the callback is a generator",
      );
      await assertRejects(() => db.write(given), TypeError, "Cannot write: the callback is a gen");
      assertThrows(() => tree.visit({}, given), TypeError, "Cannot visit: the function is a gen");
      assertThrows(() => tree.visitViews({}, given), TypeError, "Cannot visit: the function");
      await assertRejects(() => tree.update("a", given), TypeError, "the change is a generator");
    }
    // What a callback returns may be a generator.
    assertEquals([...db.writeSync(() => [1, 2].values())], [1, 2]);
    assertEquals([...db.writeSync(() => generator())], [1]);
    assertEquals([ran, db.version], [["sync"], 1]);
    db.close();
  });

  it("refuses a durability that there is not", async () => {
    const db = openOn(new MemoryFile());
    const options = { durability: "maybe" } as never;
    assertThrows(() => db.writeSync(() => {}, options), TypeError, "durability cannot be maybe");
    await assertRejects(async () => await db.write(() => {}, options), TypeError, "maybe");
    db.close();
  });
});
