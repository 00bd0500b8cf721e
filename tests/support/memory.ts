/**
 * Memory, for tests of what is kept: the bytes that arrays take while an action runs, and a
 * collection of garbage at a certain moment.
 */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const NAMES = ["Uint8Array", "Uint16Array", "Uint32Array", "Int32Array", "Float64Array"] as const;

/** The bytes of all arrays of numbers that an action makes. Views of other memory do not count. */
export function bytesMade(action: () => void): number {
  using counter = new ArrayCounter();
  action();
  return counter.bytes;
}

/** As `bytesMade`, until the promise of the action resolves. */
export async function bytesMadeUntil(action: () => Promise<unknown>): Promise<number> {
  using counter = new ArrayCounter();
  await action();
  return counter.bytes;
}

/** Counts the bytes of the arrays that are made until it is disposed. */
class ArrayCounter {
  bytes = 0;
  readonly #scope = globalThis as unknown as Record<
    string,
    new (...args: unknown[]) => ArrayBufferView
  >;
  readonly #before = NAMES.map((name) => this.#scope[name]!);

  constructor() {
    NAMES.forEach((name, i) => {
      this.#scope[name] = new Proxy(this.#before[i]!, {
        construct: (target, args, made) => {
          const array = Reflect.construct(target, args, made) as ArrayBufferView;
          if (!(args[0] instanceof ArrayBuffer)) this.bytes += array.byteLength;
          return array;
        },
      });
    });
  }

  [Symbol.dispose](): void {
    NAMES.forEach((name, i) => this.#scope[name] = this.#before[i]!);
  }
}

let collect: (() => void) | undefined;

/** Collects the garbage of this moment. */
export function collectNow(): void {
  if (collect === undefined) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as () => void;
  }
  collect();
}

/** Collects all garbage, also what a `WeakRef` kept in this turn; its callbacks have run then. */
export async function collectGarbage(): Promise<void> {
  for (let i = 0; i < 3; i++) {
    await new Promise((resolve) => setTimeout(resolve, 0));
    collectNow();
  }
  await new Promise((resolve) => setTimeout(resolve, 0));
}
