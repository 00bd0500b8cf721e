/**
 * UTF-8 encoding and decoding, shared by all codecs of text.
 *
 * It is lossless: it refuses lone surrogates, which UTF-8 cannot represent, and malformed bytes,
 * and treats a byte order mark as a character. Different texts have different bytes, which sort as
 * the code points do.
 *
 * Loops handle short texts, for which a call of the runtime costs more.
 */

/** Up to this length in code units, a loop writes text faster than the runtime. */
const WRITE_LOOP_MAX = 48;
/** Up to this length in bytes, a loop reads ASCII faster than the runtime. */
const READ_LOOP_MAX = 64;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Encodes a text in UTF-8, in new memory.
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
 * @returns The length in bytes, or -1 if they do not fit.
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
 * Decodes UTF-8.
 *
 * @param bytes The bytes that contain it, from `start` to `end`.
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

/** The error for a text that UTF-8 cannot represent. */
export function loneSurrogate(): TypeError {
  return new TypeError("Cannot encode: the text has a lone surrogate");
}

function checkWellFormed(text: string): void {
  // The encoder turns a lone surrogate into U+FFFD, which would merge different keys.
  if (!text.isWellFormed()) throw loneSurrogate();
}

/** Writes an ASCII text. Returns false at the first other character. */
function writeAscii(text: string, into: Uint8Array): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) return false;
    // Writes past the end of the array are dropped.
    into[i] = unit;
  }
  return true;
}

/** Decodes ASCII, eight bytes at a time; undefined if any byte is not ASCII. */
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
