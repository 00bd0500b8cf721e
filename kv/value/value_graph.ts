/**
 * The objects of a value, for the rare value with host objects, which V8 alone would store as empty
 * objects: what there are, and a copy of the value with something else in their place.
 */

import { types } from "node:util";
import { type HostObject, isHostObject, isStream } from "./host_objects.ts";

/**
 * The host objects in a value.
 *
 * @throws {TypeError} It has an object that cannot be stored.
 */
export function hostObjectsIn(value: unknown): HostObject[] {
  if (typeof value !== "object" || value === null) return [];
  const hosts: HostObject[] = [];
  const seen = new Set<object>([value]);
  // Iteration over a set includes elements added meanwhile.
  for (const object of seen) {
    if (isStream(object)) throw new TypeError("Unsupported object type");
    if (isHostObject(object)) {
      hosts.push(object);
      continue;
    }
    for (const part of partsOf(object)) {
      if (typeof part === "object" && part !== null) seen.add(part);
    }
  }
  return hosts;
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

/** A copy of a value, which V8 serializes in the same way, with its host objects replaced. */
export function withoutHosts(value: unknown, replace: (host: HostObject) => object): unknown {
  const copies = new Map<object, object>();
  const copyOf = (part: unknown): unknown => {
    if (typeof part !== "object" || part === null) return part;
    const known = copies.get(part);
    if (known !== undefined) return known;
    const copy = isHostObject(part) ? replace(part) : emptyCopyOf(part);
    copies.set(part, copy);
    if (!isHostObject(part) && copy !== part) copyParts(part, copy, copyOf);
    return copy;
  };
  return copyOf(value);
}

/** A new object of the kind, or the object itself if it has no parts that could be replaced. */
function emptyCopyOf(object: object): object {
  if (Array.isArray(object)) return new Array(object.length);
  if (object instanceof Map) return new Map();
  if (object instanceof Set) return new Set();
  if (types.isNativeError(object)) return emptyErrorLike(object);
  const isPlain = Object.prototype.toString.call(object) === "[object Object]";
  return isPlain && !types.isProxy(object) ? {} : object;
}

/** An error with what V8 reads of it, except the cause. */
function emptyErrorLike(error: Error): Error {
  const copy = new Error();
  for (const name of ["message", "stack"] as const) {
    const own = Object.getOwnPropertyDescriptor(error, name);
    if (own === undefined) delete copy[name];
    else define(copy, name, error[name]);
  }
  return define(copy, "name", error.name);
}

function copyParts(from: object, to: object, copyOf: (part: unknown) => unknown): void {
  if (from instanceof Map) {
    for (const [key, value] of from) (to as Map<unknown, unknown>).set(copyOf(key), copyOf(value));
  } else if (from instanceof Set) {
    for (const value of from) (to as Set<unknown>).add(copyOf(value));
  } else if (types.isNativeError(from)) {
    if (Object.hasOwn(from, "cause")) define(to, "cause", copyOf(from.cause));
  } else {
    for (const [key, value] of Object.entries(from)) {
      define(to, key, copyOf(value), true);
    }
  }
}

function define<T extends object>(object: T, key: string, value: unknown, enumerable = false): T {
  return Object.defineProperty(object, key, {
    value,
    enumerable,
    writable: true,
    configurable: true,
  });
}
