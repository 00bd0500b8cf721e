/**
 * Searches of a chunk's bitmap: 256 bits in eight 32-bit words, 1 = taken; bit i of word w is slot
 * w * 32 + i. They go word by word, with `Math.clz32`, allocate nothing and change nothing.
 */

/** The number of bits in a chunk's bitmap. */
export const BITS = 256;
/** The number of words in a chunk's bitmap. */
export const WORDS = 8;

/** The first taken slot at or after `from`, or 256. */
export function nextTaken(words: Uint32Array, from: number): number {
  return nextSet(words, from, 0);
}

/** The first free slot at or after `from`, or 256. */
export function nextFree(words: Uint32Array, from: number): number {
  return nextSet(words, from, -1);
}

/** The first slot at or after `from` that starts `span` free slots, or -1. */
export function findFree(words: Uint32Array, span: number, from: number): number {
  let slot = nextFree(words, from);
  while (slot + span <= BITS) {
    const end = nextTaken(words, slot);
    if (end - slot >= span) return slot;
    slot = nextFree(words, end);
  }
  return -1;
}

/** The length of the longest run of free slots. */
export function longestFree(words: Uint32Array): number {
  let longest = 0;
  for (let slot = nextFree(words, 0); slot < BITS;) {
    const end = nextTaken(words, slot);
    if (end - slot > longest) longest = end - slot;
    slot = nextFree(words, end);
  }
  return longest;
}

/** The first bit at or after `from` that is set once each word is XORed with `flip`, or 256. */
function nextSet(words: Uint32Array, from: number, flip: number): number {
  if (from >= BITS) return BITS;
  let word = from >>> 5;
  let bits = (words[word]! ^ flip) & (-1 << (from & 31));
  while (bits === 0) {
    if (++word === WORDS) return BITS;
    bits = words[word]! ^ flip;
  }
  return word * 32 + 31 - Math.clz32(bits & -bits);
}
