/**
 * A message of the queue as bytes: the waits before further deliveries, the keys that receive it if
 * all fail, and its payload, which V8 serialized.
 *
 * ```text
 * u8  number of waits, then u32 each, in milliseconds
 * u32 number of keys, then each: u16 length, bytes
 * ... payload
 * ```
 *
 * Integers have the most significant byte first.
 */

import type { ValueCodec } from "../../mod.ts";
import { deserialize } from "../value/value.ts";

/** A message of the queue. */
export interface KvMessage {
  /** The message, serialized by V8. */
  readonly payload: Uint8Array;
  /** The waits before the deliveries that are left, in milliseconds. */
  readonly backoffSchedule: readonly number[];
  /** The keys, encoded, that are set to the message if all deliveries fail. */
  readonly keysIfUndelivered: readonly Uint8Array[];
}

/**
 * The codec of the values of the tree `kv.queue`.
 *
 * ```ts
 * import { open, tuple } from "../../mod.ts";
 * import { kvMessage, openKv } from "../mod.ts";
 *
 * using db = open(":memory:");
 * using kv = await openKv(db);
 * await kv.enqueue("text");
 * const [message] = db.tree("kv.queue", { key: tuple, value: kvMessage }).values();
 * console.assert(message?.backoffSchedule.length === 5);
 * ```
 */
export const kvMessage: ValueCodec<KvMessage> = {
  name: "kv.message",
  ordered: false,
  encode({ payload, backoffSchedule, keysIfUndelivered }: KvMessage): Uint8Array {
    const keyBytes = keysIfUndelivered.reduce((sum, key) => sum + 2 + key.length, 0);
    const length = 1 + 4 * backoffSchedule.length + 4 + keyBytes + payload.length;
    const bytes = new Uint8Array(length);
    const view = new DataView(bytes.buffer);
    let at = 0;
    view.setUint8(at++, backoffSchedule.length);
    for (const wait of backoffSchedule) at = (view.setUint32(at, wait), at + 4);
    view.setUint32(at, keysIfUndelivered.length);
    at += 4;
    for (const key of keysIfUndelivered) {
      view.setUint16(at, key.length);
      bytes.set(key, at + 2);
      at += 2 + key.length;
    }
    bytes.set(payload, at);
    return bytes;
  },
  decode(bytes: Uint8Array): KvMessage {
    try {
      return decodeMessage(bytes);
    } catch (cause) {
      throw new TypeError("Cannot decode the message: it is cut off", { cause });
    }
  },
};

/**
 * The message that a program added to the queue.
 *
 * ```ts
 * import { open, tuple } from "../../mod.ts";
 * import { kvMessage, messageOf, openKv } from "../mod.ts";
 *
 * using db = open(":memory:");
 * using kv = await openKv(db);
 * await kv.enqueue({ to: "ada" });
 * const [message] = db.tree("kv.queue", { key: tuple, value: kvMessage }).values();
 * console.assert((messageOf(message!) as { to: string }).to === "ada");
 * ```
 *
 * @throws {TypeError} The payload is malformed.
 */
export function messageOf({ payload }: KvMessage): unknown {
  return deserialize(payload);
}

function decodeMessage(bytes: Uint8Array): KvMessage {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const waits = view.getUint8(0);
  const backoffSchedule = Array.from({ length: waits }, (_, i) => view.getUint32(1 + 4 * i));
  let at = 1 + 4 * waits + 4;
  const keysIfUndelivered: Uint8Array[] = [];
  for (let left = view.getUint32(at - 4); left > 0; left--) {
    const end = at + 2 + view.getUint16(at);
    keysIfUndelivered.push(bytes.subarray(at + 2, end));
    at = end;
  }
  if (at > bytes.length) throw new RangeError("the keys exceed the message");
  return { payload: bytes.subarray(at), backoffSchedule, keysIfUndelivered };
}
