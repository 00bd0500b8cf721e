/**
 * Base64, strictly, and values that no text can hold.
 */

import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { EXIT, failureOf, Refusal } from "../io/exit.ts";
import { decodeBase64, encodeBase64 } from "./base64.ts";

describe("base64", () => {
  it("comes back as it was, and nothing else is taken", () => {
    const bytes = Uint8Array.of(0, 255, 62, 63);
    assertEquals(decodeBase64(encodeBase64(bytes)), bytes);
    for (const text of ["AA", "AA= =", "_-==", "AAA=\n"]) {
      assertThrows(() => decodeBase64(text), Refusal, "not in base64");
    }
  });

  it("of more bytes than a text can hold is refused with the way to them", () => {
    const error = assertThrows(() => encodeBase64(new Uint8Array(400 * 2 ** 20)), Refusal);
    assertEquals(error.exitCode, EXIT.unusable);
    assertMatch(error.message, /419430400 bytes are too many for a text; 'get --raw' prints its/);
  });

  it("and a text that is too long with its escapes is not a bug of Quire", () => {
    const { exitCode, line } = failureOf(new RangeError("Invalid string length"));
    assertEquals(exitCode, EXIT.unusable);
    assertMatch(line ?? "", /'get --raw' prints its bytes/);
  });
});
