/**
 * Copies of bytes: a `slice` of what may be a `Buffer` is another view of the same memory.
 */

/** A copy of bytes, or of the first of them, in memory of its own. */
export function copyOf(bytes: Uint8Array, length: number = bytes.length): Uint8Array {
  const copy = new Uint8Array(length);
  copy.set(length === bytes.length ? bytes : bytes.subarray(0, length));
  return copy;
}
