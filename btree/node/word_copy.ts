/**
 * Copies bytes from any offset to a word boundary, a word at a time. For short copies this is
 * faster than a call of the runtime or a loop over bytes. Words are little-endian, as in frames.
 */

/**
 * Copies bytes to a word boundary. It overwrites the rest of the last word.
 *
 * @param from The source, as words.
 * @param fromAt The first byte.
 * @param to The target, as words.
 * @param toAt The first word.
 * @param count The number of bytes.
 */
export function copyWords(
  from: Uint32Array,
  fromAt: number,
  to: Uint32Array,
  toAt: number,
  count: number,
): void {
  const end = toAt + ((count + 3) >> 2);
  const shift = (fromAt & 3) << 3;
  let at = fromAt >> 2;
  if (shift === 0) {
    while (toAt < end) to[toAt++] = from[at++]!;
    return;
  }
  // The word after the last byte may be past the end of the array.
  const last = (fromAt + count - 1) >> 2;
  let word = from[at]!;
  while (at < last) {
    const next = from[++at]!;
    to[toAt++] = (word >>> shift) | (next << (32 - shift));
    word = next;
  }
  if (toAt < end) to[toAt] = word >>> shift;
}
