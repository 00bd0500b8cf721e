/**
 * Short text of Latin-1 in bytes. To ask the system for a string costs more than to make a short
 * one here.
 */

const CACHED_MAX = 32;
const CACHE_SLOTS = 512;
const { fromCharCode } = String;

/** The text of some bytes, of which each is a character. */
export function shortText(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  let at = start;
  // Characters in one call cost little more than one, and each addition as much as a call.
  for (; at + 8 < end; at += 8) text += upTo8(bytes, at, 8);
  return text + upTo8(bytes, at, end - at);
}

function upTo8(bytes: Uint8Array, at: number, length: number): string {
  const [a, b, c, d] = [bytes[at]!, bytes[at + 1]!, bytes[at + 2]!, bytes[at + 3]!];
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
  const [e, f, g, h] = [bytes[at + 4]!, bytes[at + 5]!, bytes[at + 6]!, bytes[at + 7]!];
  switch (length) {
    case 5:
      return fromCharCode(a, b, c, d, e);
    case 6:
      return fromCharCode(a, b, c, d, e, f);
    case 7:
      return fromCharCode(a, b, c, d, e, f, g);
    default:
      return fromCharCode(a, b, c, d, e, f, g, h);
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

/** The most keys that are remembered at one place. */
const PLACE_MAX = 4;

/** The number of keys that may still be remembered. */
export interface KeyRoom {
  /** The number. */
  left: number;
}

/**
 * The keys that were read at one place of objects: first, or behind a certain other key. Most
 * objects have the keys of the one before, which are compared as bytes and not made anew.
 */
export class KnownKeys {
  readonly #room: KeyRoom;
  #first: KnownKey | undefined;
  #left = PLACE_MAX;

  /** Begins without keys; the places behind share the room. */
  constructor(room: KeyRoom) {
    this.#room = room;
  }

  /** The key with the bytes at an offset, or undefined if none is known to begin there. */
  find(bytes: Uint8Array, at: number): KnownKey | undefined {
    let key = this.#first;
    while (key !== undefined && !key.isAt(bytes, at)) key = key.other;
    return key;
  }

  /** Remembers a key that has these bytes. Returns undefined if there is no room. */
  add(text: string, bytes: Uint8Array): KnownKey | undefined {
    if (this.#left === 0 || this.#room.left === 0 || bytes.length > CACHED_MAX) return undefined;
    this.#left--;
    this.#room.left--;
    return this.#first = new KnownKey(text, bytes.slice(), this.#first, this.#room);
  }
}

/** The place of keys that are not remembered. */
export const NO_KEYS: KnownKeys = new KnownKeys({ left: 0 });

/** A key that was read. */
class KnownKey {
  /** The key. */
  readonly text: string;
  /** The number of its bytes, with that of its length. */
  readonly length: number;
  /** Another key that was read at the same place. */
  readonly other: KnownKey | undefined;
  /** The keys behind it. */
  readonly next: KnownKeys;
  /** The first keys of the objects in its value. */
  readonly inner: KnownKeys;
  readonly #bytes: Uint8Array;

  constructor(text: string, bytes: Uint8Array, other: KnownKey | undefined, room: KeyRoom) {
    this.text = text;
    this.length = bytes.length;
    this.other = other;
    this.next = new KnownKeys(room);
    this.inner = new KnownKeys(room);
    this.#bytes = bytes;
  }

  /** Whether its bytes are those at an offset. */
  isAt(bytes: Uint8Array, at: number): boolean {
    const own = this.#bytes;
    for (let i = 0; i < own.length; i++) {
      if (own[i] !== bytes[at + i]) return false;
    }
    return true;
  }
}
