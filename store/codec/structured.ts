/**
 * Values as V8 clones them: nearly everything that is data, with its cycles.
 *
 * The bytes are V8's own, for it and for later versions of it to read; other languages cannot. What
 * an object is beside its properties is lost: an instance of a class, a `URL` and a `Blob` too,
 * comes back as a plain object. A lone surrogate is kept.
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
  /** The same codec, for values of one type. It is not checked that what is read is of it. */
  as<T>(): ValueCodec<T>;
}

/**
 * Keeps primitive values, plain objects, arrays, `Map`, `Set`, `Date`, `RegExp`, errors, buffers
 * and typed arrays, and references among them. Refuses functions, symbols, promises, proxies,
 * shared memory, and undefined where it is the value.
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

/** The serializer of V8 with what its types leave out. */
type Writer = Serializer & { _writeHostObject(view: ArrayBufferView): void };
const Writer = DefaultSerializer as unknown as new () => Writer;

/** Writes values, and refuses arrays whose memory is gone rather than make empty ones of them. */
class CheckingWriter extends Writer {
  override _writeHostObject(view: ArrayBufferView): void {
    // Of a `DataView` the system tells.
    if (!(view instanceof DataView)) checkAttached(view as Uint8Array);
    super._writeHostObject(view);
  }
}

/** The deserializer of V8 with what its types leave out. */
type Reader = Deserializer & { _readHostObject(): ArrayBufferView };
const Reader = DefaultDeserializer as unknown as new (bytes: Uint8Array) => Reader;

/**
 * Reads values that have nothing in common with the bytes they are read from. Buffers and typed
 * arrays would be views of these, which belong to others and begin at any byte.
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
