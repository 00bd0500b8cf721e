/**
 * Reads the parts of stored keys and rows, forward. Bytes that are not parts are refused: other
 * programs may write to a tree of SQL.
 */

import { Buffer } from "node:buffer";
import { doubleAt, PART } from "./parts.ts";
import { fits, integerOf, isLargeWhole, Real, type SqlValue, textOfBytes } from "./value.ts";

const END = 0x00;
const ESCAPE = 0x01;
const BIGINT_ZERO = 0x8000;
const SAFE_BYTES = 6;
const TEXT_LOOP_MAX = 512;
const LETTERS_MAX = 12;

const word = new DataView(new ArrayBuffer(8));

const { latin1Slice } = Buffer.prototype;

const NO_BYTES = new Uint8Array(0);

/** Reads parts in order. */
export class PartReader {
  #bytes: Uint8Array = NO_BYTES;
  #at = 0;
  #end = 0;

  /** Begins to read bytes, or a range of them. */
  reset(bytes: Uint8Array, start = 0, end: number = bytes.length): void {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  /** Whether no part is left. */
  get isAtEnd(): boolean {
    return this.#at >= this.#end;
  }

  /** The offset of the next part. */
  get at(): number {
    return this.#at;
  }

  /** The bytes of all parts that are left. */
  rest(): Uint8Array {
    return this.#bytes.subarray(this.#at, this.#end);
  }

  /** Reads a value of a row. */
  rowValue(): SqlValue {
    switch (this.#bytes[this.#at++]) {
      case PART.false:
        return null;
      case PART.bigint:
        return this.#integer();
      case PART.number:
        return new Real(this.#double());
      case PART.string:
        return this.#text();
      case PART.bytes:
        return this.#blob();
    }
    throw malformed();
  }

  /**
   * Reads a value of a key, which had one of the exact affinities: text as the collation folded it.
   *
   * @param isReal Whether numbers are REALs; otherwise whole ones are INTEGERs.
   */
  keyValue(isReal: boolean): SqlValue {
    switch (this.#bytes[this.#at++]) {
      case PART.bytes:
        return this.#blob().length === 0 ? null : fail();
      case PART.number: {
        const value = this.#double();
        const large = isLargeWhole(value) ? this.rowid() : undefined;
        if (isReal) return new Real(value);
        return large ?? (Number.isSafeInteger(value) ? value : new Real(value));
      }
      case PART.false:
        this.#at++;
        return this.#text();
      case PART.true:
        this.#at++;
        return this.#blob();
    }
    throw malformed();
  }

  /** Reads a rowid. */
  rowid(): number | bigint {
    if (this.#bytes[this.#at++] !== PART.bigint) throw malformed();
    return this.#integer();
  }

  /** Skips a value of a key. */
  skipKeyValue(): void {
    const code = this.#bytes[this.#at++];
    if (code === PART.number) {
      if (isLargeWhole(this.#double())) this.#at += 3 + this.#countAt(this.#at + 1);
      return;
    }
    if (code === PART.false || code === PART.true) this.#at++;
    this.#skipEscaped();
  }

  #countAt(at: number): number {
    if (at + 2 > this.#end) throw malformed();
    return Math.abs(this.#bytes[at]! * 0x100 + this.#bytes[at + 1]! - BIGINT_ZERO);
  }

  #integer(): number | bigint {
    const bytes = this.#bytes;
    const header = bytes[this.#at]! * 0x100 + bytes[this.#at + 1]! - BIGINT_ZERO;
    const isNegative = header < 0;
    const count = isNegative ? -header : header;
    const at = this.#at + 2;
    this.#at = at + count;
    if (!(this.#at <= this.#end) || count > 8) throw malformed();
    const turn = isNegative ? 0xff : 0;
    if (count <= SAFE_BYTES) {
      let size = 0;
      for (let i = 0; i < count; i++) size = size * 256 + (bytes[at + i]! ^ turn);
      return isNegative ? -size : size;
    }
    word.setBigUint64(0, 0n);
    for (let i = 0; i < count; i++) word.setUint8(8 - count + i, bytes[at + i]! ^ turn);
    const size = word.getBigUint64(0);
    const value = isNegative ? -size : size;
    return fits(value) ? integerOf(value) : fail();
  }

  #double(): number {
    const at = this.#at;
    this.#at = at + 8;
    if (this.#at > this.#end) throw malformed();
    const value = doubleAt(this.#bytes, at);
    return value === value ? value : fail();
  }

  #skipEscaped(): void {
    const bytes = this.#bytes;
    let at = this.#at;
    const end = this.#end;
    while (at < end && bytes[at] !== END) at++;
    if (at >= end) throw malformed();
    this.#at = at + 1;
  }

  #text(): string {
    const bytes = this.#bytes;
    const start = this.#at;
    const most = Math.min(this.#end, start + TEXT_LOOP_MAX);
    let at = start;
    for (; at < most; at++) {
      const byte = bytes[at]!;
      if (byte > 0x7f || byte <= ESCAPE) break;
    }
    if (at >= most || bytes[at] !== END) return textOfBytes(this.#blob());
    this.#at = at + 1;
    return asciiText(bytes, start, at);
  }

  #blob(): Uint8Array {
    const start = this.#at;
    this.#skipEscaped();
    const escaped = this.#bytes.subarray(start, this.#at - 1);
    if (!escaped.includes(ESCAPE)) return escaped.slice();
    const plain = new Uint8Array(escaped.length);
    let to = 0;
    for (let from = 0; from < escaped.length; from++) {
      plain[to++] = escaped[from] === ESCAPE ? escaped[++from]! - 1 : escaped[from]!;
    }
    return plain.slice(0, to);
  }
}

/** Text of ASCII: for short text, a loop takes less than a call. */
function asciiText(bytes: Uint8Array, start: number, end: number): string {
  if (end - start > LETTERS_MAX) return latin1Slice.call(bytes, start, end);
  let text = "";
  let at = start;
  for (; at + 4 <= end; at += 4) {
    text += String.fromCharCode(bytes[at]!, bytes[at + 1]!, bytes[at + 2]!, bytes[at + 3]!);
  }
  switch (end - at) {
    case 1:
      return text + String.fromCharCode(bytes[at]!);
    case 2:
      return text + String.fromCharCode(bytes[at]!, bytes[at + 1]!);
    case 3:
      return text + String.fromCharCode(bytes[at]!, bytes[at + 1]!, bytes[at + 2]!);
  }
  return text;
}

/** The error for bytes that are not parts. */
export function malformed(): TypeError {
  return new TypeError("Cannot read a row: its bytes are not the parts of one");
}

function fail(): never {
  throw malformed();
}
