/**
 * The keys of objects that were read. Most objects have the keys of the one before, which are
 * compared as bytes and not made anew.
 *
 * Objects with keys that occur often are made by a function that has them as a literal, in a third
 * of the time that assignments take. Only plain names get into such a function, and a program in
 * which no code may be made from text does without.
 */

/** Longer keys are not remembered. */
const KEY_MAX = 34;
/** The most keys that are remembered at one place. */
const PLACE_MAX = 4;
/** The objects after which a function for their keys is worth its making. */
const MAKER_LEAST = 500;
/** Objects with more keys are made by assignments. */
const MAKER_KEYS_MAX = 32;
/** The names that a function may have in its text. */
const PLAIN_NAME = /^[a-z_$][a-z0-9_$]*$/i;

/** Makes an object of the values of its keys. */
type Maker = (values: readonly unknown[]) => Record<string, unknown>;

/** The number of keys that may still be remembered. */
export interface KeyRoom {
  /** The number. */
  left: number;
}

/** The keys that were read at one place of objects: first, or behind a certain other key. */
export class KnownKeys {
  readonly #room: KeyRoom;
  /** The key before the place, in the same object. */
  readonly #before: KnownKey | undefined;
  #first: KnownKey | undefined;
  #left = PLACE_MAX;
  /** The keys of objects that end here, once one has. */
  #names: readonly string[] | undefined;
  /** The number of objects that have ended here, up to `MAKER_LEAST`. */
  #ended = 0;
  #make: Maker | undefined;

  /** Begins without keys; the places behind share the room. */
  constructor(room: KeyRoom, before?: KnownKey) {
    this.#room = room;
    this.#before = before;
  }

  /** The key whose tag is at an offset, or undefined if none is known to begin there. */
  find(bytes: Uint8Array, at: number): KnownKey | undefined {
    let key = this.#first;
    while (key !== undefined && !key.isAt(bytes, at)) key = key.other;
    return key;
  }

  /**
   * Remembers a key that has the bytes between two offsets. Undefined if there is no room, or the
   * object has it already, as only malformed bytes say.
   */
  add(text: string, bytes: Uint8Array, start: number, end: number): KnownKey | undefined {
    if (this.#left === 0 || this.#room.left === 0 || end - start > KEY_MAX) return undefined;
    if (this.#namesBefore().includes(text)) return undefined;
    this.#left--;
    this.#room.left--;
    const own = new Uint8Array(bytes.subarray(start, end));
    return this.#first = new KnownKey(text, own, this, this.#first, this.#room);
  }

  /** The object that ends here, with the values of its keys. */
  objectOf(values: readonly unknown[]): Record<string, unknown> {
    if (this.#make !== undefined) return this.#make(values);
    const names = this.#names ??= this.#namesBefore();
    if (this.#ended < MAKER_LEAST && ++this.#ended === MAKER_LEAST) this.#make = makerOf(names);
    const object: Record<string, unknown> = {};
    for (let i = 0; i < names.length; i++) object[names[i]!] = values[i];
    return object;
  }

  /** The keys on the way here, in order. */
  #namesBefore(): string[] {
    const names: string[] = [];
    for (let key = this.#before; key !== undefined; key = key.place.#before) names.push(key.text);
    return names.reverse();
  }
}

function makerOf(names: readonly string[]): Maker | undefined {
  // In a literal, `__proto__` is no property.
  const isPlain = (name: string) => PLAIN_NAME.test(name) && name !== "__proto__";
  if (names.length > MAKER_KEYS_MAX || !names.every(isPlain)) return undefined;
  const properties = names.map((name, i) => `"${name}": values[${i}]`);
  try {
    return new Function("values", `return { ${properties.join()} };`) as Maker;
  } catch {
    return undefined;
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
  /** Where it was read. */
  readonly place: KnownKeys;
  /** Another key that was read at the same place. */
  readonly other: KnownKey | undefined;
  /** The keys behind it. */
  readonly next: KnownKeys;
  /** The first keys of the objects in its value. */
  readonly inner: KnownKeys;
  readonly #bytes: Uint8Array;

  constructor(
    text: string,
    bytes: Uint8Array,
    place: KnownKeys,
    other: KnownKey | undefined,
    room: KeyRoom,
  ) {
    this.text = text;
    this.length = bytes.length;
    this.place = place;
    this.other = other;
    this.next = new KnownKeys(room, this);
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
