/**
 * The codec of text in UTF-8, sorted by code points. JavaScript's `<` differs: it sorts code points
 * beyond U+FFFF before U+E000..U+FFFF. So does the collation of any language.
 */

import { aKindOf, type KeyCodec } from "./codec.ts";
import { decodeText, encodeText, encodeTextInto } from "./text.ts";

/**
 * Stores text. It refuses text with a lone surrogate. A prefix is the beginning of a text.
 *
 * ```ts
 * import { string } from "./mod.ts";
 *
 * console.assert(string.encode("ab").join() === "97,98");
 * console.assert(string.decode(new Uint8Array([97, 98])) === "ab");
 * ```
 */
export const string: KeyCodec<string> = {
  name: "string",
  ordered: true,
  keepsBytes: false,
  encode(value: string): Uint8Array {
    return encodeText(checkText(value));
  },
  encodeInto(value: string, into: Uint8Array): number {
    return encodeTextInto(checkText(value), into);
  },
  decode(bytes: Uint8Array): string {
    return decodeText(bytes);
  },
};

function checkText(value: string): string {
  if (typeof value === "string") return value;
  throw new TypeError(`Cannot encode: ${aKindOf(value)} is not text`);
}
