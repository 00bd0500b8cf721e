/**
 * JSON as a tree that keeps numbers and strings as they are written, its text, which is always
 * plain JSON, and paths in it.
 */

/** A value of JSON. */
export type Json =
  | { readonly kind: "null" | "true" | "false" }
  | { readonly kind: "number"; readonly text: string }
  /** `raw` is how it is written in plain JSON, if it was. */
  | { readonly kind: "string"; readonly text: string; readonly raw?: string | undefined }
  | { readonly kind: "array"; readonly items: readonly Json[] }
  | { readonly kind: "object"; readonly members: readonly (readonly [string, Json])[] };

/** The shortest text of a value. */
export function textOfJson(value: Json): string {
  switch (value.kind) {
    case "number":
      return value.text;
    case "string":
      return value.raw ?? JSON.stringify(value.text);
    case "array":
      return `[${value.items.map(textOfJson).join(",")}]`;
    case "object":
      return `{${
        value.members.map(([key, member]) => `${JSON.stringify(key)}:${textOfJson(member)}`).join(
          ",",
        )
      }}`;
    default:
      return value.kind;
  }
}

/** The text of a value, each item and member on a line of its own. */
export function prettyJson(value: Json, indent: string, before = ""): string {
  const inner = before + indent;
  const lines = value.kind === "array"
    ? value.items.map((item) => inner + prettyJson(item, indent, inner))
    : value.kind === "object"
    ? value.members.map(([key, member]) =>
      `${inner}${JSON.stringify(key)}: ${prettyJson(member, indent, inner)}`
    )
    : [];
  if (lines.length === 0) return textOfJson(value);
  const [open, close] = value.kind === "array" ? "[]" : "{}";
  return `${open}\n${lines.join(",\n")}\n${before}${close}`;
}

/** A step of a path: a key, an index, or an index from the end, where 0 is the end itself. */
export type PathStep =
  | { readonly key: string }
  | { readonly index: number }
  | { readonly fromEnd: number };

const STEP = /\.(?:"((?:[^"\\]|\\.)*)"|([^.[]+))|\[(?:(\d+)|#(?:-(\d+))?)\]/y;

/** The steps of a path; undefined if it is malformed. */
export function parsePath(path: string): PathStep[] | undefined {
  if (!path.startsWith("$")) return undefined;
  const steps: PathStep[] = [];
  for (let at = 1; at < path.length;) {
    STEP.lastIndex = at;
    const match = STEP.exec(path);
    if (match === null) return undefined;
    const [whole, quoted, key, index, fromEnd] = match;
    if (quoted !== undefined || key !== undefined) steps.push({ key: quoted ?? key! });
    else if (index !== undefined) steps.push({ index: Number(index) });
    else steps.push({ fromEnd: Number(fromEnd ?? 0) });
    at += whole.length;
  }
  return steps;
}

/** The value at a path; undefined if there is none. */
export function valueAt(value: Json, steps: readonly PathStep[]): Json | undefined {
  let found: Json | undefined = value;
  for (const step of steps) {
    if (found === undefined) return undefined;
    found = stepInto(found, step);
  }
  return found;
}

/** The index that a step means in an array. */
export function indexIn(items: readonly Json[], step: PathStep): number | undefined {
  if ("index" in step) return step.index;
  return "fromEnd" in step ? items.length - step.fromEnd : undefined;
}

function stepInto(value: Json, step: PathStep): Json | undefined {
  if ("key" in step) {
    if (value.kind !== "object") return undefined;
    return value.members.find(([key]) => key === step.key)?.[1];
  }
  return value.kind === "array" ? value.items[indexIn(value.items, step)!] : undefined;
}

/** How a value is changed: at existing places, at missing ones, or at both. */
export interface JsonChange {
  readonly replaces: boolean;
  readonly inserts: boolean;
  /** Whether an inserted item moves those from its place on back by one. */
  readonly shifts?: boolean | undefined;
  /** The new value; undefined removes. */
  readonly value: Json | undefined;
}

/** A value with a change at a path. */
export function changedAt(value: Json, steps: readonly PathStep[], change: JsonChange): Json {
  const [step, ...rest] = steps;
  if (step === undefined) return change.replaces ? change.value ?? { kind: "null" } : value;
  if ("key" in step) return changedMember(value, step.key, rest, change);
  if (value.kind !== "array") return value;
  const index = indexIn(value.items, step)!;
  const items = [...value.items];
  const item = items[index];
  if (item === undefined) {
    const added = index === items.length && change.inserts ? addedAt(rest, change) : undefined;
    if (added !== undefined) items.push(added);
  } else if (rest.length > 0) items[index] = changedAt(item, rest, change);
  else if (change.shifts === true) items.splice(index, 0, change.value!);
  else if (change.replaces) {
    if (change.value === undefined) items.splice(index, 1);
    else items[index] = change.value;
  }
  return { kind: "array", items };
}

function changedMember(
  value: Json,
  key: string,
  rest: readonly PathStep[],
  change: JsonChange,
): Json {
  if (value.kind !== "object") return value;
  const members = [...value.members];
  const index = members.findIndex(([name]) => name === key);
  const member = members[index]?.[1];
  if (member === undefined) {
    const added = change.inserts ? addedAt(rest, change) : undefined;
    if (added !== undefined) members.push([key, added]);
  } else if (rest.length > 0) members[index] = [key, changedAt(member, rest, change)];
  else if (change.replaces) {
    if (change.value === undefined) members.splice(index, 1);
    else members[index] = [key, change.value];
  }
  return { kind: "object", members };
}

/** What is added for the rest of a path, of which nothing exists yet. */
function addedAt(rest: readonly PathStep[], change: JsonChange): Json | undefined {
  const [step, ...more] = rest;
  if (step === undefined) return change.value;
  const inner = addedAt(more, change);
  if (inner === undefined) return undefined;
  if ("key" in step) return { kind: "object", members: [[step.key, inner]] };
  return indexIn([], step) === 0 ? { kind: "array", items: [inner] } : undefined;
}

/** A value merged with a patch, as RFC 7396 defines it. */
export function patched(value: Json, patch: Json): Json {
  if (patch.kind !== "object") return patch;
  const members = value.kind === "object" ? [...value.members] : [];
  for (const [key, change] of patch.members) {
    const index = members.findIndex(([name]) => name === key);
    if (change.kind === "null") {
      if (index >= 0) members.splice(index, 1);
    } else if (index >= 0) members[index] = [key, patched(members[index]![1], change)];
    else members.push([key, patched({ kind: "null" }, change)]);
  }
  return { kind: "object", members };
}
