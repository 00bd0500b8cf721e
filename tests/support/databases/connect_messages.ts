/**
 * Requests of a client of KV Connect, encoded for tests of the server.
 */

// deno-lint-ignore no-import-prefix -- the version is that of the source
import { BinaryReader, BinaryWriter, WireType } from "npm:@bufbuild/protobuf@2.17.0/wire";

/** The value of a field: a number, bytes, a message, or several of them. */
type FieldValue = number | Uint8Array | Message | readonly FieldValue[];

/** A message: its fields by number. */
export interface Message {
  readonly [field: number]: FieldValue;
}

/** Encodes a message. */
export function encode(message: Message): Uint8Array<ArrayBuffer> {
  const writer = new BinaryWriter();
  for (const [field, value] of Object.entries(message)) write(writer, Number(field), value);
  return writer.finish();
}

function write(writer: BinaryWriter, field: number, value: FieldValue): void {
  if (Array.isArray(value)) { for (const one of value) write(writer, field, one); }
  else if (typeof value === "number") writer.tag(field, WireType.Varint).int64(value);
  else {
    const bytes = value instanceof Uint8Array ? value : encode(value as Message);
    writer.tag(field, WireType.LengthDelimited).bytes(bytes);
  }
}

/** A field that was read: an integer, or bytes. */
export type ReadField = readonly [field: number, value: number | Uint8Array];

/** The fields of a message, in order. */
export function fieldsOf(bytes: Uint8Array): ReadField[] {
  const reader = new BinaryReader(bytes);
  const fields: ReadField[] = [];
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    fields.push([field, type === WireType.Varint ? Number(reader.int64()) : reader.bytes()]);
  }
  return fields;
}
