/**
 * Host objects, which have their state outside of V8, as data, and back: `Blob`, `File`,
 * `CryptoKey` and `DOMException`. The data are those of Deno KV, and the bytes of a blob beside
 * them: Deno KV stores the name of memory of its process instead.
 *
 * Streams and ports are refused. Other objects of the platform, such as a `URL`, are empty objects,
 * as in Deno KV.
 */

import { dataOfKey, type KeyData, keyOfData } from "./crypto_keys.ts";

/** A host object that can be stored. */
export type HostObject = Blob | CryptoKey | DOMException;

/** A blob as data. */
interface BlobData {
  readonly type: "Blob" | "File";
  readonly mimeType: string;
  /** What Deno looks for in the memory of its process. */
  readonly parts: readonly { readonly uuid: string; readonly size: number }[];
  readonly size: number;
  readonly name?: string;
  readonly lastModified?: number;
  /** What Deno does not store. */
  readonly bytes?: Uint8Array;
}

/** An exception as data. */
interface ExceptionData {
  readonly type: "DOMException";
  readonly message: string;
  readonly name: string;
  readonly stack: string | undefined;
}

/** A host object as data. */
export type HostData = BlobData | ExceptionData | KeyData;

/** Whether an object is a host object that can be stored. */
export function isHostObject(object: object): object is HostObject {
  return object instanceof Blob || object instanceof CryptoKey || object instanceof DOMException;
}

/** Whether an object is one that Deno refuses. */
export function isStream(object: object): boolean {
  return object instanceof ReadableStream || object instanceof WritableStream ||
    object instanceof TransformStream || object instanceof MessagePort;
}

/**
 * A host object as data.
 *
 * @param bytes The contents of a blob.
 */
export function dataOfHost(object: HostObject, bytes: Uint8Array | undefined): HostData {
  if (object instanceof CryptoKey) return dataOfKey(object);
  if (object instanceof Blob) return dataOfBlob(object, bytes!);
  const { message, name, stack } = object;
  return { type: "DOMException", message, name, stack };
}

function dataOfBlob(blob: Blob, bytes: Uint8Array): BlobData {
  const { size } = blob;
  // Deno fails on a name that it does not know. Without one it would make an empty blob.
  const parts = size === 0 ? [] : [{ uuid: crypto.randomUUID(), size }];
  const data = { mimeType: blob.type, parts, size };
  if (!(blob instanceof File)) return { type: "Blob", ...data, bytes };
  return { type: "File", ...data, name: blob.name, lastModified: blob.lastModified, bytes };
}

/**
 * The host object of data.
 *
 * @throws {TypeError} They are malformed.
 */
export function hostOfData(data: HostData): HostObject {
  switch (data.type) {
    case "CryptoKey":
      return keyOfData(data);
    case "DOMException":
      return exceptionOf(data);
    case "Blob":
    case "File":
      return blobOf(data);
    default:
      throw new TypeError(`there is no host object of the type ${(data as HostData).type}`);
  }
}

function exceptionOf({ message, name, stack }: ExceptionData): DOMException {
  const exception = new DOMException(message, name);
  return Object.defineProperty(exception, "stack", {
    value: stack,
    writable: true,
    configurable: true,
  });
}

function blobOf(data: BlobData): Blob {
  const { type, mimeType, size, bytes } = data;
  const { name = "", lastModified = 0 } = data;
  const contents = [bytes ?? new Uint8Array()] as BlobPart[];
  const blob = type === "Blob"
    ? new Blob(contents, { type: mimeType })
    : new File(contents, name, { type: mimeType, lastModified });
  return bytes === undefined && size > 0 ? lostBlob(blob, size) : blob;
}

/** A blob whose bytes are nowhere. As in Deno, to read them fails, and not to read their entry. */
function lostBlob(blob: Blob, size: number): Blob {
  const lost = () => new TypeError("Blob part not found");
  const fails = { value: () => Promise.reject(lost()) };
  const throws = {
    value: () => {
      throw lost();
    },
  };
  return Object.defineProperties(blob, {
    size: { value: size },
    arrayBuffer: fails,
    bytes: fails,
    text: fails,
    stream: throws,
    slice: throws,
  });
}
