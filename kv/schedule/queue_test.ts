/** The queue: order, concurrency, delays, and messages that no handler accepts. */

import { setTimeout } from "node:timers/promises";
import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertLessOrEqual,
  assertMatch,
  assertRejects,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { IoError, open, type OpenOptions, tuple } from "../../mod.ts";
import { reportsOf } from "../../tests/support/reports.ts";
import { inTempDir } from "../../tests/support/temp.ts";
import { treesOf } from "../format/trees.ts";
import { openKv } from "../open.ts";

/** A codec of bytes that opens a tree of any codec. */
const NAMELESS = {
  encode: (value: Uint8Array): Uint8Array => value,
  decode: (bytes: Uint8Array): Uint8Array => bytes,
};
/** A message that is cut off. */
const CUT = new Uint8Array([9]);

describe("the queue", () => {
  it("delivers each message once, in order, when handlers succeed", async () => {
    using db = open(":memory:");
    const kv = await openKv(db);
    const seen: number[] = [];
    const ended = kv.listenQueue((n: number) => {
      seen.push(n);
      if (seen.length === 500) kv.close();
    });
    const operation = kv.atomic();
    for (let i = 0; i < 500; i++) operation.enqueue(i);
    await operation.commit();
    await ended;
    assertEquals(seen, seen.map((_, i) => i));
  });

  it("has at most 100 messages in the hands of handlers", async () => {
    const kv = await openKv(":memory:");
    let now = 0;
    let most = 0;
    let done = 0;
    const ended = kv.listenQueue(async () => {
      most = Math.max(most, ++now);
      await setTimeout(1);
      now--;
      if (++done === 300) kv.close();
    });
    const operation = kv.atomic();
    for (let i = 0; i < 300; i++) operation.enqueue(i);
    await operation.commit();
    await ended;
    assertEquals(most, 100);
  });

  it("shares messages among listeners of all handles", async () => {
    using db = open(":memory:");
    const [a, b] = [await openKv(db), await openKv(db)];
    const seen = [0, 0];
    const all = Promise.withResolvers<void>();
    const handler = (at: 0 | 1) => () => {
      seen[at]!++;
      if (seen[0]! + seen[1]! === 10) all.resolve();
    };
    const ended = [a.listenQueue(handler(0)), b.listenQueue(handler(1))];
    const operation = a.atomic();
    for (let i = 0; i < 10; i++) operation.enqueue(i);
    await operation.commit();
    await all.promise;
    a.close();
    b.close();
    await Promise.all(ended);
    assertEquals(seen, [5, 5]);
  });

  it("is refused where no message can be taken out, or other processes could take it too", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/a.quire`;
      const refused: [OpenOptions, string][] = [
        [{ readOnly: true }, "read-only"],
        [{ follow: true }, "to follow it"],
        [{ shared: true }, "share the database"],
      ];
      {
        using kv = await openKv(path);
        await kv.enqueue("kept");
      }
      for (const [options, message] of refused) {
        using db = open(path, options);
        using kv = await openKv(db);
        const listen = () => kv.listenQueue(() => assert(false, "it is delivered"));
        await assertRejects(listen, TypeError, message);
        assertEquals(treesOf(db).queue.count(), 1);
      }
    }));

  it("waits for a delay, and never delivers early", async () => {
    const kv = await openKv(":memory:");
    const order: string[] = [];
    const date = Date.now() + 60;
    const ended = kv.listenQueue((text: string) => {
      order.push(text);
      if (text === "late") assertGreaterOrEqual(Date.now(), date);
      if (order.length === 2) kv.close();
    });
    await kv.atomic().enqueue("late", { delay: 60 }).enqueue("soon").commit();
    await ended;
    assertEquals(order, ["soon", "late"]);
  });

  it("keeps a message whose handler did not end before the close", async () => {
    using db = open(":memory:");
    const first = await openKv(db);
    const began = Promise.withResolvers<void>();
    const never = new Promise<void>(() => {});
    const ended = first.listenQueue(() => {
      began.resolve();
      return never;
    });
    await first.enqueue("kept");
    await began.promise;
    first.close();
    await ended;
    assertEquals(treesOf(db).queue.count(), 1);
    const second = await openKv(db);
    const again = second.listenQueue((message: string) => {
      assertEquals(message, "kept");
      second.close();
    });
    await again;
    assertLessOrEqual(treesOf(db).queue.count(), 1);
  });

  it("sets messages aside that cannot be read, reports them, and delivers the others", async () => {
    using db = open(":memory:");
    const kv = await openKv(db);
    const unreadable = new Uint8Array([0, 0, 0, 0, 0, 0xff, 99]); // an unknown version of V8
    await db.write((tx) => {
      const queue = tx.tree("kv.queue", { key: tuple, value: NAMELESS });
      queue.set([0, 0, 0], CUT);
      queue.set([0, 0, 1], unreadable);
    });
    const reports = await reportsOf(async () => {
      const ended = kv.listenQueue((message) => {
        assertEquals(message, "behind");
        kv.close();
      });
      await kv.enqueue("behind");
      await ended;
    });
    const [queue, aside] = [treesOf(db).queue, treesOf(db).aside];
    assertEquals(queue.count(), 0);
    assertEquals(aside.entries().toArray(), [[[0, 0, 0], CUT], [[0, 0, 1], unreadable]]);
    assertEquals(reports.length, 2);
    assertMatch(reports[0]!, /^A message of the queue cannot be read, and is in kv\.queue\.aside/);
  });

  it("reports a failure of the database once, and delivers when it has passed", async () => {
    using db = open(":memory:");
    const kv = await openKv(db);
    const write = db.write.bind(db);
    let failures = 0;
    db.write = (body) => {
      if (failures++ < 3) return Promise.reject(new IoError("no space left"));
      return write(body);
    };
    const seen: unknown[] = [];
    const reports = await reportsOf(async () => {
      await write((tx) => {
        const payload = new Uint8Array([0xff, 16, 0x30]);
        const message = { payload, backoffSchedule: [], keysIfUndelivered: [] };
        for (let i = 0; i < 3; i++) tx.tree(treesOf(db).queue).set([0, 0, i], message);
      });
      const ended = kv.listenQueue((message) => void seen.push(message));
      while (treesOf(db).queue.count() > 0) await setTimeout(20);
      kv.close();
      await ended;
    });
    assertEquals(seen, [null, null, null, null, null, null]);
    assertEquals(reports.length, 1);
    assertMatch(
      reports[0]!,
      /^Cannot deliver messages of the queue; it is tried again: .*no space/,
    );
  });

  it("leaves what a closed handle did not handle to other listeners", async () => {
    using db = open(":memory:");
    const closing = await openKv(db);
    using other = await openKv(db);
    const seen = new Set<unknown>();
    const all = Promise.withResolvers<void>();
    const COUNT = 50;
    const { error } = console;
    console.error = () => {};
    try {
      const ended = closing.listenQueue(async (message) => {
        closing.close();
        await closing.get(["a"]);
        seen.add(message);
      });
      for (let i = 0; i < COUNT; i++) await other.enqueue(i, { backoffSchedule: [] });
      await ended;
      void other.listenQueue((message) => {
        seen.add(message);
        if (seen.size === COUNT) all.resolve();
      });
      await all.promise;
    } finally {
      console.error = error;
    }
  });

  it("sets keysIfUndelivered after the last wait of the schedule", async () => {
    using db = open(":memory:");
    using kv = await openKv(db);
    let deliveries = 0;
    const { error } = console;
    console.error = () => {};
    try {
      void kv.listenQueue(() => {
        deliveries++;
        throw new Error("refused");
      });
      const options = { backoffSchedule: [1, 1, 1], keysIfUndelivered: [["lost"]] };
      await kv.enqueue({ text: "lost" }, options);
      for await (const [entry] of kv.watch([["lost"]])) {
        if (entry.versionstamp !== null) break;
      }
    } finally {
      console.error = error;
    }
    assertEquals(deliveries, 4);
    assertEquals((await kv.get(["lost"])).value, { text: "lost" });
    assertEquals(treesOf(db).queue.count(), 0);
  });
});
