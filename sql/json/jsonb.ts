/**
 * JSONB, the binary form of JSON as SQLite stores it: each element is a header, with the type of
 * the element and the size of its payload, and the payload.
 *
 * What is written has the smallest headers. What is read may have larger ones, and elements of
 * JSON5. Bytes that are no JSONB, with all that is inside, are not read at all.
 */

import { parseJson, unescaped } from "./json_parser.ts";
import type { Json } from "./json_text.ts";

/** The types of elements. */
const TYPE = {
  null: 0,
  true: 1,
  false: 2,
  integer: 3,
  integer5: 4,
  float: 5,
  float5: 6,
  /** Text without escapes, with those of JSON, with those of JSON5, and any text as it is. */
  text: 7,
  textJson: 8,
  text5: 9,
  textRaw: 10,
  array: 11,
  object: 12,
} as const;

/** A size of up to 11 is in the first byte; else its upper half says how many bytes have it. */
const SIZE_MAX = 11;
const SIZE_BYTES = [1, 2, 4, 8];
const DEPTH_MAX = 1000;
const INTEGER = /^-?(?:0|[1-9]\d*)$/;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** A value of JSON as JSONB. */
export function encodeJsonb(json: Json): Uint8Array<ArrayBuffer> {
  const writer = new JsonbWriter();
  writer.value(json);
  return writer.take();
}

/** The value that bytes are as JSONB; undefined if they are none. */
export function decodeJsonb(bytes: Uint8Array): Json | undefined {
  return new JsonbReader(bytes).whole();
}

class JsonbWriter {
  #bytes = new Uint8Array(64);
  #length = 0;

  take(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  value(json: Json): void {
    switch (json.kind) {
      case "number":
        return this.#text(/[.eE]/.test(json.text) ? TYPE.float : TYPE.integer, json.text);
      case "string":
        return this.#string(json.text, json.raw);
      case "array":
        return this.#container(TYPE.array, () => json.items.forEach((item) => this.value(item)));
      case "object":
        return this.#container(TYPE.object, () => {
          for (const [key, member] of json.members) {
            this.#string(key, JSON.stringify(key));
            this.value(member);
          }
        });
    }
    this.#header(TYPE[json.kind], 0);
  }

  /** Text that was written in JSON, as it was written; other text as it is. */
  #string(text: string, raw: string | undefined): void {
    if (raw === undefined) return this.#text(TYPE.textRaw, text);
    this.#text(raw.includes("\\") ? TYPE.textJson : TYPE.text, raw.slice(1, -1));
  }

  #text(type: number, text: string): void {
    const bytes = encoder.encode(text);
    this.#header(type, bytes.length);
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** The size of what is inside is known after it: the header is put before it then. */
  #container(type: number, inside: () => void): void {
    const start = this.#length;
    inside();
    const payload = this.#bytes.slice(start, this.#length);
    this.#length = start;
    this.#header(type, payload.length);
    this.#reserve(payload.length);
    this.#bytes.set(payload, this.#length);
    this.#length += payload.length;
  }

  #header(type: number, size: number): void {
    this.#reserve(9);
    const count = size <= SIZE_MAX ? 0 : size <= 0xff ? 1 : size <= 0xffff ? 2 : 4;
    const code = count === 0 ? size : SIZE_MAX + 1 + SIZE_BYTES.indexOf(count);
    this.#bytes[this.#length++] = code << 4 | type;
    for (let i = count - 1; i >= 0; i--) this.#bytes[this.#length++] = size / 256 ** i;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(2 * needed);
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}

class JsonbReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  whole(): Json | undefined {
    const json = this.#value(this.#bytes.length, 0);
    return this.#at === this.#bytes.length ? json : undefined;
  }

  /** The element here, which ends at `end` or before. */
  #value(end: number, depth: number): Json | undefined {
    const header = this.#header(end);
    if (header === undefined || depth > DEPTH_MAX) return undefined;
    const [type, stop] = header;
    if (type === TYPE.array) return this.#array(stop, depth);
    if (type === TYPE.object) return this.#object(stop, depth);
    const size = stop - this.#at;
    const text = decoder.decode(this.#bytes.subarray(this.#at, stop));
    this.#at = stop;
    switch (type) {
      case TYPE.null:
        return size === 0 ? { kind: "null" } : undefined;
      case TYPE.true:
        return size === 0 ? { kind: "true" } : undefined;
      case TYPE.false:
        return size === 0 ? { kind: "false" } : undefined;
      case TYPE.integer:
        return INTEGER.test(text) ? { kind: "number", text } : undefined;
      case TYPE.float:
        return /[.eE]/.test(text) ? ofKind("number", parseJson(text, true)) : undefined;
      case TYPE.integer5:
      case TYPE.float5:
        return ofKind("number", parseJson(text));
      case TYPE.text:
      case TYPE.textJson:
        return ofKind("string", parseJson(`"${text}"`, true));
      case TYPE.text5:
        return { kind: "string", text: unescaped(text) };
      case TYPE.textRaw:
        return { kind: "string", text };
    }
    return undefined;
  }

  #array(stop: number, depth: number): Json | undefined {
    const items: Json[] = [];
    while (this.#at < stop) {
      const item = this.#value(stop, depth + 1);
      if (item === undefined) return undefined;
      items.push(item);
    }
    return { kind: "array", items };
  }

  #object(stop: number, depth: number): Json | undefined {
    const members: [string, Json][] = [];
    while (this.#at < stop) {
      const key = this.#value(stop, depth + 1);
      if (key?.kind !== "string") return undefined;
      const member = this.#value(stop, depth + 1);
      if (member === undefined) return undefined;
      members.push([key.text, member]);
    }
    return { kind: "object", members };
  }

  /** The type of the element here, and where it ends; moves to its payload. */
  #header(end: number): readonly [type: number, stop: number] | undefined {
    if (this.#at >= end) return undefined;
    const first = this.#bytes[this.#at++]!;
    let size = first >> 4;
    if (size > SIZE_MAX) {
      const count = SIZE_BYTES[size - SIZE_MAX - 1]!;
      if (this.#at + count > end) return undefined;
      size = 0;
      for (let i = 0; i < count; i++) size = size * 256 + this.#bytes[this.#at++]!;
    }
    const stop = this.#at + size;
    return stop <= end ? [first & 15, stop] : undefined;
  }
}

function ofKind(kind: Json["kind"], json: Json | undefined): Json | undefined {
  return json?.kind === kind ? json : undefined;
}
