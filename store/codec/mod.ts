/**
 * Codecs: they encode keys and values to bytes and decode them.
 *
 * ```ts
 * import { json, tuple } from "./mod.ts";
 *
 * const key = tuple.encode(["ES", "Madrid"]);
 * const value = json.encode({ population: 3_300_000 });
 * console.assert(tuple.decode(key)[1] === "Madrid");
 * console.assert(value.length === 22);
 * ```
 *
 * @module
 */

export { checkAttached } from "./attached.ts";
export { bytes, keyBytes } from "./bytes.ts";
export { aKindOf, checkCodec, checkKeyCodec, UNDEFINED_VALUE } from "./codec.ts";
export type { Codec, KeyCodec, ValueCodec } from "./codec.ts";
export { json, type JsonCodec } from "./json.ts";
export { string } from "./string.ts";
export { structured, type StructuredCodec } from "./structured.ts";
export { tuple, type TupleCodec, type TuplePrefix } from "./tuple.ts";
export type { TuplePart } from "./tuple_part.ts";
export { u64 } from "./u64.ts";
