/**
 * Code that several places run, and that is emitted once.
 */

import type { Context } from "../expression/context.ts";

/** Emits code that calls another part of it, which is emitted once. */
export function emitShared(
  { builder }: Context,
  callers: (call: () => void) => void,
  shared: () => void,
): void {
  const [start, end] = [builder.label(), builder.label()];
  const back = builder.registers();
  callers(() => builder.emit("Gosub", back, start));
  builder.emit("Goto", 0, end);
  builder.place(start);
  shared();
  builder.emit("Return", back);
  builder.place(end);
}
