/**
 * The codecs of a tree at work: keys and values to bytes and back, bounds of ranges, and the names
 * that the catalog keeps so that a tree is not opened with other codecs.
 *
 * A key is encoded into memory that the next one overwrites; whoever keeps it copies it. The names
 * stand in the catalog as two texts, each a length byte and that many bytes of UTF-8; nothing at
 * all means that both are "bytes".
 */

import { KEY_BYTES_MAX, type Tree as Entries } from "../btree/mod.ts";
import { CorruptionError } from "../pager/mod.ts";
import { checkCodec, checkKeyCodec, type Codec, type KeyCodec } from "./codec/mod.ts";
import { bytes, keyBytes } from "./codec/mod.ts";
import type { Slab } from "./slab.ts";

const NAME_BYTES_MAX = 255;
const DEFAULT_NAME = "bytes";

/** How keys and values of a tree become bytes. */
export interface Codecs<K, V, KI = K, VI = V, P = KI> {
  /** Of keys; the entries sort as its bytes do. Default bytes, and text in UTF-8. */
  readonly key?: KeyCodec<K, KI, P>;
  /** Of values. Default bytes. */
  readonly value?: Codec<V, VI>;
}

/** The codecs of a tree at work. */
export class TreeFormat<K, V, KI, VI, P> {
  /** The codec of keys. */
  readonly key: KeyCodec<K, KI, P>;
  /** The codec of values. */
  readonly value: Codec<V, VI>;
  /** The key encoded last; good until the next one. */
  bytes: Uint8Array = new Uint8Array(0);

  readonly #scratch = new Uint8Array(KEY_BYTES_MAX);
  readonly #keysAreBytes: boolean;
  readonly #valuesKeepBytes: boolean;

  /**
   * The format of a tree.
   *
   * @throws {TypeError} What is given is no codec, or none for keys.
   */
  constructor(codecs: Codecs<K, V, KI, VI, P>) {
    // Who leaves a codec out has the types of the default one.
    const { key = keyBytes, value = bytes } = codecs;
    this.key = key as KeyCodec<K, KI, P>;
    this.value = value as Codec<V, VI>;
    checkKeyCodec(this.key);
    checkCodec(this.value);
    this.#keysAreBytes = (this.key as unknown) === keyBytes || (this.key as unknown) === bytes;
    this.#valuesKeepBytes = this.value.keepsBytes ?? true;
  }

  /**
   * Encodes a key, into `bytes`.
   *
   * @returns Its length.
   * @throws {TypeError} The codec refused.
   * @throws {RangeError} It is too long.
   */
  encodeKey(key: KI): number {
    if (this.#keysAreBytes && key instanceof Uint8Array) {
      this.bytes = key;
      return checkLength(key.length);
    }
    const length = this.key.encodeInto?.(key, this.#scratch) ?? -1;
    if (length >= 0 && length <= KEY_BYTES_MAX) {
      this.bytes = this.#scratch;
      return length;
    }
    this.bytes = checkBytes(this.key.encode(key));
    return checkLength(this.bytes.length);
  }

  /** The bytes of a key, in memory of their own. */
  keyOf(key: KI): Uint8Array {
    const length = this.encodeKey(key);
    return this.bytes.slice(0, length);
  }

  /** The bytes that the keys of a prefix begin with, in memory of their own. */
  prefixOf(prefix: P): Uint8Array {
    // Where a codec says nothing of prefixes, they are keys.
    if (this.key.encodePrefix === undefined) return this.keyOf(prefix as unknown as KI);
    const bytes = checkBytes(this.key.encodePrefix(prefix));
    checkLength(bytes.length);
    return bytes.slice();
  }

  /** The bytes of a value; good until the next one. */
  encodeValue(value: VI): Uint8Array {
    return checkBytes(this.value.encode(value));
  }

  /** The value that a tree found last. */
  foundValue(entries: Entries, slab: Slab): V {
    const { foundBytes, foundAt, foundLength } = entries;
    if (foundLength < 0) return this.value.decode(entries.readRuns(foundBytes, foundAt));
    if (this.#valuesKeepBytes) {
      return this.value.decode(slab.copy(foundBytes, foundAt, foundLength));
    }
    return this.value.decode(foundBytes.subarray(foundAt, foundAt + foundLength));
  }

  /** What the catalog keeps of the codecs. */
  attributes(): Uint8Array {
    const { name: ofKeys = "" } = this.key;
    const { name: ofValues = "" } = this.value;
    if (ofKeys === DEFAULT_NAME && ofValues === DEFAULT_NAME) return new Uint8Array(0);
    const names = [ofKeys, ofValues].map((name) => new TextEncoder().encode(name));
    const tooLong = names.find(({ length }) => length > NAME_BYTES_MAX);
    if (tooLong !== undefined) {
      throw new RangeError(`Cannot use a codec: its name of ${tooLong.length} bytes is too long`);
    }
    return Uint8Array.from(names.flatMap((name) => [name.length, ...name]));
  }

  /**
   * Refuses a tree that was made with other codecs.
   *
   * @throws {TypeError} It was.
   * @throws {CorruptionError} What the catalog says of it is malformed.
   */
  check(tree: string, attributes: Uint8Array, catalogRoot: number): void {
    const [ofKeys, ofValues] = namesIn(attributes, catalogRoot);
    refuse(tree, "keys", ofKeys, this.key.name);
    refuse(tree, "values", ofValues, this.value.name);
  }
}

/** The names of codecs that the catalog keeps of a tree: of keys, of values. */
export function namesIn(attributes: Uint8Array, catalogRoot: number): [string, string] {
  if (attributes.length === 0) return [DEFAULT_NAME, DEFAULT_NAME];
  const end = 1 + attributes[0];
  const isWhole = end < attributes.length && end + 1 + attributes[end] === attributes.length;
  if (!isWhole) {
    throw new CorruptionError(catalogRoot, 0, "the catalog names codecs that are malformed");
  }
  const decoder = new TextDecoder();
  return [
    decoder.decode(attributes.subarray(1, end)),
    decoder.decode(attributes.subarray(end + 1)),
  ];
}

/** Codecs without a name are not checked. */
function refuse(tree: string, what: string, stored: string, given: string | undefined): void {
  if (stored === "" || given === undefined || stored === given) return;
  throw new TypeError(`Cannot open tree ${tree}: its ${what} are ${stored}, not ${given}`);
}

function checkLength(length: number): number {
  if (length <= KEY_BYTES_MAX) return length;
  throw new RangeError(`Cannot use the key: ${length} bytes exceed ${KEY_BYTES_MAX}`);
}

function checkBytes(bytes: Uint8Array): Uint8Array {
  if (bytes instanceof Uint8Array) return bytes;
  throw new TypeError(`Cannot encode: the codec made ${typeof bytes}, not bytes`);
}
