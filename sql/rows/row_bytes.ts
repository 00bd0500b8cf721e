/**
 * Rows as bytes, for trees that take them out of memory: as values, and as keys, which are the same
 * if SQL finds the rows equal, and sort as SQL sorts them.
 */

import { createHash } from "node:crypto";
import type { Collation } from "../value/compare.ts";
import { PartReader } from "../value/part_reader.ts";
import { PartWriter } from "../value/parts.ts";
import type { SqlValue } from "../value/value.ts";
import type { Row } from "./row_list.ts";

const KEY_BYTES_MAX = 1000;
/** The first byte of a key that is a digest; no part begins with it. */
const DIGEST = 0xfe;
/** The key of no values, as a tree has no empty keys. */
const NO_VALUES = new Uint8Array(1);
const writer = new PartWriter();
const reader = new PartReader();

/** The bytes of a row. */
export function bytesOf(row: readonly SqlValue[]): Uint8Array {
  writer.reset();
  for (let i = 0; i < row.length; i++) writer.rowValue(row[i] ?? null);
  return writer.take();
}

/** The row of some bytes. */
export function rowOfBytes(bytes: Uint8Array): Row {
  const row: Row = [];
  reader.reset(bytes);
  while (!reader.isAtEnd) row.push(reader.rowValue());
  return row;
}

/** The key of values; if it would be too long, a digest, which keeps only equality. */
export function keyBytes(
  values: readonly SqlValue[],
  first: number,
  collations: readonly Collation[],
): Uint8Array {
  if (collations.length === 0) return NO_VALUES;
  writer.reset();
  for (let i = 0; i < collations.length; i++) writer.keyValue(values[first + i]!, collations[i]!);
  const bytes = writer.take();
  if (bytes.length <= KEY_BYTES_MAX) return bytes;
  const digest = createHash("sha256").update(bytes).digest();
  const key = new Uint8Array(1 + digest.length);
  key[0] = DIGEST;
  key.set(digest, 1);
  return key;
}

/** Bytes followed by a number, so that keys with equal beginnings differ. */
export function numbered(prefix: Uint8Array, number: number): Uint8Array {
  const key = new Uint8Array(prefix.length + 6);
  key.set(prefix);
  const view = new DataView(key.buffer, prefix.length);
  view.setUint16(0, Math.floor(number / 2 ** 32));
  view.setUint32(2, number % 2 ** 32);
  return key;
}
