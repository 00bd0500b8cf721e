/**
 * A program that is typed against `Deno.Kv` compiles with a handle of `openKv`. The check of types
 * is the test; what runs shows that the program does its work.
 */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { KvU64, openKv } from "../../kv/mod.ts";

interface User {
  readonly name: string;
}

/** Written for Deno KV. */
async function register(kv: Deno.Kv, id: number, user: User): Promise<boolean> {
  const primary: Deno.KvKey = ["users", id];
  const byName = ["by_name", user.name];
  const checks: Deno.AtomicCheck[] = [{ key: byName, versionstamp: null }];
  const counted: Deno.KvMutation = { key: ["count"], type: "sum", value: new KvU64(1n) };
  const operation: Deno.AtomicOperation = kv.atomic().check(...checks).mutate(counted);
  const result = await operation.set(primary, user).set(byName, id, { expireIn: 60_000 }).commit();
  return result.ok;
}

/** Written for Deno KV. */
async function names(kv: Deno.Kv): Promise<string[]> {
  const selector: Deno.KvListSelector = { prefix: ["users"] };
  const iterator: Deno.KvListIterator<User> = kv.list<User>(selector, { limit: 10 });
  const found: string[] = [];
  for await (const { value } of iterator) found.push(value.name);
  return found;
}

describe("a program for Deno KV", () => {
  it("compiles and runs with openKv()", async () => {
    const kv: Deno.Kv = await openKv(":memory:");
    assertEquals(await register(kv, 1, { name: "Ada" }), true);
    assertEquals(await register(kv, 2, { name: "Ada" }), false);
    assertEquals(await names(kv), ["Ada"]);
    const entry: Deno.KvEntryMaybe<Deno.KvU64> = await kv.get<Deno.KvU64>(["count"]);
    const many = await kv.getMany<[User, number]>([["users", 1], ["by_name", "Ada"]]);
    const [user, id]: [Deno.KvEntryMaybe<User>, Deno.KvEntryMaybe<number>] = many;
    assertEquals([entry.value?.value, user.value?.name, id.value], [1n, "Ada", 1]);
    const stream: ReadableStream<[Deno.KvEntryMaybe<User>]> = kv.watch<[User]>([["users", 1]]);
    await stream.cancel();
    const added: Deno.KvCommitResult = await kv.set(["log", kv.commitVersionstamp()], "text");
    assertEquals((await kv.get(["log", added.versionstamp])).value, "text");
    kv.close();
  });
});
