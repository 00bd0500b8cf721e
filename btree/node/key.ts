/**
 * Keys as bytes: comparing them, what two of them share, and the shortest key between two.
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

/** How many bytes two keys begin with alike. */
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
 * The length of the shortest beginning of `right` that is above `left`; every key between the two
 * sorts rightly against it. `left` is below `right`.
 */
export function separatorLength(
  left: Uint8Array,
  leftLength: number,
  right: Uint8Array,
  rightLength: number,
): number {
  return commonLength(left, leftLength, right, rightLength) + 1;
}
