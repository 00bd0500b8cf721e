/**
 * Byte keys: comparison, common prefix, and the shortest separator between two keys.
 */

/** Below 0, 0 or above 0 as the first key sorts before, with or after the second. */
export function compareKeys(
  a: Uint8Array,
  aLength: number,
  b: Uint8Array,
  bLength: number,
): number {
  const common = aLength < bLength ? aLength : bLength;
  for (let i = 0; i < common; i++) {
    if (a[i] !== b[i]) return a[i]! - b[i]!;
  }
  return aLength - bLength;
}

/** The length of the common prefix of two keys. */
export function commonLength(
  a: Uint8Array,
  aLength: number,
  b: Uint8Array,
  bLength: number,
): number {
  const most = aLength < bLength ? aLength : bLength;
  let length = 0;
  while (length < most && a[length] === b[length]) length++;
  return length;
}

/**
 * The length of the shortest prefix of `right` that is above `left`. It separates the two: keys up
 * to `left` are below it, keys from `right` on are not. `left` is below `right`.
 */
export function separatorLength(
  left: Uint8Array,
  leftLength: number,
  right: Uint8Array,
  rightLength: number,
): number {
  return commonLength(left, leftLength, right, rightLength) + 1;
}
