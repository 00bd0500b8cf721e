/**
 * The three formats in which abstract-level hands over keys and values: text (`utf8`), `Buffer`
 * (`buffer`) and `Uint8Array` (`view`). The file holds bytes in each case, so an entry can be
 * written in one format and read in another.
 *
 * Text with a lone surrogate is refused, because UTF-8 would merge different keys. Stored bytes
 * that are not UTF-8 can still be read as text, with U+FFFD for what is malformed, as in every
 * other database of Level.
 */

import { Buffer } from "node:buffer";
import { type KeyCodec, string } from "../mod.ts";

/** A key or a value in one of the formats. */
export type Encoded = string | Uint8Array;

/** The name of a format. */
export type Format = "utf8" | "buffer" | "view";

/** The codecs of a tree of bytes that decode to a format. */
export const CODECS: Readonly<Record<Format, KeyCodec<Encoded>>> = {
  utf8: { name: "bytes", keepsBytes: false, encode: bytesOf, decode: textOf },
  buffer: { name: "bytes", encode: bytesOf, decode: bufferOf },
  view: { name: "bytes", encode: bytesOf, decode: (bytes) => bytes },
};

const lossy = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * The bytes of a key or a value.
 *
 * @throws {TypeError} It is text with a lone surrogate.
 */
export function bytesOf(encoded: Encoded): Uint8Array {
  return typeof encoded === "string" ? string.encode(encoded) : encoded;
}

/** The text of bytes. */
export function textOf(bytes: Uint8Array): string {
  try {
    return string.decode(bytes);
  } catch {
    return lossy.decode(bytes);
  }
}

/** Bytes as a `Buffer`, on the same memory. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
