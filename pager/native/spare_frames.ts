/**
 * Frames for short work, such as a recovery, kept from one use to the next: new memory of 2 MiB
 * costs more than most of that work.
 *
 * Invariants:
 * 1. Nobody else refers to a frame that was given back.
 * 2. The garbage collector may have the spare frames.
 */

import { Frame } from "../format/frame.ts";

const SPARES_MAX = 4;
const spares: WeakRef<Frame>[] = [];

/** A frame of a whole chunk, in no cache. Its bytes may be anything. */
export function takeSpareFrame(): Frame {
  for (let spare = spares.pop(); spare !== undefined; spare = spares.pop()) {
    const frame = spare.deref();
    if (frame !== undefined) return frame;
  }
  return new Frame(-1, 0);
}

/** Gives a frame of `takeSpareFrame` back. No view of it may be used after that. */
export function giveSpareFrameBack(frame: Frame): void {
  if (spares.length < SPARES_MAX) spares.push(new WeakRef(frame));
}
