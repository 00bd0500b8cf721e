/**
 * Short text of Latin-1 in bytes. To ask the system for a string costs more than to make a short
 * one here.
 */

const CACHED_MAX = 32;
const CACHE_SLOTS = 512;

/** The text of some bytes, of which each is a character. */
export function shortText(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  let at = start;
  // Several at a time take less than half of the time.
  for (; at + 4 <= end; at += 4) {
    text += String.fromCharCode(bytes[at]!, bytes[at + 1]!, bytes[at + 2]!, bytes[at + 3]!);
  }
  for (; at < end; at++) text += String.fromCharCode(bytes[at]!);
  return text;
}

/** Text that was read, by a hash of its bytes, for text of which there are few kinds. */
export class TextCache {
  readonly #texts: (string | undefined)[] = new Array(CACHE_SLOTS).fill(undefined);

  /** The text of some bytes, as `shortText` returns it. */
  text(bytes: Uint8Array, start: number, end: number): string {
    const length = end - start;
    if (length > CACHED_MAX) return shortText(bytes, start, end);
    let hash = length;
    for (let at = start; at < end; at++) hash = (hash * 31 + bytes[at]!) | 0;
    const slot = hash & (CACHE_SLOTS - 1);
    const known = this.#texts[slot];
    if (known !== undefined && isAt(known, bytes, start, length)) return known;
    return this.#texts[slot] = shortText(bytes, start, end);
  }
}

function isAt(text: string, bytes: Uint8Array, start: number, length: number): boolean {
  if (text.length !== length) return false;
  for (let i = 0; i < length; i++) {
    if (text.charCodeAt(i) !== bytes[start + i]) return false;
  }
  return true;
}
