// The write lock: who waits, in the queue or blocking, gets it. While nobody waits it is kept.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { LockFile, SideFile } from "../file/share_files.ts";
import { LockedError } from "../format/errors.ts";
import { Pins } from "./pins.ts";
import { WriteLock } from "./write_lock.ts";

const ACCESS = { mode: 0o600 };

/** Longer than a turn of a hold, in milliseconds. */
const TURN_MS = 3;
/** Longer than the time between two looks at who waits, in milliseconds. */
const LOOK_MS = 0.6;

let folder: string;
/** The time, in milliseconds. */
let now = 0;
let path: string;
const opened: WriteLock[] = [];

beforeEach(() => {
  folder = Deno.makeTempDirSync();
  path = `${folder}/a`;
});
afterEach(() => {
  for (const lock of opened.splice(0)) lock.close();
  Deno.removeSync(folder, { recursive: true });
});

/** The lock of a process, which has a pin, or only opens the file. */
function lockOf(hasPin = true): WriteLock {
  const side = new SideFile(`${path}-shared`, ACCESS);
  const pins = new Pins(side, opened.length + 1);
  if (hasPin) assert(pins.take(1));
  // A lock file of its own, so that the other locks here are not of the same thread.
  const file = new LockFile(`${path}-lock`, ACCESS);
  const own = Object.create(file, {
    identity: { value: `${opened.length}` },
    tryLock: { value: file.tryLock.bind(file) },
    isAtPath: { value: () => true },
    unlock: { value: file.unlock.bind(file) },
    readNote: { value: file.readNote.bind(file) },
    writeNote: { value: file.writeNote.bind(file) },
    close: { value: file.close.bind(file) },
  });
  const queue = new LockFile(`${path}-shared`, ACCESS);
  const lock = new WriteLock(own, queue, path, () => now);
  lock.pins = pins;
  opened.push(lock);
  return lock;
}

/** Whether a lock is kept after its turn. */
function keepAfterTurn(lock: WriteLock): boolean {
  now += TURN_MS;
  return lock.keepOrYield();
}

describe("a write lock", () => {
  it("is kept while nobody waits", () => {
    const a = lockOf();
    lockOf();
    assert(a.tryTake());
    assertEquals([keepAfterTurn(a), a.isHeld, a.isContended], [true, true, false]);
  });

  it("looks from time to time at who waits, and is given up then", async () => {
    const [a, b] = [lockOf(), lockOf()];
    assert(a.tryTake());
    assert(keepAfterTurn(a), "it has looked");
    assert(!b.tryTake());
    await b.comeAgain(0);
    assert(a.keepOrYield(), "it has looked only now");
    now += LOOK_MS;
    assert(!a.keepOrYield());
    assert(b.tryTake());
  });

  it("knows whether another handle had it, even one that has died", () => {
    const [a, b] = [lockOf(), lockOf()];
    const take = (lock: WriteLock) => {
      assert(lock.tryTake());
      const { isUndisturbed } = lock;
      lock.release();
      return isUndisturbed;
    };
    assertEquals([take(a), take(a), take(a)], [false, true, true]);
    assertEquals([take(b), take(a), take(a)], [false, false, true]);
    assert(b.tryTake());
    // It writes no more.
    b.close();
    assertEquals([take(a), take(a)], [false, true]);
  });

  it("is kept for a turn, whoever waits", async () => {
    const [a, b] = [lockOf(), lockOf()];
    assert(a.tryTake());
    assert(!b.tryTake());
    await b.comeAgain(0);
    assertEquals([a.keepOrYield(), a.isInTurn], [true, true]);
    assertEquals([keepAfterTurn(a), a.isInTurn, a.isContended], [false, false, true]);
    assert(b.tryTake());
    assertEquals([b.isInTurn, b.isContended], [true, true]);
  });

  it("goes to the one that waits in the queue, and then to the next", async () => {
    const [a, b, c] = [lockOf(), lockOf(), lockOf()];
    assert(a.tryTake());
    assert(!b.tryTake());
    const second = b.comeAgain(0);
    await second;
    assert(!b.tryTake());
    const third = c.comeAgain(0);
    assertEquals([keepAfterTurn(a), a.isContended], [false, true]);
    assert(!a.tryTake(), "it goes through the queue now");
    assert(b.tryTake());
    assertEquals(keepAfterTurn(b), false);
    b.pins!.moveTo(2);
    await third;
    assert(c.tryTake());
    assertEquals(keepAfterTurn(c), true);
    c.release();
    assert(a.tryTake());
  });

  it("is not taken again before those whom the system wakes", async () => {
    const [a, b] = [lockOf(), lockOf()];
    assert(a.tryTake());
    b.pins!.setWaiting("queued");
    a.release();
    assertEquals(a.tryTake(), false, "though the queue is empty");
    await a.comeAgain(0);
    assert(a.tryTake());
    a.release();
    now += TURN_MS;
    assert(a.tryTake(), "they are awake");
  });

  it("goes to one that opens the file, and has no pin yet", () => {
    const [a, b] = [lockOf(), lockOf(false)];
    assert(a.tryTake());
    assertThrows(() => b.take(1), LockedError);
    assertEquals(keepAfterTurn(a), true, "it has given up");
    b.pins!.setWaiting("blocking");
    assertEquals(keepAfterTurn(a), false);
    b.take();
    b.release();
    assert(a.tryTake());
    assertEquals(keepAfterTurn(a), true);
  });

  it("is not held up by a queue that does not move", async () => {
    const [a, b] = [lockOf(), lockOf()];
    using stopped = Deno.openSync(`${path}-shared`, { read: true, write: true });
    stopped.lockSync(true);
    assert(a.tryTake());
    assert(!b.tryTake());
    const wait = b.comeAgain(0);
    a.release();
    await wait;
    assert(b.tryTake());
    b.release();
    stopped.unlockSync();
  });

  it("lets one that was blocking twice go first, but not for long", () => {
    const [a, b] = [lockOf(), lockOf()];
    assert(a.tryTake());
    b.pins!.setWaiting("blocking");
    a.release();
    assert(a.tryTake(), "it waited once");
    a.release();
    assert(!a.tryTake(), "it waited twice");
    // It does not come: it may be dead.
    a.take();
    assertEquals([a.isHeld, keepAfterTurn(a)], [true, true], "and does not count any more");
  });

  it("leaves the queue to others when nobody comes again", async () => {
    const [a, b, c] = [lockOf(), lockOf(), lockOf()];
    assert(a.tryTake() && !b.tryTake());
    await b.comeAgain(0);
    b.stopWaiting();
    assert(!c.tryTake());
    const wait = c.comeAgain(0);
    a.release();
    await wait;
    assert(c.tryTake());
  });
});
