// The pins of several processes in one sidecar.

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Pins, PINS_MAX, STALE_MS } from "./pins.ts";

class Side {
  readonly bytes = new Uint8Array(4096);
  /** Runs once, before the next write. */
  beforeWrite: (() => void) | undefined;
  read(into: Uint8Array, position: number): void {
    into.set(this.bytes.subarray(position, position + into.length));
  }
  write(bytes: Uint8Array, position: number): void {
    const { beforeWrite } = this;
    this.beforeWrite = undefined;
    beforeWrite?.();
    this.bytes.set(bytes, position);
  }
  close(): void {}
}

function pinsOf(side: Side, count: number): Pins[] {
  return Array.from({ length: count }, (_, i) => {
    const pins = new Pins(side, 100 + i);
    assert(pins.take(10 + i));
    return pins;
  });
}

/** A process that is stopped for long, and another one that frees its place, and joins there. */
class Stopped {
  readonly side = new Side();
  readonly stopped = this.#pins(1);
  readonly joined = this.#pins(2);
  readonly #living = this.#pins(3);
  #now = 0;

  constructor() {
    assert(this.stopped.take(10) && this.#living.take(10));
    assertEquals(this.#living.hasStale, false);
  }

  /** Long enough for the others to take the place. */
  readonly stop = (): void => {
    this.#now += STALE_MS + 1;
    this.#living.secure(10);
    this.#living.freeStale();
    assert(this.joined.take(20));
  };

  #pins(process: number): Pins {
    return new Pins(this.side, process, () => this.#now);
  }

  /** The oldest version of the pins besides the one that freed the place. */
  get oldest(): number {
    return this.#living.oldest();
  }
}

describe("pins", () => {
  it("tell the oldest version of the others", () => {
    const [a, b, c] = pinsOf(new Side(), 3);
    assertEquals([a!.oldest(), b!.oldest(), c!.oldest()], [11, 10, 10]);
    a!.set(20);
    assertEquals(c!.oldest(), 11);
    b!.release();
    assertEquals([a!.oldest(), c!.oldest()], [12, 20]);
  });

  it("of nobody else leave every version free", () => {
    const [one] = pinsOf(new Side(), 1);
    assertEquals(one!.oldest(), Infinity);
  });

  it("that are torn count as version 0", () => {
    const side = new Side();
    const [a] = pinsOf(side, 2);
    side.bytes[512 + 32 + 9]! ^= 1;
    assertEquals(a!.oldest(), 0);
  });

  it("that are not renewed are freed, and an owner that was only stopped takes another", () => {
    const side = new Side();
    let now = 0;
    const all = Array.from({ length: PINS_MAX }, (_, i) => {
      const pins = new Pins(side, i, () => now);
      assert(pins.take(10));
      return pins;
    });
    const [living, stopped] = [all[0]!, all[1]!];
    assertEquals([living.hasStale, stopped.isLost], [false, false]);
    now = STALE_MS + 1;
    assert(!new Pins(side, 1, () => now).take(10), "who opens the file has seen no pin before");
    assert(living.hasStale);
    living.secure(10);
    living.freeStale();
    assertEquals([living.hasStale, living.participants().length], [false, 1]);
    assert(new Pins(side, 1, () => now).take(11));
    assert(stopped.isLost);
    assert(stopped.secure(12));
    assertEquals([stopped.isLost, living.participants().map(({ version }) => version)], [
      false,
      [10, 11, 12],
    ]);
  });

  for (
    const [what, act] of [
      ["gives its place up", (pins: Pins) => pins.release()],
      ["moves its pin", (pins: Pins) => pins.moveTo(30)],
      ["waits", (pins: Pins) => pins.setWaiting("queued")],
    ] as const
  ) {
    it(`of others outlive a process that was stopped for long and ${what}`, () => {
      const world = new Stopped();
      world.stop();
      act(world.stopped);
      assertEquals([world.joined.isLost, world.oldest], [false, 20]);
      assert(world.stopped.isLost);
    });
  }

  it("are given up by a process that was stopped in the middle of a write", () => {
    const world = new Stopped();
    world.side.beforeWrite = world.stop;
    world.stopped.moveTo(15);
    assert(world.oldest <= 20, "what it wrote holds no page back from the one that joined");
    assert(world.stopped.isLost, "though the sidecar names it");
    world.stopped.moveTo(30);
    assert(world.oldest <= 20);
    assert(world.joined.secure(20), "that one takes another place");
    assertEquals([world.joined.isLost, world.stopped.isLost], [false, true]);
  });

  it("tell who waits, until that one has had the lock", () => {
    const [a, b] = pinsOf(new Side(), 2);
    b!.setWaiting("blocking");
    const waiters = a!.waiters();
    assertEquals([waiters.size, a!.stillWaits(waiters, false)], [1, true]);
    b!.endWaiting();
    b!.renew();
    assertEquals([a!.waiters().size, a!.stillWaits(waiters, false)], [0, false]);
  });

  it("of a waiter that does not take the lock are ignored until it says so again", () => {
    const [a, b] = pinsOf(new Side(), 2);
    b!.setWaiting("blocking");
    a!.ignore(a!.waiters());
    assertEquals(a!.waiters().size, 0);
    b!.endWaiting();
    b!.setWaiting("blocking");
    assertEquals(a!.waiters().size, 1);
  });

  it("list the processes, and have no room for one more than the most", () => {
    const side = new Side();
    const all = pinsOf(side, PINS_MAX);
    assertEquals(all[1]!.participants().length, PINS_MAX);
    assertEquals(all[1]!.participants()[1], {
      process: 101,
      version: 11,
      waits: false,
      isOwn: true,
    });
    assertEquals(new Pins(side, 1).take(1), false);
    all[5]!.release();
    assertEquals(new Pins(side, 1).take(1), true);
    all[0]!.clear();
    assertEquals(all[0]!.participants(), []);
  });
});
