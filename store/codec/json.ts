/**
 * Values as JSON text: readable by everything, and as poor as JSON is.
 *
 * What JSON changes comes back changed: `NaN` and the infinities as null, -0 as 0, a Date as text,
 * a Map as `{}`, and properties that are undefined or functions not at all. `structured` keeps all
 * of these but functions.
 */

import { isDeepStrictEqual } from "node:util";
import { cannot, kindOf, type ValueCodec } from "./codec.ts";
import { decodeText, encodeText, encodeTextInto } from "./text.ts";

/** `json` and, by `as`, its types. */
export interface JsonCodec extends ValueCodec<unknown> {
  /** The same codec, for values of one type. It is not checked that what is read is of it. */
  as<T>(): ValueCodec<T>;
}

/**
 * Keeps what JSON can say. Refuses undefined, functions and symbols where they are the value, and
 * bigints and cycles anywhere.
 *
 * ```ts
 * import { json } from "./mod.ts";
 *
 * const city = json.as<{ name: string }>();
 * console.assert(city.decode(city.encode({ name: "Lisboa" })).name === "Lisboa");
 * ```
 */
export const json: JsonCodec = {
  name: "json",
  ordered: false,
  keepsBytes: false,
  encode(value: unknown): Uint8Array {
    return encodeText(textOf(value));
  },
  encodeInto(value: unknown, into: Uint8Array): number {
    return encodeTextInto(textOf(value), into);
  },
  decode(bytes: Uint8Array): unknown {
    const text = decodeText(bytes);
    try {
      return JSON.parse(text);
    } catch (error) {
      throw cannot("decode", error);
    }
  },
  equals: isDeepStrictEqual,
  as<T>(): ValueCodec<T> {
    return json as ValueCodec<T>;
  },
};

function textOf(value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    throw cannot("encode", error);
  }
  // The types of JSON.stringify do not say that there may be no text.
  if (text === undefined) throw new TypeError(`Cannot encode: JSON has no ${kindOf(value)}`);
  return text;
}
