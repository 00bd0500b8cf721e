/**
 * Writes as a server does: by the call that leaves the event loop free while it waits for the
 * medium, if the engine has one.
 */

import type { Changes, Later, Store } from "../engines/engine.ts";

/** Makes changes in one durable transaction of a store. */
export function writeTo(
  store: Store,
  count: number,
  change: (changes: Changes, index: number) => void,
): Later<void> {
  return store.writeLater?.(count, change) ?? store.write(count, change);
}
