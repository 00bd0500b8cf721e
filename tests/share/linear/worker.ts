/**
 * A Worker that shares a database with others, and reports its calls to a register or to lists,
 * with their times.
 *
 * Time is a counter that all Workers advance: their own clocks begin apart, by a tenth of a second
 * where a machine is busy while one starts.
 */

import { setImmediate } from "node:timers";
import { json, open, string } from "../../../mod.ts";
import { Random } from "../../support/random.ts";
import type { ListCall, ListStep } from "./append.ts";
import type { RegisterCall } from "./register.ts";

/** What a Worker is told to do. */
export interface LinearTask {
  readonly path: string;
  readonly kind: "register" | "append";
  readonly process: number;
  readonly seed: number;
  readonly count: number;
  /** The clock of all Workers: one number of 32 bits. */
  readonly clock: Int32Array<SharedArrayBuffer>;
}

const REGISTER = { key: string, value: json.as<number>() };
const LISTS = { key: string, value: json.as<number[]>() };
const LIST_NAMES = ["a", "b", "c"];

/** The end of a turn comes before whatever was asked for later, which timers may precede. */
const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** The next time on the clock of all. */
function now({ clock }: LinearTask): number {
  return Atomics.add(clock, 0, 1);
}

async function register(task: LinearTask): Promise<RegisterCall[]> {
  const { path, process, seed, count } = task;
  using db = open(path, { shared: true });
  const tree = db.tree("register", REGISTER);
  const random = new Random(seed);
  const calls: RegisterCall[] = [];
  for (let i = 0; i < count; i++) {
    // What others have committed shows in the next turn of the event loop.
    await nextTurn();
    const begin = now(task);
    const value = process * 1000 + i;
    const kind = random.pick(["read", "write", "swap"] as const);
    let call: Pick<RegisterCall, "found" | "value" | "swapped"> = { value };
    if (kind === "read") call = { found: tree.get("x") ?? 0 };
    else if (kind === "write") await tree.set("x", value);
    else {
      const found = tree.get("x") ?? 0;
      const swapped = await tree.compareAndSet("x", found === 0 ? undefined : found, value);
      call = { found, value, swapped };
    }
    calls.push({ process, begin, end: now(task), kind, ...call });
    if (random.once(4)) await new Promise((resolve) => setTimeout(resolve, random.below(3)));
  }
  return calls;
}

async function append(task: LinearTask): Promise<ListCall[]> {
  const { path, process, seed, count } = task;
  using db = open(path, { shared: true });
  const random = new Random(seed);
  const calls: ListCall[] = [];
  for (let i = 0; i < count; i++) {
    await nextTurn();
    const begin = now(task);
    let steps: ListStep[] = [];
    if (random.once(4)) {
      using snapshot = db.snapshot();
      const tree = snapshot.tree("lists", LISTS);
      steps = LIST_NAMES.map((list) => ({ list, read: tree.get(list) ?? [] }));
    } else {
      await db.write((tx) => {
        const tree = tx.tree("lists", LISTS);
        for (let step = 0; step < 1 + random.below(3); step++) {
          const list = random.pick(LIST_NAMES);
          const read = tree.get(list) ?? [];
          if (random.once(2)) {
            steps.push({ list, read });
          } else {
            const element = process * 100_000 + i * 10 + step;
            tree.set(list, [...read, element]);
            steps.push({ list, append: element });
          }
        }
      });
    }
    calls.push({ process, begin, end: now(task), steps });
  }
  return calls;
}

/** The scope of a Worker, as far as it is used. */
const scope = self as unknown as {
  onmessage: (event: MessageEvent<LinearTask>) => void;
  postMessage(calls: readonly (RegisterCall | ListCall)[]): void;
};

scope.onmessage = async ({ data }) => {
  scope.postMessage(data.kind === "register" ? await register(data) : await append(data));
};
