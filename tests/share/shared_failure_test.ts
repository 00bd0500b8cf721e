/**
 * A file that processes share, with each call of one of them failing in turn: once, or from then
 * on. What was acknowledged is there for the others, also if the process that failed is killed, and
 * what it reads is what they read.
 *
 * A run takes every second call, other runs the others. QUIRE_FULL=1 takes all.
 */

import { setImmediate } from "node:timers";
import { assert, assertEquals, assertGreater } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { IoError, string, type Tree } from "../../mod.ts";
import { openOnShare } from "../../pager/open_pager.ts";
import { Database } from "../../store/database.ts";
import { SharingSession } from "../../store/follow/sharing_session.ts";
import { FaultyFile, type Operation } from "../support/files/faulty_file.ts";
import { PowerFile } from "../support/files/power_file.ts";
import { TURN } from "../support/turn.ts";
import { type Life, SharedWorld } from "./processes/one_thread.ts";

const CODECS = { key: string, value: string };
const OPTIONS = { cacheBytes: 8 * 1024 * 1024, journalBytes: 2 * 1024 * 1024 };
const EVERY = Deno.env.get("QUIRE_FULL") === "1" ? 1 : 2;
const FIRST = 1 + TURN % EVERY;
const LONG = "long ".repeat(1000);

/** What fails: a call of a kind to the file, or any to the files beside it. */
type Kind = Operation | "beside";

/** A handle of a process whose calls can fail. */
interface Handle {
  readonly life: Life;
  /** Decides whether a call fails. */
  fails: (kind: Kind) => boolean;
  readonly db: Database;
  readonly tree: Tree<string, string>;
}

function open(world: SharedWorld): Handle {
  const life = world.begin(Infinity);
  const files = life.files();
  const base = new FaultyFile(files.base);
  let handle: Handle | undefined;
  const fails = (kind: Kind) => handle?.fails(kind) ?? false;
  base.fault = (operation) => fails(operation) ? "throw" : "none";
  const beside = () => {
    if (fails("beside")) throw new IoError("Cannot use a file beside it: it fails");
  };
  const { side, lockFile } = files;
  const faulty = {
    ...files,
    base,
    side: before(side, ["read", "write"], beside),
    lockFile: before(lockFile, ["readNote", "writeNote", "tryLock"], beside),
  };
  const db = new Database(new SharingSession(openOnShare(faulty, "simulated", OPTIONS)));
  return handle = { life, fails: () => false, db, tree: db.tree("words", CODECS) };
}

/** An object that does something before each call of some methods. */
function before<T extends object>(object: T, names: (keyof T)[], action: () => void): T {
  return new Proxy(object, {
    get: (target, name) => {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== "function") return method;
      return (...args: unknown[]): unknown => {
        if (names.includes(name as keyof T)) action();
        return method.apply(target, args);
      };
    },
  });
}

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));
const contentOf = ({ tree }: Handle) => [...tree].map(([key]) => key);

/** Lets an action fail with an `IoError`, and with nothing else; whether it succeeded. */
async function succeeds(action: () => unknown): Promise<boolean> {
  try {
    await action();
    return true;
  } catch (error) {
    assert(error instanceof IoError, `${error}`);
    return false;
  }
}

/** Commits in each way, with checkpoints at every moment. Adds the keys of those that succeeded. */
async function work({ db, tree }: Handle, acknowledged: Set<string>): Promise<void> {
  for (let i = 0; i < 6; i++) {
    const key = `${i}`;
    const commits = [tree.set(`${key} a`, LONG), tree.set(`${key} b`, key)];
    if (i % 3 === 1) await succeeds(() => db.checkpoint());
    if (
      i % 3 === 2 && await succeeds(() => db.writeSync((tx) => tx.tree(tree).set(`${key} c`, key)))
    ) {
      acknowledged.add(`${key} c`);
    }
    for (const [at, commit] of commits.entries()) {
      if (await succeeds(() => commit)) acknowledged.add(`${key} ${"ab"[at]}`);
    }
    if (i % 2 === 0) await nextTurn();
  }
}

/** Lets the process of a handle die. */
function closeDead({ life, db }: Handle): void {
  life.end();
  try {
    db.close();
  } catch {
    // A dead process closes nothing.
  }
}

/** Lets calls fail. Returns whether one did. */
async function trial(operation: Kind, nth: number, isLasting: boolean): Promise<boolean> {
  const world = new SharedWorld(new PowerFile());
  const [handle, other] = [open(world), open(world)];
  await other.tree.set("first", LONG);
  await nextTurn();
  const acknowledged = new Set(["first"]);
  let count = 0;
  handle.fails = (kind) => kind === operation && (++count === nth || (isLasting && count > nth));
  await work(handle, acknowledged);
  handle.fails = () => false;
  await nextTurn();
  const what = `${operation} ${nth}`;
  let seen = contentOf(other);
  for (const key of acknowledged) assert(seen.includes(key), `${what}: ${key} was acknowledged`);
  if (operation === "beside") {
    // Others see a commit that was not announced, and not acknowledged, with the next one.
    await other.tree.set("next", "");
    seen = contentOf(other);
  }
  assertEquals(contentOf(handle), seen, what);
  closeDead(handle);
  const later = open(world);
  await later.tree.set("last", "");
  const end = [...seen, "last"].sort();
  assertEquals(contentOf(later), end, what);
  assertEquals(contentOf(other), end, what);
  later.db.close();
  other.db.close();
  return count >= nth;
}

describe("a shared file whose calls fail in one process", () => {
  it("is read on after a failure, although nobody else had the lock since", async () => {
    const world = new SharedWorld(new PowerFile());
    const [handle, other] = [open(world), open(world)];
    for (const [{ tree }, key] of [[handle, "a"], [other, "b"]] as const) {
      await tree.set(key, "");
      await nextTurn();
    }
    handle.fails = (kind) => kind === "read";
    assert(!await succeeds(() => handle.tree.set("c", "")));
    handle.fails = () => false;
    await handle.tree.set("d", "");
    await nextTurn();
    assertEquals([contentOf(handle), contentOf(other)], [["a", "b", "d"], ["a", "b", "d"]]);
    for (const { db } of [handle, other]) db.close();
  });

  it("acknowledges no commit that was to be written before a copy, and was not", async () => {
    const world = new SharedWorld(new PowerFile());
    const [handle, other] = [open(world), open(world)];
    await other.tree.set("first", LONG);
    await nextTurn();
    handle.fails = (kind) => kind === "write";
    const commit = handle.tree.set("second", LONG);
    const copy = handle.db.backup(new WritableStream());
    assertEquals(await Promise.all([succeeds(() => commit), succeeds(() => copy)]), [false, false]);
    await nextTurn();
    assertEquals([contentOf(handle), contentOf(other)], [["first"], ["first"]]);
    closeDead(handle);
    other.db.close();
  });

  it("tells others of no sync that failed", async () => {
    const world = new SharedWorld(new PowerFile());
    const [handle, other] = [open(world), open(world)];
    const set = (key: string) => handle.db.writeSync((tx) => tx.tree(handle.tree).set(key, ""));
    // Another process waits, and each hold outlasts its turn: the sync follows the hold.
    world.stepMs = () => 10;
    world.beginVisit();
    set("first");
    world.beginVisit();
    let isFailing = true;
    handle.fails = (kind) => kind === "sync" && isFailing;
    assert(!await succeeds(() => set("second")));
    isFailing = false;
    assert(!await succeeds(() => set("third")));
    assertEquals(contentOf(other), ["first", "second"]);
    assertEquals(other.db.version - other.db.durableVersion, 1);
    closeDead(handle);
    other.db.close();
  });

  for (const operation of ["write", "sync", "read", "beside"] as const) {
    for (const isLasting of [false, true]) {
      const how = isLasting ? "from then on" : "once";
      it(`keeps what was acknowledged: a ${operation} fails ${how}`, async () => {
        // There are few syncs: most commits are written through.
        const [first, every] = operation === "sync" ? [1, 1] : [FIRST, EVERY];
        let nth = first;
        while (await trial(operation, nth, isLasting)) nth += every;
        assertGreater(nth, first);
      });
    }
  }
});
