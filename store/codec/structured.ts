/**
 * The codec of structured clones by V8: nearly all data, cycles included.
 *
 * The bytes are V8's own format: later versions of V8 read them, other languages cannot. An object
 * keeps only its properties: an instance of a class, also a `URL` or a `Blob`, comes back as a
 * plain object. Lone surrogates are preserved.
 */

import { Buffer } from "node:buffer";
import { isDeepStrictEqual } from "node:util";
import {
  DefaultDeserializer,
  DefaultSerializer,
  type Deserializer,
  type Serializer,
} from "node:v8";
import { checkAttached } from "./attached.ts";
import { cannot, UNDEFINED_VALUE, type ValueCodec } from "./codec.ts";

/** `structured` and, by `as`, its types. */
export interface StructuredCodec extends ValueCodec<unknown> {
  /** The same codec, for values of one type. Decoding does not check the type. */
  as<T>(): ValueCodec<T>;
}

/**
 * Stores primitive values, plain objects, arrays, `Map`, `Set`, `Date`, `RegExp`, errors, buffers
 * and typed arrays, and references among them. It refuses functions, symbols, promises, proxies,
 * shared memory, and undefined as the whole value.
 *
 * ```ts
 * import { structured } from "./mod.ts";
 *
 * const seen = structured.as<Map<string, Date>>();
 * const bytes = seen.encode(new Map([["a", new Date(5)]]));
 * console.assert(seen.decode(bytes).get("a")?.getTime() === 5);
 * ```
 */
export const structured: StructuredCodec = {
  name: "structured",
  ordered: false,
  keepsBytes: false,
  encode(value: unknown): Uint8Array {
    if (value === undefined) throw new TypeError(UNDEFINED_VALUE);
    try {
      const writer = new CheckingWriter();
      writer.writeHeader();
      writer.writeValue(value);
      return writer.releaseBuffer();
    } catch (error) {
      throw cannot("encode", error);
    }
  },
  decode(bytes: Uint8Array): unknown {
    try {
      const reader = new OwningReader(bytes);
      reader.readHeader();
      return reader.readValue();
    } catch (error) {
      throw cannot("decode", error);
    }
  },
  equals: isDeepStrictEqual,
  as<T>(): ValueCodec<T> {
    return structured as ValueCodec<T>;
  },
};

/** The serializer of V8 with a method that its types omit. */
type Writer = Serializer & { _writeHostObject(view: ArrayBufferView): void };
const Writer = DefaultSerializer as unknown as new () => Writer;

/** Writes values, and refuses detached arrays, which it would write as empty ones. */
class CheckingWriter extends Writer {
  override _writeHostObject(view: ArrayBufferView): void {
    // The system refuses a detached `DataView`.
    if (!(view instanceof DataView)) checkAttached(view as Uint8Array);
    super._writeHostObject(view);
  }
}

/** The deserializer of V8 with a method that its types omit. */
type Reader = Deserializer & { _readHostObject(): ArrayBufferView };
const Reader = DefaultDeserializer as unknown as new (bytes: Uint8Array) => Reader;

/**
 * Reads values that share no memory with their bytes. By default buffers and typed arrays would be
 * views of these bytes, which the engine owns and which begin at any offset.
 */
class OwningReader extends Reader {
  override _readHostObject(): ArrayBufferView {
    const view = super._readHostObject();
    const { buffer, byteOffset, byteLength } = view;
    const memory = buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
    if (Buffer.isBuffer(view)) return Buffer.from(memory);
    const Kind = view.constructor as new (memory: ArrayBuffer) => ArrayBufferView;
    return new Kind(memory);
  }
}
