/**
 * Big-endian numbers of 32 bits, without a `DataView`, which would need an allocation.
 */

/** Writes the low 32 bits of a whole number. Bytes past the end of the array are dropped. */
export function writeU32(into: Uint8Array, at: number, value: number): void {
  into[at] = value >>> 24;
  into[at + 1] = value >>> 16;
  into[at + 2] = value >>> 8;
  into[at + 3] = value;
}

/** Reads 32 bits, all of them within the array. */
export function readU32(bytes: Uint8Array, at: number): number {
  const low = (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
  return ((bytes[at]! << 24) | low) >>> 0;
}
