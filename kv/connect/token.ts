/**
 * The access token: every request has it as a bearer token. It is compared in constant time.
 */

import { createHash, timingSafeEqual } from "node:crypto";

/** Printable ASCII without blanks, as a header can have it; clients refuse shorter ones. */
const TOKEN = /^[\x21-\x7e]{12,}$/;

/** Compares tokens with the right one. */
export class AccessToken {
  /** The token. */
  readonly text: string;
  readonly #digest: Uint8Array;

  /**
   * The right token.
   *
   * @throws {TypeError} It is too short, or has characters that a header cannot have.
   */
  constructor(text: string) {
    if (typeof text !== "string" || !TOKEN.test(text)) {
      throw new TypeError(
        "Cannot serve: the token is not 12 or more characters of ASCII without blanks",
      );
    }
    this.text = text;
    this.#digest = digestOf(text);
  }

  /** Whether a request has the token. */
  isIn(headers: Headers): boolean {
    const [, given = ""] = /^bearer (.*)$/i.exec(headers.get("authorization") ?? "") ?? [];
    // Digests have one length, so the time does not depend on the length of the given token.
    return timingSafeEqual(digestOf(given), this.#digest);
  }
}

function digestOf(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}
