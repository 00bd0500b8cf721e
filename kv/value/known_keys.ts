/**
 * The keys of objects that were read. Most objects have the keys of the one before, which are
 * compared as bytes and not made anew.
 */

/** Longer keys are not remembered. */
const KEY_MAX = 34;
/** The most keys that are remembered at one place. */
const PLACE_MAX = 4;

/** The number of keys that may still be remembered. */
export interface KeyRoom {
  /** The number. */
  left: number;
}

/** The keys that were read at one place of objects: first, or behind a certain other key. */
export class KnownKeys {
  readonly #room: KeyRoom;
  #first: KnownKey | undefined;
  #left = PLACE_MAX;

  /** Begins without keys; the places behind share the room. */
  constructor(room: KeyRoom) {
    this.#room = room;
  }

  /** The key whose tag is at an offset, or undefined if none is known to begin there. */
  find(bytes: Uint8Array, at: number): KnownKey | undefined {
    let key = this.#first;
    while (key !== undefined && !key.isAt(bytes, at)) key = key.other;
    return key;
  }

  /** Remembers a key that has the bytes between two offsets. Undefined if there is no room. */
  add(text: string, bytes: Uint8Array, start: number, end: number): KnownKey | undefined {
    if (this.#left === 0 || this.#room.left === 0 || end - start > KEY_MAX) return undefined;
    this.#left--;
    this.#room.left--;
    const own = new Uint8Array(bytes.subarray(start, end));
    return this.#first = new KnownKey(text, own, this.#first, this.#room);
  }
}

/** The place of keys that are not remembered. */
export const NO_KEYS: KnownKeys = new KnownKeys({ left: 0 });

/** A key that was read. */
class KnownKey {
  /** The key. */
  readonly text: string;
  /** The number of its bytes, with tag and length. */
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
