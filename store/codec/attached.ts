/**
 * Arrays whose memory is gone: its buffer was given to a worker, or has become too short. Such an
 * array says that it is empty, and would be kept as if it were.
 */

/** What every array of numbers has, whatever a class made of it has put in its place. */
const { indexOf } = Object.getPrototypeOf(Uint8Array.prototype) as Uint8Array;

/**
 * An array, whose memory is there.
 *
 * @param action What cannot be done where it is gone.
 * @throws {TypeError} It is gone.
 */
export function checkAttached<T extends Uint8Array>(bytes: T, action = "encode"): T {
  if (bytes.length > 0) return bytes;
  try {
    // Only a method tells.
    indexOf.call(bytes, 0);
  } catch (cause) {
    throw new TypeError(`Cannot ${action}: the memory of the bytes is gone`, { cause });
  }
  return bytes;
}
