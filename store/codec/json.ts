/**
 * The codec of JSON text: readable by any program, limited to the types of JSON.
 *
 * Values that JSON cannot hold come back changed: `NaN` and the infinities as null, -0 as 0, a Date
 * as text, a Map as `{}`. Properties that are undefined or functions are dropped. `structured`
 * preserves all of these but functions.
 */

import { isDeepStrictEqual } from "node:util";
import { cannot, kindOf, type ValueCodec } from "./codec.ts";
import { decodeText, encodeText, encodeTextInto } from "./text.ts";

/** `json` and, by `as`, its types. */
export interface JsonCodec extends ValueCodec<unknown> {
  /** The same codec, for values of one type. Decoding does not check the type. */
  as<T>(): ValueCodec<T>;
}

/**
 * Stores values as JSON. It refuses a value that is undefined, a function or a symbol, and bigints
 * and cycles anywhere in it.
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
  // The types of JSON.stringify omit that it may return undefined.
  if (text === undefined) throw new TypeError(`Cannot encode: JSON has no ${kindOf(value)}`);
  return text;
}
