/**
 * A program that ends in a way that users of other stores reported: by an immediate exit, in the
 * middle of a transaction, by an uncaught error, or without a close; or whose file reaches its size
 * limit, or whose standard streams are closed.
 *
 * Arguments: path, the way to end, the key to set.
 */

import { IoError, open, string } from "../../../mod.ts";

const [path, end, key] = Deno.args as [string, string, string];
const VALUE = new Uint8Array([1]);
const db = open(path, { lockTimeoutMs: 30_000 });
const tree = db.tree("keys", { key: string });

const ENDS: Readonly<Record<string, () => unknown>> = {
  "exit": async () => {
    await tree.set(key, VALUE);
    Deno.exit(0);
  },
  "exit inside": () =>
    db.writeSync((tx) => {
      tx.tree(tree).set(key, VALUE);
      Deno.exit(0);
    }),
  "error": async () => {
    await tree.set(key, VALUE);
    tree.set(`${key}, not awaited`, VALUE);
    throw new Error("that is not caught");
  },
  "end": () => {
    tree.set(key, VALUE);
  },
  "print": async () => {
    await tree.set(key, VALUE);
    for (let i = 0; i < 1000; i++) {
      console.log("output");
      console.error("errors");
    }
    db.close();
  },
  "too large": async () => {
    const { durable, refused } = await fill();
    const isDeleted = await tree.delete(`${key} 0`);
    await tree.set(key, VALUE);
    db.close();
    console.log(JSON.stringify({ durable, refused, isDeleted }));
  },
  "close": () => {
    tree.set(key, VALUE);
    db.close();
  },
};

/** Sets values until the system refuses one. Returns the number set, and the error. */
async function fill(): Promise<{ durable: number; refused: string }> {
  for (let durable = 0;; durable++) {
    try {
      await tree.set(`${key} ${durable}`, new Uint8Array(20_000));
    } catch (error) {
      if (!(error instanceof IoError)) throw error;
      return { durable, refused: error.name };
    }
  }
}

await ENDS[end]!();
