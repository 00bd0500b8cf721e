// StoreCalls: what repeats, and what ends, where a store fails or never answers.

import { setImmediate } from "node:timers/promises";
import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { IoError } from "../../pager/mod.ts";
import { MemoryStore } from "../../tests/support/databases/memory_store.ts";
import { OwnedTime } from "../../tests/support/databases/owned_time.ts";
import { StoreCalls } from "./store_calls.ts";

const NEVER = new Promise<void>(() => {});
const ANSWER_MS = 5 * 60_000;

/** Calls of a store that never answers, in time that the test owns. */
function unanswered() {
  const time = new OwnedTime();
  // Time passes while somebody sleeps.
  void time.rest(Infinity, undefined);
  const pass = async (ms: number) => {
    await time.pass(ms);
    await setImmediate();
  };
  const store = new MemoryStore();
  store.before = () => NEVER;
  const end = new AbortController();
  return { pass, store, end, calls: new StoreCalls(store, end.signal, time) };
}

describe("StoreCalls", () => {
  it("repeats a call that is not answered, and says so", async () => {
    const { calls, store, pass } = unanswered();
    const listed = calls.list();
    await pass(ANSWER_MS - 1);
    assertEquals(calls.failures, 0);
    await pass(1);
    assertEquals([calls.failures, calls.failure], [1, "no answer within 5 minutes"]);
    await pass(50);
    await pass(ANSWER_MS);
    assertEquals(calls.failures, 2);
    store.before = () => {};
    await pass(100);
    assertEquals(await listed, []);
    assertEquals([calls.failures, calls.failure], [2, undefined]);
  });

  it("in haste ends with a call that is not answered", async () => {
    const { calls, pass } = unanswered();
    const put = assertRejects(() => calls.put("a", new Uint8Array(1)), IoError);
    calls.hurry();
    await pass(ANSWER_MS);
    assertMatch((await put).message, /^Cannot write the archive: no answer within 5 minutes/);
  });

  it("ends at once at its signal", async () => {
    const { calls, end } = unanswered();
    const ended = assertRejects(() => calls.get("a"), Error, "enough");
    end.abort(new Error("enough"));
    await ended;
  });
});
