/**
 * Short text of Latin-1 in bytes. To ask the system for a string costs more than to make a short
 * one here.
 */

/** Longer text is not remembered. */
const CACHED_MAX = 32;
const CACHE_SLOTS = 512;
const { fromCharCode } = String;

/** The text of some bytes, of which each is a character. */
export function shortText(bytes: Uint8Array, start: number, end: number): string {
  if (end - start === 1) return fromCharCode(bytes[start]!);
  if (end - start <= 16) return upTo16(bytes, start, end - start);
  let text = "";
  let at = start;
  // Characters in one call cost little more than one, and each addition as much as a call.
  for (; at + 16 < end; at += 16) text += upTo16(bytes, at, 16);
  return text + upTo16(bytes, at, end - at);
}

/**
 * Text of up to 16 characters. It is too long for V8 to repeat it where it is called. To take
 * elements from a list in one declaration would make an iterator for each call.
 */
function upTo16(bytes: Uint8Array, at: number, length: number): string {
  const a = bytes[at]!;
  const b = bytes[at + 1]!;
  const c = bytes[at + 2]!;
  const d = bytes[at + 3]!;
  switch (length) {
    case 0:
      return "";
    case 1:
      return fromCharCode(a);
    case 2:
      return fromCharCode(a, b);
    case 3:
      return fromCharCode(a, b, c);
    case 4:
      return fromCharCode(a, b, c, d);
  }
  const e = bytes[at + 4]!;
  const f = bytes[at + 5]!;
  const g = bytes[at + 6]!;
  const h = bytes[at + 7]!;
  switch (length) {
    case 5:
      return fromCharCode(a, b, c, d, e);
    case 6:
      return fromCharCode(a, b, c, d, e, f);
    case 7:
      return fromCharCode(a, b, c, d, e, f, g);
    case 8:
      return fromCharCode(a, b, c, d, e, f, g, h);
  }
  const i = bytes[at + 8]!;
  const j = bytes[at + 9]!;
  const k = bytes[at + 10]!;
  const l = bytes[at + 11]!;
  switch (length) {
    case 9:
      return fromCharCode(a, b, c, d, e, f, g, h, i);
    case 10:
      return fromCharCode(a, b, c, d, e, f, g, h, i, j);
    case 11:
      return fromCharCode(a, b, c, d, e, f, g, h, i, j, k);
    case 12:
      return fromCharCode(a, b, c, d, e, f, g, h, i, j, k, l);
  }
  const m = bytes[at + 12]!;
  const n = bytes[at + 13]!;
  const o = bytes[at + 14]!;
  const p = bytes[at + 15]!;
  switch (length) {
    case 13:
      return fromCharCode(a, b, c, d, e, f, g, h, i, j, k, l, m);
    case 14:
      return fromCharCode(a, b, c, d, e, f, g, h, i, j, k, l, m, n);
    case 15:
      return fromCharCode(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o);
    default:
      return fromCharCode(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p);
  }
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
