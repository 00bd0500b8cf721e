/**
 * Quire's KV behaves as Deno's own: random programs of operations, the corners of the interface,
 * streams and queues have the same results, errors, order and cursors; keys and values have the
 * same bytes.
 *
 * QUIRE_KV=N compares N operations of random programs; QUIRE_SEED=N chooses them.
 */

import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import { inTempDir } from "../support/temp.ts";

const TOP = fromFileUrl(new URL("../..", import.meta.url));
const PROGRAM = fromFileUrl(new URL("./support/beside_deno.ts", import.meta.url));
const OPERATIONS = Deno.env.get("QUIRE_KV") ?? "2000";
/** Each one is a request; most of the work is done once for both. */
const SERVED_OPERATIONS = String(Math.ceil(Number(OPERATIONS) / 4));
const SEED = Deno.env.get("QUIRE_SEED") ?? "1";

/** Runs the comparison, in a process with the flag that Deno's KV needs. */
async function compare(...args: string[]): Promise<void> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "-q", "--no-check", "--unstable-kv", PROGRAM, ...args],
    cwd: TOP,
    env: { NO_COLOR: "1", DENO_KV_ACCESS_TOKEN: "the-token-of-the-test" },
  }).output();
  const [out, report] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assertEquals(code, 0, report);
  console.log(`beside Deno KV: ${out!.trim()}`);
}

describe("beside Deno KV, Quire's has", () => {
  it("the same results in random programs", () => compare("programs", OPERATIONS, SEED));
  it("the same results through a server", () => compare("served", SERVED_OPERATIONS, SEED));
  it("the same results and errors in the corners", () => compare("corners"));
  it("the same streams and deliveries", () => compare("scenarios"));
  it("the same client of a server where openKv replaces Deno's", () => compare("replaced"));
  it("the same bytes of keys and values", () => inTempDir((dir) => compare("bytes", dir)));
});
