/**
 * The interface of a codec: it encodes values to bytes and decodes them.
 *
 * Keys sort by their bytes, so the bytes of a codec for keys must sort as its values do. A codec
 * with `ordered: false` is for values alone: both the types and `checkKeyCodec` refuse it for keys.
 * A codec without `ordered` is accepted for keys, on its author's responsibility.
 */

/** The message for undefined, which means "no entry" as an argument. */
export const UNDEFINED_VALUE = "Cannot encode: undefined is not a value, it means no entry";

/** The longest name of a codec, in bytes of UTF-8. */
const NAME_BYTES_MAX = 255;

/**
 * Turns values into bytes and back.
 *
 * `Out` is the decoded type, `In` the accepted type, `Prefix` the type of prefixes of ranges.
 *
 * ```ts
 * import type { Codec } from "./mod.ts";
 *
 * const date: Codec<Date> = {
 *   encode: (value) => new TextEncoder().encode(value.toISOString()),
 *   decode: (bytes) => new Date(new TextDecoder().decode(bytes)),
 * };
 * console.assert(date.decode(date.encode(new Date(5))).getTime() === 5);
 * ```
 */
export interface Codec<Out, In = Out, Prefix = In> {
  /**
   * The name, 1 to 255 bytes of UTF-8. A tree stores it, and refuses to open with another codec.
   * Built-in codecs have the name of their export. Without a name nothing is checked.
   */
  readonly name?: string | undefined;
  /** Whether the bytes sort as the values do. False makes the codec unfit for keys. */
  readonly ordered?: boolean | undefined;
  /**
   * Whether the result of `decode` refers to its argument, which the caller must then own. Default
   * true. False saves a copy.
   */
  readonly keepsBytes?: boolean | undefined;
  /**
   * Encodes a value. The result may be the value itself, or memory that the codec reuses: it is
   * valid until the next call. Trees never encode undefined.
   *
   * @throws {TypeError} The value cannot be encoded.
   * @throws {RangeError} It is too large.
   */
  encode(value: In): Uint8Array;
  /**
   * Writes at the start of `into` what `encode` would return, without an allocation.
   *
   * @returns The length, or -1 if the bytes do not fit, in which case `into` may hold anything.
   * @throws {TypeError} The value cannot be encoded.
   * @throws {RangeError} It is too large.
   */
  encodeInto?(value: In, into: Uint8Array): number;
  /**
   * Whether two decoded values are equal. `compareAndSet` calls it if their bytes differ. A codec
   * needs it if `encode` may return different bytes for equal values. Default false.
   */
  equals?(a: Out, b: Out): boolean;
  /** The bytes that all keys with this prefix, and no others, begin with. Default `encode`. */
  encodePrefix?(prefix: Prefix): Uint8Array;
  /**
   * Decodes the bytes of a value.
   *
   * @param bytes A view that the codec must not change, nor keep unless `keepsBytes`.
   * @throws {TypeError} The bytes are malformed.
   */
  decode(bytes: Uint8Array): Out;
}

/** A codec for keys and values: its bytes sort as its values do. */
export interface KeyCodec<Out, In = Out, Prefix = In> extends Codec<Out, In, Prefix> {
  /** Its bytes sort as its values do. */
  readonly ordered?: true | undefined;
}

/** A codec for values alone: its bytes do not sort as its values do. */
export interface ValueCodec<Out, In = Out> extends Codec<Out, In> {
  /** Its bytes do not sort as its values do. */
  readonly ordered: false;
}

/**
 * Refuses an argument that is not a codec.
 *
 * @throws {TypeError} It lacks `encode` or `decode`, or its name is not well-formed text.
 * @throws {RangeError} Its name is empty or too long.
 */
export function checkCodec(codec: Codec<unknown>): void {
  if (typeof codec?.encode !== "function" || typeof codec.decode !== "function") {
    throw new TypeError("Cannot use the codec: it needs the functions encode and decode");
  }
  if (codec.name !== undefined) checkCodecName(codec.name);
}

/** Names are compared after storage in UTF-8, so encoding must preserve them. */
function checkCodecName(name: string): void {
  if (typeof name !== "string" || !name.isWellFormed()) {
    throw new TypeError("Cannot use the codec: its name is not well-formed text");
  }
  const { length } = new TextEncoder().encode(name);
  if (length >= 1 && length <= NAME_BYTES_MAX) return;
  const range = `1..${NAME_BYTES_MAX}`;
  throw new RangeError(`Cannot use the codec: its name of ${length} bytes is not of ${range}`);
}

/**
 * Refuses an argument that is not a codec for keys, for callers without a type check.
 *
 * @throws {TypeError} It is for values alone, or not a codec.
 */
export function checkKeyCodec(codec: Codec<unknown>): void {
  checkCodec(codec);
  if (codec.ordered !== false) return;
  const which = codec.name === undefined ? "the codec" : `codec ${codec.name}`;
  throw new TypeError(`Cannot use ${which} for keys: its bytes do not sort as its values do`);
}

/** The error of a codec for a failure with another error as its cause. */
export function cannot(action: "encode" | "decode", cause: unknown): TypeError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new TypeError(`Cannot ${action}: ${reason}`, { cause });
}

/** The type of a value, for messages. */
export function kindOf(value: unknown): string {
  return value === null ? "null" : typeof value;
}

/** The same with its article, as in "an object". */
export function aKindOf(value: unknown): string {
  const kind = kindOf(value);
  if (value === null || value === undefined) return kind;
  return kind === "object" ? `an ${kind}` : `a ${kind}`;
}
