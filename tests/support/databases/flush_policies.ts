/** Policies of flushes that a test fixes: whether syncs fly depends on no clock. */

import type { FlushPolicy } from "../../../store/write/flush_policy.ts";

/** Every flush flies: its sync runs off the thread. */
export const FLIES: FlushPolicy = {
  isSyncLong: true,
  flies: true,
  yields: false,
  noteInLine() {},
  noteFlight() {},
  noteTurn() {},
};

/** Every flush is in line, however long its sync takes. */
export const IN_LINE: FlushPolicy = { ...FLIES, isSyncLong: false, flies: false };
