/**
 * What a codec is: how values become bytes and come back.
 *
 * Keys are kept in the order of their bytes, so a codec for keys has to give bytes that sort as its
 * values do. Which codecs cannot, says `ordered: false`: they are for values alone, and both the
 * types and `checkKeyCodec` refuse them for keys. A codec that says nothing of order is taken for
 * keys, on the word of who wrote it.
 */

/** Why undefined is refused: where a value may be given, it says that there is no entry. */
export const UNDEFINED_VALUE = "Cannot encode: undefined is no value, and means no entry";

/** The longest name of a codec, in bytes of UTF-8. */
const NAME_BYTES_MAX = 255;

/**
 * Turns values into bytes and back.
 *
 * `Out` is what comes back, `In` what may be given, `Prefix` what the prefix of a range may be.
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
   * Kept with a tree, so that it is not opened with another codec. The built-in ones have the name
   * they are exported by. Without one nothing is checked. 1 to 255 bytes of UTF-8.
   */
  readonly name?: string | undefined;
  /** Whether the bytes sort as the values do. False keeps the codec from being used for keys. */
  readonly ordered?: boolean | undefined;
  /**
   * Whether what `decode` returns is made of the bytes that it was given, so that these must belong
   * to whoever gets it. Default true. A codec that says false is spared a copy.
   */
  readonly keepsBytes?: boolean | undefined;
  /**
   * The bytes of a value. They may be the value itself, or memory that the codec uses again: who
   * asks has done with them, or has copied them, before the next call. Trees never ask for those of
   * undefined.
   *
   * @throws {TypeError} The value cannot be encoded.
   * @throws {RangeError} It is too large.
   */
  encode(value: In): Uint8Array;
  /**
   * Writes at the start of `into` what `encode` would return, without an allocation.
   *
   * @returns How many bytes, or -1 when they do not fit; what `into` holds then is undefined.
   * @throws {TypeError} The value cannot be encoded.
   * @throws {RangeError} It is too large.
   */
  encodeInto?(value: In, into: Uint8Array): number;
  /**
   * Whether two values that were decoded are equal, for `compareAndSet` to ask where their bytes
   * are not. Needed where `encode` may give different bytes for equal values. Default false.
   */
  equals?(a: Out, b: Out): boolean;
  /** The bytes that all keys with this prefix, and no others, begin with. Default `encode`. */
  encodePrefix?(prefix: Prefix): Uint8Array;
  /**
   * The value of bytes that `encode` made.
   *
   * @param bytes A view that the codec must not change, nor keep unless `keepsBytes`.
   * @throws {TypeError} The bytes are of no value.
   */
  decode(bytes: Uint8Array): Out;
}

/** A codec whose bytes sort as its values do, fit for keys and for values. */
export interface KeyCodec<Out, In = Out, Prefix = In> extends Codec<Out, In, Prefix> {
  /** Its bytes sort as its values do. */
  readonly ordered?: true | undefined;
}

/** A codec whose bytes sort in no useful order: for values alone. */
export interface ValueCodec<Out, In = Out> extends Codec<Out, In> {
  /** Its bytes do not sort as its values do. */
  readonly ordered: false;
}

/**
 * Refuses what is no codec.
 *
 * @throws {TypeError} It has no `encode` or no `decode`, or its name is no well-formed text.
 * @throws {RangeError} Its name is empty or too long.
 */
export function checkCodec(codec: Codec<unknown>): void {
  if (typeof codec?.encode !== "function" || typeof codec.decode !== "function") {
    throw new TypeError("Cannot use the codec: it needs the functions encode and decode");
  }
  if (codec.name !== undefined) checkCodecName(codec.name);
}

/** Names are compared after they were kept in UTF-8, so they must come back as they were. */
function checkCodecName(name: string): void {
  if (typeof name !== "string" || !name.isWellFormed()) {
    throw new TypeError("Cannot use the codec: its name is no well-formed text");
  }
  const { length } = new TextEncoder().encode(name);
  if (length >= 1 && length <= NAME_BYTES_MAX) return;
  const range = `1..${NAME_BYTES_MAX}`;
  throw new RangeError(`Cannot use the codec: its name of ${length} bytes is not of ${range}`);
}

/**
 * Refuses what is no codec for keys, also where no compiler did.
 *
 * @throws {TypeError} It is for values alone, or no codec at all.
 */
export function checkKeyCodec(codec: Codec<unknown>): void {
  checkCodec(codec);
  if (codec.ordered !== false) return;
  const which = codec.name === undefined ? "the codec" : `codec ${codec.name}`;
  throw new TypeError(`Cannot use ${which} for keys: its bytes do not sort as its values do`);
}

/** What is thrown when encoding or decoding failed for a reason that another error tells. */
export function cannot(action: "encode" | "decode", cause: unknown): TypeError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new TypeError(`Cannot ${action}: ${reason}`, { cause });
}

/** How a refusal names a value that is of a wrong type. */
export function kindOf(value: unknown): string {
  return value === null ? "null" : typeof value;
}
