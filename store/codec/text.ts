/**
 * Text as UTF-8, and back: what all codecs that keep text share.
 *
 * Nothing is lost: a lone surrogate, which UTF-8 cannot keep, and bytes that are not UTF-8 are
 * refused, and a byte order mark is a letter like others. So different texts have different bytes,
 * and the bytes sort as the code points do.
 *
 * Calling the runtime costs more than a short text is worth; loops do that.
 */

/** Up to here, in code units, a loop writes text faster than the runtime does. */
const WRITE_LOOP_MAX = 48;
/** Up to here, in bytes, a loop reads ASCII faster than the runtime does. */
const READ_LOOP_MAX = 64;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * A text in UTF-8, in memory of its own.
 *
 * @throws {TypeError} It has a lone surrogate.
 */
export function encodeText(text: string): Uint8Array {
  checkWellFormed(text);
  return encoder.encode(text);
}

/**
 * Writes a text in UTF-8 at the start of `into`.
 *
 * @returns How many bytes, or -1 when they do not fit.
 * @throws {TypeError} It has a lone surrogate.
 */
export function encodeTextInto(text: string, into: Uint8Array): number {
  if (text.length <= WRITE_LOOP_MAX) {
    if (writeAscii(text, into)) return text.length <= into.length ? text.length : -1;
  }
  checkWellFormed(text);
  const { read, written } = encoder.encodeInto(text, into);
  return read === text.length ? written : -1;
}

/**
 * The text of UTF-8 bytes.
 *
 * @param bytes Where it is, from `start` up to `end`.
 * @throws {TypeError} The bytes are not UTF-8.
 */
export function decodeText(bytes: Uint8Array, start = 0, end = bytes.length): string {
  if (end - start <= READ_LOOP_MAX) {
    const text = readAscii(bytes, start, end);
    if (text !== undefined) return text;
  }
  try {
    return decoder.decode(bytes.subarray(start, end));
  } catch (error) {
    throw new TypeError("Cannot decode: the bytes are not text in UTF-8", { cause: error });
  }
}

/** What is thrown for a text that UTF-8 cannot keep. */
export function loneSurrogate(): TypeError {
  return new TypeError("Cannot encode: the text has a lone surrogate");
}

function checkWellFormed(text: string): void {
  // The encoder would make U+FFFD of a lone surrogate, and one key of different texts.
  if (!text.isWellFormed()) throw loneSurrogate();
}

/** Writes a text as far as there is room; whether it is all ASCII. */
function writeAscii(text: string, into: Uint8Array): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) return false;
    // Past the end of the array nothing is written.
    into[i] = unit;
  }
  return true;
}

/** The text of bytes that are all ASCII, eight at a time, or undefined. */
function readAscii(bytes: Uint8Array, start: number, end: number): string | undefined {
  let text = "";
  let at = start;
  for (; at + 8 <= end; at += 8) {
    const a = bytes[at]!;
    const b = bytes[at + 1]!;
    const c = bytes[at + 2]!;
    const d = bytes[at + 3]!;
    const e = bytes[at + 4]!;
    const f = bytes[at + 5]!;
    const g = bytes[at + 6]!;
    const h = bytes[at + 7]!;
    if ((a | b | c | d | e | f | g | h) > 0x7f) return undefined;
    text += String.fromCharCode(a, b, c, d, e, f, g, h);
  }
  for (; at < end; at++) {
    if (bytes[at]! > 0x7f) return undefined;
    text += String.fromCharCode(bytes[at]!);
  }
  return text;
}
