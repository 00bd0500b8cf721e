/** Records of entries and messages of the queue keep what they hold, and refuse cut bytes. */

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { encodeValue } from "../value/value.ts";
import { kvMessage } from "./message.ts";
import { headerIn, kvRecord, NEVER } from "./record.ts";

const VERSION = 2 ** 40 + 3;
const lasting = { ...encodeValue("x"), version: VERSION, expiresAt: NEVER, ordinal: 0 };
const expiring = { ...encodeValue("y"), version: 1, expiresAt: 1_800_000_000_123, ordinal: 7 };

describe("kvRecord", () => {
  it("keeps the value, the version and the expiry", () => {
    const { data: _, ...header } = lasting;
    assertEquals(kvRecord.decode(kvRecord.encode(lasting)), { ...header, value: "x" });
    const { data: __, ...expiringHeader } = expiring;
    assertEquals(kvRecord.decode(kvRecord.encode(expiring)), { ...expiringHeader, value: "y" });
  });

  it("has a header that can be read without the value", () => {
    assertEquals(headerIn(kvRecord.encode(lasting).subarray(0, 9)).version, VERSION);
    assertEquals(headerIn(kvRecord.encode(expiring).subarray(0, 21)).ordinal, 7);
  });

  it("refuses a header that is cut off", () => {
    assertThrows(() => headerIn(new Uint8Array()), TypeError, "0 bytes");
    assertThrows(() => headerIn(kvRecord.encode(lasting).subarray(0, 8)), TypeError, "8 bytes");
    assertThrows(() => headerIn(kvRecord.encode(expiring).subarray(0, 20)), TypeError, "20 bytes");
  });
});

describe("kvMessage", () => {
  const message = {
    payload: new Uint8Array([1, 2, 3]),
    backoffSchedule: [0, 3_600_000],
    keysIfUndelivered: [new Uint8Array([2, 97, 0]), new Uint8Array()],
  };

  it("keeps the payload, the waits and the keys", () => {
    assertEquals(kvMessage.decode(kvMessage.encode(message)), message);
    const bare = { payload: new Uint8Array(), backoffSchedule: [], keysIfUndelivered: [] };
    assertEquals(kvMessage.decode(kvMessage.encode(bare)), bare);
  });

  it("refuses a message that is cut off before the payload", () => {
    const bytes = kvMessage.encode(message);
    for (let length = 0; length < bytes.length - 3; length++) {
      assertThrows(() => kvMessage.decode(bytes.subarray(0, length)), TypeError, "cut off");
    }
  });
});
