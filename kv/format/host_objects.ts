/**
 * Refuses host objects, which have their state outside of V8: V8 would store them as empty objects,
 * and silently lose their contents.
 *
 * Deno KV stores a `Blob` and a `CryptoKey`, and refuses streams and ports. Other objects of the
 * platform, such as a `URL`, are empty objects there too.
 */

import { Buffer } from "node:buffer";

/** An object without properties, as V8 serializes it. */
const EMPTY_OBJECT = Buffer.from([0x6f, 0x7b, 0x00]);

/**
 * Refuses a value that is or has a host object.
 *
 * @param bytes The value, serialized: without an empty object there is nothing to search for.
 * @throws {TypeError} It has one.
 */
export function refuseHostObjects(value: unknown, bytes: Buffer): void {
  if (typeof value !== "object" || value === null || !bytes.includes(EMPTY_OBJECT)) return;
  const seen = new Set<object>([value]);
  // Iteration over a set includes elements added meanwhile.
  for (const object of seen) {
    if (isHostObject(object)) {
      throw new TypeError(`#<${object.constructor.name}> could not be cloned.`);
    }
    if (isStream(object)) throw new TypeError("Unsupported object type");
    for (const part of partsOf(object)) {
      if (typeof part === "object" && part !== null) seen.add(part);
    }
  }
}

function isHostObject(object: object): boolean {
  return object instanceof Blob || object instanceof CryptoKey;
}

function isStream(object: object): boolean {
  return object instanceof ReadableStream || object instanceof WritableStream ||
    object instanceof TransformStream || object instanceof MessagePort;
}

/** The parts of an object that V8 serializes, except the results of getters. */
function* partsOf(object: object): Generator<unknown> {
  if (object instanceof Map) {
    for (const entry of object) yield* entry;
  } else if (object instanceof Set) yield* object;
  else if (ArrayBuffer.isView(object)) return;
  else {
    if (object instanceof Error) yield object.cause;
    const descriptors = Object.getOwnPropertyDescriptors(object);
    for (const { enumerable, value } of Object.values(descriptors)) if (enumerable) yield value;
  }
}
