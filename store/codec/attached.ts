/**
 * Refuses detached arrays: their buffer was transferred or has shrunk. Such an array has length 0,
 * and would be stored as an empty value.
 */

/** The method of all typed arrays, which a subclass cannot override. */
const { indexOf } = Object.getPrototypeOf(Uint8Array.prototype) as Uint8Array;

/**
 * Returns an attached array.
 *
 * @param action The refused action, for the message.
 * @throws {TypeError} It is detached.
 */
export function checkAttached<T extends Uint8Array>(bytes: T, action = "encode"): T {
  if (bytes.length > 0) return bytes;
  try {
    // Only a method call reveals it.
    indexOf.call(bytes, 0);
  } catch (cause) {
    throw new TypeError(`Cannot ${action}: the memory of the bytes is gone`, { cause });
  }
  return bytes;
}
