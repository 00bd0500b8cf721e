/**
 * The format of a tree: applies its codecs to keys, values and bounds of ranges, and compares the
 * names of codecs in the catalog, so that a tree is not opened with other codecs.
 *
 * An encoded key is valid until the next one of any tree overwrites it; copy it to keep it. The
 * catalog stores the two names as a length byte and that many bytes of UTF-8 each; empty attributes
 * mean that both are "bytes".
 */

import { type BTree, compareKeys, KEY_BYTES_MAX } from "../../btree/mod.ts";
import { CorruptionError } from "../../pager/mod.ts";
import {
  bytes,
  checkAttached,
  checkCodec,
  checkKeyCodec,
  type Codec,
  json,
  keyBytes,
  type KeyCodec,
  string,
  structured,
  tuple,
  u64,
  UNDEFINED_VALUE,
} from "../codec/mod.ts";
import { copyOf, copyOfKey } from "../memory/copy.ts";
import type { ScanMemory, Slab } from "../memory/slab.ts";
import { ANY, checkOptions } from "./argument_checks.ts";

const DEFAULT_NAME = "bytes";
const NO_BYTES = new Uint8Array(0);
/** Codecs that return new memory for each value, or the value itself, and run no other code. */
const BUILT_IN: ReadonlySet<unknown> = new Set<unknown>(
  [bytes, json, keyBytes, string, structured, tuple, u64],
);

/**
 * The memory for encoded keys, which all formats share; undefined while a codec writes to it, so
 * that a codec which reads another tree gets memory of its own.
 */
let scratch: Uint8Array | undefined;

/** How keys and values of a tree become bytes. */
export interface Codecs<K, V, KI = K, VI = V, P = KI> {
  /** The codec of keys; entries sort by its bytes. Default: bytes, and text in UTF-8. */
  readonly key?: KeyCodec<K, KI, P> | undefined;
  /** The codec of values. Default: bytes. */
  readonly value?: Codec<V, VI> | undefined;
}

/** The format of a tree. */
export class TreeFormat<K, V, KI, VI, P> {
  /** The codec of keys. */
  readonly key: KeyCodec<K, KI, P>;
  /** The codec of values. */
  readonly value: Codec<V, VI>;
  /** The memory of entries that a scan decodes: owned where the decoded results keep the bytes. */
  readonly memory: ScanMemory;
  /** The same where only keys are decoded. */
  readonly keyMemory: ScanMemory;
  /** The same where only values are decoded. */
  readonly valueMemory: ScanMemory;
  /** The key encoded last; valid until the next one of any format. */
  encodedKey: Uint8Array = NO_BYTES;

  /** What `attributes` returns, once it was compared. */
  #attributes: Uint8Array | undefined;
  readonly #keysAreBytes: boolean;
  /** Whether decoding a value runs no code of the user. */
  readonly decodesAlone: boolean;

  /**
   * Creates the format of a tree.
   *
   * @throws {TypeError} An argument is not a codec, or not a codec for keys.
   * @throws {RangeError} A codec's name is too long.
   */
  constructor(codecs: Codecs<K, V, KI, VI, P>) {
    checkCodecs(codecs);
    // Without a codec the types are those of the default one.
    const { key = keyBytes, value = bytes } = codecs;
    this.key = key as KeyCodec<K, KI, P>;
    this.value = value as Codec<V, VI>;
    checkKeyCodec(this.key);
    checkCodec(this.value);
    this.#keysAreBytes = (this.key as unknown) === keyBytes || (this.key as unknown) === bytes;
    const ownsKeys = this.key.keepsBytes ?? true;
    const ownsValues = this.value.keepsBytes ?? true;
    this.memory = { takesValues: true, ownsKeys, ownsValues };
    this.valueMemory = { takesValues: true, ownsKeys: false, ownsValues };
    this.keyMemory = { takesValues: false, ownsKeys, ownsValues };
    this.decodesAlone = BUILT_IN.has(this.value);
  }

  /**
   * Encodes a key, into `encodedKey`.
   *
   * @returns Its length.
   * @throws {TypeError} The codec refused the key.
   * @throws {RangeError} It is too long.
   */
  encodeKey(key: KI): number {
    if (this.#keysAreBytes && key instanceof Uint8Array) {
      this.encodedKey = checkAttached(key);
      return checkLength(key.length);
    }
    // Undefined means no entry elsewhere, so no codec may encode it as a key.
    if (key === undefined) throw new TypeError("Cannot encode: undefined is not a key");
    const into = scratch ?? new Uint8Array(KEY_BYTES_MAX);
    scratch = undefined;
    const length = this.#encodeInto(key, into);
    scratch = this.encodedKey = into;
    return length;
  }

  #encodeInto(key: KI, into: Uint8Array): number {
    const length = this.key.encodeInto?.(key, into) ?? -1;
    // A user's codec may return anything.
    if ((length | 0) === length && length >= 0 && length <= KEY_BYTES_MAX) return length;
    const encoded = checkBytes(this.key.encode(key));
    checkLength(encoded.length);
    into.set(encoded);
    return encoded.length;
  }

  /** The bytes of a key, in memory that nothing else writes to, for use in the engine. */
  keyOf(key: KI): Uint8Array {
    const length = this.encodeKey(key);
    return copyOfKey(this.encodedKey, length);
  }

  /** The same, or if `lends` the key itself where it is bytes: valid until other code runs. */
  boundOf(key: KI, lends: boolean): Uint8Array {
    const length = this.encodeKey(key);
    const { encodedKey } = this;
    return lends && encodedKey === key as unknown ? encodedKey : copyOfKey(encodedKey, length);
  }

  /** The bytes of a prefix, in memory as for `keyOf`. */
  prefixOf(prefix: P): Uint8Array {
    // Without `encodePrefix`, prefixes are keys.
    if (this.key.encodePrefix === undefined) return this.keyOf(prefix as unknown as KI);
    const encoded = checkBytes(this.key.encodePrefix(prefix));
    checkLength(encoded.length);
    return copyOfKey(encoded);
  }

  /**
   * The bytes of a value: the value itself, or memory that no later call of a codec writes to.
   *
   * @throws {TypeError} It is undefined, or the codec refused it.
   */
  encodeValue(value: VI): Uint8Array {
    if (value === undefined) throw new TypeError(UNDEFINED_VALUE);
    const encoded = checkBytes(this.value.encode(value));
    // A value that is its own encoding is memory of the caller, as with the codec for bytes.
    return this.decodesAlone || encoded === value as unknown ? encoded : copyOf(encoded);
  }

  /** Whether the codec finds values equal whose bytes differ. */
  isEqual(now: V, before: Uint8Array): boolean {
    return this.value.equals?.(now, this.value.decode(before)) ?? false;
  }

  /** The value of the entry that a tree found last. */
  foundValue(btree: BTree, slab: Slab): V {
    const { bytes, at, length } = btree.found;
    if (length < 0) return this.value.decode(btree.readReferenced(bytes, at));
    if (this.memory.ownsValues) return this.value.decode(slab.copy(bytes, at, length));
    return this.value.decode(bytes.subarray(at, at + length));
  }

  /** The attributes that the catalog stores: the names of the codecs. */
  attributes(): Uint8Array {
    const { name: ofKeys = "" } = this.key;
    const { name: ofValues = "" } = this.value;
    if (ofKeys === DEFAULT_NAME && ofValues === DEFAULT_NAME) return new Uint8Array(0);
    const names = [ofKeys, ofValues].map((name) => new TextEncoder().encode(name));
    return Uint8Array.from(names.flatMap((name) => [name.length, ...name]));
  }

  /**
   * Refuses a tree that was created with other codecs.
   *
   * @throws {TypeError} It was.
   * @throws {CorruptionError} Its attributes are malformed.
   */
  check(tree: string, attributes: Uint8Array, catalogRoot: number): void {
    // Each transaction looks its trees up, and the names are seldom others.
    const own = this.#attributes ??= this.attributes();
    if (compareKeys(attributes, attributes.length, own, own.length) === 0) return;
    const [ofKeys, ofValues] = namesIn(attributes, catalogRoot);
    refuse(tree, "keys", ofKeys, this.key.name);
    refuse(tree, "values", ofValues, this.value.name);
  }
}

/** Decodes the attributes of a tree: the names of the codecs of keys and of values. */
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

/** The names of the codecs of a tree, or undefined if there is none. */
export function codecNamesOf(
  found: { readonly attributes: Uint8Array; readonly catalogRoot: number } | undefined,
): { key: string; value: string } | undefined {
  if (found === undefined) return undefined;
  const [key, value] = namesIn(found.attributes, found.catalogRoot);
  return { key, value };
}

/**
 * Refuses an argument that is not an object with codecs, or has unknown options.
 *
 * @throws {TypeError} It is malformed.
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
