/**
 * A process that ignores the promises of 100 writes whose flight fails, and prints how many
 * unhandled rejections it is told of.
 */

import { setImmediate } from "node:timers";
import { MemoryFile, Pager } from "../../../pager/mod.ts";
import { Database } from "../../../store/database.ts";
import { Session } from "../../../store/write/session.ts";
import { FLIES } from "../databases/flush_policies.ts";

/** A file whose syncs off the thread fail. */
class LostFile extends MemoryFile {
  override startSync(): Promise<void> {
    return Promise.reject(new Error("simulated"));
  }
}

let count = 0;
addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  count++;
});
const db = new Database(new Session(new Pager(new LostFile()), "sync", false, FLIES));
db.writeSync((tx) => tx.tree("a").set("first", new Uint8Array(1)));
for (let i = 0; i < 100; i++) void db.tree("a").setIfAbsent(`key ${i}`, new Uint8Array(1));
for (let i = 0; i < 5; i++) await new Promise<void>((resolve) => setImmediate(resolve));
console.log(count);
