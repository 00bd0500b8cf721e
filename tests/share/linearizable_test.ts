/**
 * Linearizability in the manner of Jepsen: Workers that share a database use a register, and append
 * to lists in transactions; their calls must have one order that agrees with their times. The
 * checkers refuse histories that have none.
 *
 * `QUIRE_LINEAR=N` runs N histories of each kind.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { TURN } from "../support/turn.ts";
import { type ListCall, whyNoOrder } from "./linear/append.ts";
import { isLinearizable, type RegisterCall } from "./linear/register.ts";
import type { LinearTask } from "./linear/worker.ts";

const HISTORIES = Number(Deno.env.get("QUIRE_LINEAR") ?? 1);
const WORKERS = 3;
const COUNTS = { register: 12, append: 40 };

/** Runs Workers, each with a handle of its own. */
async function historyOf<T>(path: string, kind: LinearTask["kind"], seed: number): Promise<T[]> {
  const url = new URL("./linear/worker.ts", import.meta.url);
  const clock = new Int32Array(new SharedArrayBuffer(4));
  const all = Array.from({ length: WORKERS }, async (_, i) => {
    const worker = new Worker(url, { type: "module" });
    const task: LinearTask = {
      ...{ path, kind, clock },
      ...{ process: i + 1, seed: seed + i, count: COUNTS[kind] },
    };
    const calls = await new Promise<T[]>((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message));
      };
      worker.postMessage(task);
    });
    worker.terminate();
    return calls;
  });
  return (await Promise.all(all)).flat();
}

describe("Workers that share a database", () => {
  let folder: string;
  beforeEach(() => void (folder = Deno.makeTempDirSync()));
  afterEach(() => Deno.removeSync(folder, { recursive: true }));

  for (let i = 0; i < HISTORIES; i++) {
    const seed = TURN + 10 * i;
    it(`have a register that is linearizable, from seed ${seed}`, async () => {
      const calls = await historyOf<RegisterCall>(`${folder}/a.quire`, "register", seed);
      assertEquals(calls.length, WORKERS * COUNTS.register);
      assert(isLinearizable(calls), JSON.stringify(calls));
      console.log(`linearizable, seed ${seed}: a register, ${calls.length} calls`);
    });

    it(`append to lists in one order, from seed ${seed}`, async () => {
      const calls = await historyOf<ListCall>(`${folder}/a.quire`, "append", seed);
      assertEquals(calls.length, WORKERS * COUNTS.append);
      assertEquals(whyNoOrder(calls), undefined, JSON.stringify(calls));
      console.log(`linearizable, seed ${seed}: lists, ${calls.length} transactions`);
    });
  }
});

describe("the checkers of linearizability", () => {
  it("refuse a register that shows an old value, or one that nobody wrote", () => {
    const write = { process: 1, begin: 0, end: 1, kind: "write", value: 5 } as const;
    const read = (begin: number, found: number) =>
      ({ process: 2, begin, end: begin + 1, kind: "read", found }) as const;
    assert(isLinearizable([write, read(2, 5)]));
    assert(isLinearizable([write, read(0.5, 0)]));
    assert(!isLinearizable([write, read(2, 0)]));
    assert(!isLinearizable([write, read(2, 6)]));
    assert(!isLinearizable([{ ...write, end: 9 }, read(2, 5), read(4, 0)]));
    const swap = { process: 3, begin: 3, end: 4, kind: "swap", found: 0, value: 7 } as const;
    assert(!isLinearizable([write, { ...swap, swapped: true }]));
    assert(isLinearizable([write, { ...swap, swapped: false }]));
  });

  it("refuse lists with a lost append, a stale read, and two orders", () => {
    const call = (process: number, begin: number, steps: ListCall["steps"]): ListCall => {
      return { process, begin, end: begin + 1, steps };
    };
    const one = call(1, 0, [{ list: "a", append: 1 }]);
    const two = call(2, 2, [{ list: "a", append: 2 }]);
    assertEquals(whyNoOrder([one, two, call(3, 4, [{ list: "a", read: [1, 2] }])]), undefined);
    const stale = call(3, 2.5, [{ list: "a", read: [1] }]);
    assertEquals(
      whyNoOrder([one, two, stale, call(3, 4, [{ list: "a", read: [1, 2] }])]),
      undefined,
    );
    const late = call(4, 4, [{ list: "a", read: [1] }]);
    assertMatch(whyNoOrder([one, two, late, call(3, 6, [{ list: "a", read: [1, 2] }])])!, /circle/);
    const lost = call(3, 6, [{ list: "a", read: [2] }]);
    assertMatch(
      whyNoOrder([one, two, call(3, 4, [{ list: "a", read: [1] }]), lost])!,
      /two orders/,
    );
    const skew = [
      call(1, 0, [{ list: "a", read: [] }, { list: "b", append: 3 }]),
      call(2, 0, [{ list: "b", read: [] }, { list: "a", append: 4 }]),
      call(3, 5, [{ list: "a", read: [4] }, { list: "b", read: [3] }]),
    ];
    assertMatch(whyNoOrder(skew)!, /circle/);
  });
});
