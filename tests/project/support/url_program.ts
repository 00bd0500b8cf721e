/**
 * The program of a user who has only the address of `mod.ts`: one round trip with a database.
 * `url_import_test.ts` copies it out of the repository and replaces the path in the import below
 * with the address.
 *
 * Argument: the path of the database. Prints its permissions, and "done" if all is as expected.
 */

import { ClosedError, open } from "../../../mod.ts";

function expect(condition: boolean, what: string): void {
  if (!condition) throw new Error(`Not as expected: ${what}`);
}

function throws(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}

/** Some bytes for a number, long values among them. */
function valueOf(n: number): Uint8Array {
  return new Uint8Array(n % 100 === 0 ? 20_000 + n : n % 300).fill(n);
}

function keyOf(n: number): string {
  return `key ${String(n).padStart(5, "0")}`;
}

const ENTRIES = 1000;
const TEXT = new TextDecoder();

async function write(path: string): Promise<void> {
  const db = open(path);
  const tree = db.tree("numbers");
  await db.write((tx) => {
    for (let n = 0; n < ENTRIES; n++) tx.tree(tree).set(keyOf(n), valueOf(n));
  });
  await tree.set("one", new Uint8Array([1]));
  const snapshot = db.snapshot();
  expect(await tree.delete("one"), "delete");
  const undone = throws(() =>
    db.writeSync((tx) => {
      tx.tree(tree).clear();
      throw new RangeError("undo");
    })
  );
  expect(undone instanceof RangeError, "a callback that throws");
  expect(!tree.has("one") && snapshot.tree(tree).has("one"), "snapshot");
  snapshot.close();
  db.checkpoint();
  await tree.set("last", new Uint8Array([2]));
  db.close();
  expect(throws(() => tree.get("last")) instanceof ClosedError, "closed");
}

function read(path: string, readOnly: boolean): void {
  using db = open(path, { readOnly });
  const tree = db.tree("numbers");
  expect(tree.count() === ENTRIES + 1, "count");
  expect(tree.get("last")?.[0] === 2, "the last commit");
  for (let n = 0; n < ENTRIES; n++) {
    const value = tree.get(keyOf(n));
    const expected = valueOf(n);
    expect(value?.length === expected.length, `length ${n}`);
    expect(expected.every((byte, i) => value?.[i] === byte), `value ${n}`);
  }
  const keys = [...tree.keys({ prefix: "key 0010", reverse: true, limit: 3 })];
  const found = keys.map((key) => TEXT.decode(key)).join();
  expect(found === "key 00109,key 00108,key 00107", `range: ${found}`);
  expect(db.census().chunks > 0 && db.trees().join() === "numbers", "census");
}

const path = Deno.args[0]!;
await write(path);
read(path, false);
read(path, true);
const names = ["env", "ffi", "net", "read", "run", "sys", "write"] as const;
const granted = names.filter((name) => Deno.permissions.querySync({ name }).state === "granted");
console.log(`granted everywhere: ${granted.join() || "nothing"}`);
console.log("done");
