/**
 * A client of a server for KV, in its own process: Deno's own, which needs `--unstable-kv`, or the
 * package for Node. It prints what it saw, one line of JSON each.
 *
 * ```text
 * deno run -A --unstable-kv connect_client.ts native|npm URL use
 * deno run -A --unstable-kv connect_client.ts native|npm URL follow
 * deno run -A --unstable-kv connect_client.ts native|npm URL open
 * ```
 *
 * The token is in `DENO_KV_ACCESS_TOKEN`.
 */

import { deserialize, serialize } from "node:v8";
import { openKv } from "@deno/kv";

const [client, url, work] = Deno.args as [string, string, string];

/** Prints a value. */
function print(value: unknown): void {
  const text = (_: string, part: unknown) => {
    if (typeof part === "bigint") return `${part}n`;
    if (part instanceof Uint8Array) return `bytes ${part.toHex()}`;
    return part;
  };
  console.log(JSON.stringify(value, text));
}

async function open(): Promise<Deno.Kv> {
  if (client === "native") return await Deno.openKv(url);
  const accessToken = Deno.env.get("DENO_KV_ACCESS_TOKEN")!;
  const remote = await openKv(url, { accessToken, encodeV8: serialize, decodeV8: deserialize });
  return remote as unknown as Deno.Kv;
}

/** Uses everything that the protocol has. */
async function use(kv: Deno.Kv): Promise<void> {
  print((await kv.get([client, "none"])).versionstamp);
  const value = { text: "\u00e9", list: [1, 2n, null], at: new Date(5) };
  const { versionstamp } = await kv.set([client, "a"], value, { expireIn: 600_000 });
  const [a, none] = await kv.getMany([[client, "a"], [client, "none"]]);
  print([a.value, a.versionstamp === versionstamp, none.value]);
  const check = { key: [client, "a"], versionstamp: null };
  print((await kv.atomic().check(check).set([client, "b"], 1).commit()).ok);
  const many = kv.atomic().check({ ...check, versionstamp });
  many.sum([client, "n"], 5n).sum([client, "n"], 3n).min([client, "n"], 7n).max([client, "n"], 6n);
  for (let i = 0; i < 7; i++) many.set([client, "list", i], new Uint8Array([i]));
  print((await many.delete([client, "a"]).commit()).ok);
  print((await kv.get<Deno.KvU64>([client, "n"])).value?.value);
  for (const reverse of [false, true]) {
    const options = { batchSize: 2, limit: 5, reverse, consistency: "eventual" as const };
    const list = kv.list({ prefix: [client, "list"] }, options);
    print((await Array.fromAsync(list)).map((entry) => [entry.key[2], entry.value]));
    const rest = kv.list({ prefix: [client, "list"] }, { reverse, cursor: list.cursor });
    print((await Array.fromAsync(rest)).map((entry) => entry.key[2]));
  }
  const range = { start: [client, "list", 2], end: [client, "list", 4] };
  print((await Array.fromAsync(kv.list(range))).length);
  try {
    await kv.atomic().sum([client, "list", 0], 1n).commit();
  } catch (error) {
    print(/non-U64 value in the database/.test((error as Error).message));
  }
}

/** Prints the states of a key, until one says that it is the last. */
async function follow(kv: Deno.Kv): Promise<void> {
  for await (const [entry] of kv.watch<[string]>([["watched"]])) {
    print(entry.value);
    if (entry.value === "last") break;
  }
}

try {
  const kv = await open();
  if (work === "use") await use(kv);
  if (work === "follow") await follow(kv);
  if (work === "open") print(await kv.get(["a"]).then(() => "read"));
  kv.close();
} catch (error) {
  print((error as Error).message);
}
// Clients keep the process alive with their retries.
Deno.exit();
