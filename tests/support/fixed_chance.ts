/**
 * Seeded random numbers, so that every run of a program makes the same files.
 */

import { Random } from "./random.ts";

/** Makes database ids and all other random numbers depend on a seed. */
export function fixChance(seed: number): void {
  const random = new Random(seed);
  crypto.getRandomValues = <T extends ArrayBufferView | null>(array: T): T => {
    if (array === null) return array;
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    for (let i = 0; i < bytes.length; i++) bytes[i] = random.u32();
    return array;
  };
}
