/**
 * Copies of bytes. `slice` does not serve: that of a `Buffer` is a view of the same memory.
 */

/** A copy of bytes, or of the first of them, in memory of its own. */
export function copyOf(bytes: Uint8Array, length: number = bytes.length): Uint8Array {
  const copy = new Uint8Array(length);
  copy.set(length === bytes.length ? bytes : bytes.subarray(0, length));
  return copy;
}

const BLOCK_BYTES = 8 * 1024;

let block = new Uint8Array(0);
let blockUsed = 0;

/**
 * A copy of a key. Copies share one buffer, as allocating a buffer costs more than all other work
 * to begin a range. They must not leave the engine.
 *
 * @param zeros The number of zeros that follow it.
 */
export function copyOfKey(
  bytes: Uint8Array,
  length: number = bytes.length,
  zeros = 0,
): Uint8Array {
  if (blockUsed + length + zeros > block.length) {
    block = new Uint8Array(BLOCK_BYTES);
    blockUsed = 0;
  }
  const start = blockUsed;
  blockUsed += length + zeros;
  for (let i = 0; i < length; i++) block[start + i]! = bytes[i]!;
  return new Uint8Array(block.buffer, start, length + zeros);
}
