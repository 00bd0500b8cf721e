/**
 * A worker of the queue of a file, which is killed at any moment. It claims each message in the
 * commit that records its work, so that a second delivery does nothing.
 *
 * Arguments: the file, how many messages to add first, and how many it handles before it only
 * waits. Prints a line for each message whose work is durable.
 */

import { openKv } from "../../../kv/mod.ts";

const [path, count, most] = Deno.args;
let begun = 0;
const kv = await openKv(path!);
const operation = kv.atomic();
for (let i = 0; i < Number(count); i++) operation.enqueue(i);
await operation.commit();
await kv.listenQueue(async (message: number) => {
  if (++begun > Number(most)) await new Promise(() => {});
  const claim = { key: ["done", message], versionstamp: null };
  await kv.atomic().check(claim).set(claim.key, true).sum(["works", message], 1n).commit();
  console.log(message);
});
