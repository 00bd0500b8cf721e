/**
 * The codecs of a tree at work: keys and values to bytes and back, bounds of ranges, and the names
 * that the catalog keeps so that a tree is not opened with other codecs.
 *
 * A key is encoded into memory that the next one overwrites; whoever keeps it copies it. The names
 * stand in the catalog as two texts, each a length byte and that many bytes of UTF-8; nothing at
 * all means that both are "bytes".
 */

import { type BTree, KEY_BYTES_MAX } from "../../btree/mod.ts";
import { CorruptionError } from "../../pager/mod.ts";
import { checkAttached, checkCodec, checkKeyCodec } from "../codec/mod.ts";
import { type Codec, type KeyCodec, UNDEFINED_VALUE } from "../codec/mod.ts";
import { bytes, json, keyBytes, string, structured, tuple, u64 } from "../codec/mod.ts";
import { copyOf, copyOfKey } from "./copy.ts";
import { ANY, checkOptions } from "./argument_checks.ts";
import type { Slab } from "./slab.ts";

const DEFAULT_NAME = "bytes";
/** Codecs that give each value memory of its own, or the value itself. */
const NOT_REUSING: ReadonlySet<unknown> = new Set<unknown>(
  [bytes, json, keyBytes, string, structured, tuple, u64],
);

/** How keys and values of a tree become bytes. */
export interface Codecs<K, V, KI = K, VI = V, P = KI> {
  /** Of keys; the entries sort as its bytes do. Default bytes, and text in UTF-8. */
  readonly key?: KeyCodec<K, KI, P> | undefined;
  /** Of values. Default bytes. */
  readonly value?: Codec<V, VI> | undefined;
}

/** The codecs of a tree at work. */
export class TreeFormat<K, V, KI, VI, P> {
  /** The codec of keys. */
  readonly key: KeyCodec<K, KI, P>;
  /** The codec of values. */
  readonly value: Codec<V, VI>;
  /** Whether what the codec of values decodes is made of the bytes that it is given. */
  readonly valuesKeepBytes: boolean;
  /** The key encoded last; good until the next one. */
  bytes: Uint8Array = new Uint8Array(0);

  readonly #scratch = new Uint8Array(KEY_BYTES_MAX);
  readonly #keysAreBytes: boolean;
  readonly #valuesMayBeReused: boolean;

  /**
   * The format of a tree.
   *
   * @throws {TypeError} What is given is no codec, or none for keys.
   * @throws {RangeError} A codec's name is too long.
   */
  constructor(codecs: Codecs<K, V, KI, VI, P>) {
    checkCodecs(codecs);
    // Who leaves a codec out has the types of the default one.
    const { key = keyBytes, value = bytes } = codecs;
    this.key = key as KeyCodec<K, KI, P>;
    this.value = value as Codec<V, VI>;
    checkKeyCodec(this.key);
    checkCodec(this.value);
    this.#keysAreBytes = (this.key as unknown) === keyBytes || (this.key as unknown) === bytes;
    this.valuesKeepBytes = this.value.keepsBytes ?? true;
    this.#valuesMayBeReused = !NOT_REUSING.has(this.value);
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
      this.bytes = checkAttached(key);
      return checkLength(key.length);
    }
    // No codec of a user's can make a key of what says elsewhere that there is none.
    if (key === undefined) throw new TypeError("Cannot encode: undefined is no key");
    const length = this.key.encodeInto?.(key, this.#scratch) ?? -1;
    this.bytes = this.#scratch;
    // A codec of a user's may return anything.
    if ((length | 0) === length && length >= 0 && length <= KEY_BYTES_MAX) return length;
    const encoded = checkBytes(this.key.encode(key));
    checkLength(encoded.length);
    this.#scratch.set(encoded);
    return encoded.length;
  }

  /** The bytes of a key, in memory that nothing writes to, for use in the engine. */
  keyOf(key: KI): Uint8Array {
    const length = this.encodeKey(key);
    return copyOfKey(this.bytes, length);
  }

  /** The bytes that the keys of a prefix begin with, as `keyOf` has them. */
  prefixOf(prefix: P): Uint8Array {
    // Where a codec says nothing of prefixes, they are keys.
    if (this.key.encodePrefix === undefined) return this.keyOf(prefix as unknown as KI);
    const bytes = checkBytes(this.key.encodePrefix(prefix));
    checkLength(bytes.length);
    return copyOfKey(bytes);
  }

  /**
   * The bytes of a value: itself, or memory that no other call of a codec writes to.
   *
   * @throws {TypeError} It is undefined, or the codec refused.
   */
  encodeValue(value: VI): Uint8Array {
    if (value === undefined) throw new TypeError(UNDEFINED_VALUE);
    const encoded = checkBytes(this.value.encode(value));
    return this.#valuesMayBeReused ? copyOf(encoded) : encoded;
  }

  /** Whether bytes that differ are of equal values all the same. */
  isEqual(now: V, before: Uint8Array): boolean {
    return this.value.equals?.(now, this.value.decode(before)) ?? false;
  }

  /** The value that a tree found last. */
  foundValue(entries: BTree, slab: Slab): V {
    const { bytes, at, length } = entries.found;
    if (length < 0) return this.value.decode(entries.readRuns(bytes, at));
    if (this.valuesKeepBytes) return this.value.decode(slab.copy(bytes, at, length));
    return this.value.decode(bytes.subarray(at, at + length));
  }

  /** What the catalog keeps of the codecs. */
  attributes(): Uint8Array {
    const { name: ofKeys = "" } = this.key;
    const { name: ofValues = "" } = this.value;
    if (ofKeys === DEFAULT_NAME && ofValues === DEFAULT_NAME) return new Uint8Array(0);
    const names = [ofKeys, ofValues].map((name) => new TextEncoder().encode(name));
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
  const end = 1 + attributes[0]!;
  const isWhole = end < attributes.length && end + 1 + attributes[end]! === attributes.length;
  const rule = "the catalog names codecs that are malformed";
  if (!isWhole) throw new CorruptionError(catalogRoot, 0, rule);
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  try {
    return [
      decoder.decode(attributes.subarray(1, end)),
      decoder.decode(attributes.subarray(end + 1)),
    ];
  } catch {
    throw new CorruptionError(catalogRoot, 0, rule);
  }
}

/**
 * Refuses what is no object with codecs, and options that there are not.
 *
 * @throws {TypeError} It is none.
 */
export function checkCodecs(codecs: unknown): void {
  checkOptions("open a tree", codecs, { key: ANY, value: ANY });
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
  if (bytes instanceof Uint8Array) return checkAttached(bytes);
  throw new TypeError(`Cannot encode: the codec made ${typeof bytes}, not bytes`);
}
