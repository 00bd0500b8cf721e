/**
 * A message is delivered once its commit is durable: a crash may undo the commit, but not what a
 * handler has done.
 */

import { setTimeout } from "node:timers/promises";
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { openKv } from "../../kv/mod.ts";
import { MemoryFile, Pager } from "../../pager/mod.ts";
import { Database } from "../../store/database.ts";
import { Session } from "../../store/write/session.ts";
import { FLIES } from "../support/databases/flush_policies.ts";

/** A file whose syncs end when the test says so, from the call of `wait` on. */
class WaitingFile extends MemoryFile {
  #ends: PromiseWithResolvers<void> | undefined;

  wait(): PromiseWithResolvers<void> {
    return this.#ends = Promise.withResolvers<void>();
  }

  override startSync(): Promise<void> {
    return this.#ends?.promise ?? super.startSync();
  }
}

describe("a message", () => {
  it("is delivered only when its commit is durable", async () => {
    const file = new WaitingFile();
    using db = new Database(new Session(new Pager(file), "sync", false, FLIES));
    using kv = await openKv(db);
    await kv.set(["first"], 1);
    const seen: unknown[] = [];
    const handler = (message: unknown) => void seen.push(message);
    const listening = [kv.listenQueue(handler)];
    const sync = file.wait();
    const sent = kv.enqueue("m");
    // It looks for messages at once.
    listening.push(kv.listenQueue(handler));
    await setTimeout(1);
    assertEquals(seen, []);
    sync.resolve();
    await sent;
    while (seen.length === 0) await setTimeout(1);
    assertEquals(seen, ["m"]);
    kv.close();
    await Promise.all(listening);
  });

  it("is delivered only then although the handle that sent it is closed", async () => {
    const file = new WaitingFile();
    using db = new Database(new Session(new Pager(file), "sync", false, FLIES));
    const sender = await openKv(db);
    await sender.set(["first"], 1);
    const sync = file.wait();
    const sent = sender.enqueue("m");
    sender.close();
    const kv = await openKv(db);
    const seen: unknown[] = [];
    const ended = kv.listenQueue((message) => void seen.push(message));
    await setTimeout(1);
    assertEquals(seen, []);
    sync.resolve();
    await sent;
    while (seen.length === 0) await setTimeout(1);
    assertEquals(seen, ["m"]);
    kv.close();
    await ended;
  });
});
