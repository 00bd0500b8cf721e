/**
 * The names of the types of values in the errors of Deno's own calls.
 */

import { types } from "node:util";

/** The names of primitives that are not those of `typeof`. */
const PRIMITIVES: Readonly<Record<string, string>> = { number: "Number", boolean: "Boolean" };

/** The tags that are names. Objects with other tags have none. */
const NAMED = new Set([
  ...["Date", "RegExp", "Map", "Set", "WeakMap", "WeakSet", "Promise", "Map Iterator"],
  ...["Set Iterator", "ArrayBuffer", "SharedArrayBuffer", "DataView"],
]);

const FUNCTIONS: Readonly<Record<string, string>> = {
  AsyncFunction: "Async function",
  GeneratorFunction: "Generator function",
};

/** The name of the type of a value. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (typeof value === "object") return kindOfObject(value);
  if (typeof value === "function") return FUNCTIONS[tagOf(value)] ?? "function";
  return PRIMITIVES[typeof value] ?? typeof value;
}

function kindOfObject(value: object): string {
  if (types.isProxy(value)) return "Proxy";
  if (Array.isArray(value)) return "array";
  const tag = tagOf(value);
  if (types.isTypedArray(value)) return tag === "Float16Array" ? "TypedArray" : tag;
  return NAMED.has(tag) ? tag : "unknown";
}

function tagOf(value: object): string {
  return Object.prototype.toString.call(value).slice("[object ".length, -1);
}
