/**
 * `kill -9` of a worker at any moment loses no message of the queue, and handlers that claim their
 * messages do no work twice.
 *
 * QUIRE_KILLS=N kills N workers in turn, on the same file; QUIRE_SEED=N chooses the moments.
 */

import { setTimeout } from "node:timers/promises";
import { assertEquals, assertGreater } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import { type KvU64, openKv } from "../../kv/mod.ts";
import { open } from "../../mod.ts";
import { linesOf } from "../support/programs/program.ts";
import { Random } from "../support/random.ts";
import { inTempDir } from "../support/temp.ts";

const CHILD = fromFileUrl(new URL("./support/queue_child.ts", import.meta.url));
const KILLS = Number(Deno.env.get("QUIRE_KILLS") ?? 5);
/** The most messages that a worker does before it is to be killed. */
const DONE_MAX = 300;
/** How many it begins meanwhile at most, however late the kill comes. */
const MORE = 50;
/** Some are left when all workers are dead. */
const MESSAGES = KILLS * (DONE_MAX + MORE) + 250;

/** Runs a worker that first adds messages, and kills it when it has done the work of some. */
async function workAndDie(path: string, count: number, done: number): Promise<void> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "-q", "--no-check", CHILD, path, String(count), String(done + MORE)],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let lines = 0;
  for await (const _ of linesOf(child.stdout)) if (++lines === done) child.kill("SIGKILL");
  assertEquals((await child.status).signal, "SIGKILL");
}

describe("kill -9 of workers", () => {
  it("loses no message, and lets none be worked on twice", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/queue.quire`;
      const random = new Random(Number(Deno.env.get("QUIRE_SEED") ?? 1));
      for (let i = 0; i < KILLS; i++) {
        await workAndDie(path, i === 0 ? MESSAGES : 0, 1 + random.below(DONE_MAX));
      }
      const kv = await openKv(path);
      const left = MESSAGES - (await Array.fromAsync(kv.list({ prefix: ["done"] }))).length;
      const seen = new Set<number>();
      const ended = kv.listenQueue(async (message: number) => {
        seen.add(message);
        const claim = { key: ["done", message], versionstamp: null };
        await kv.atomic().check(claim).set(claim.key, true).sum(["works", message], 1n).commit();
      });
      const count = async (name: string) =>
        (await Array.fromAsync(kv.list({ prefix: [name] }, { batchSize: 500 }))).length;
      while (await count("done") < MESSAGES) await setTimeout(5);
      const works = await Array.fromAsync(kv.list<KvU64>({ prefix: ["works"] }));
      kv.close();
      await ended;
      assertEquals(works.length, MESSAGES);
      assertEquals(works.filter(({ value }) => value.value !== 1n), []);
      console.log(
        `kill -9: ${KILLS} workers, ${left} of ${MESSAGES} messages left to the last one`,
      );
      assertGreater(left, 0);
      assertGreater(MESSAGES, left);
      assertGreater(seen.size, left - 1);
      using db = open(path);
      assertEquals((await db.verify()).ok, true);
    }));
});
