/**
 * Chance that is the same in every run of a program, so that the files it makes are too.
 */

import { Random } from "./random.ts";

/** From now on database ids, and whatever else is drawn, come from a seed. */
export function fixChance(seed: number): void {
  const random = new Random(seed);
  crypto.getRandomValues = <T extends ArrayBufferView | null>(array: T): T => {
    if (array === null) return array;
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    for (let i = 0; i < bytes.length; i++) bytes[i] = random.u32();
    return array;
  };
}
