/**
 * Access control: no other web page may send requests, and data requires the token.
 *
 * The token is in the fragment of the printed address, and browsers never send fragments. The page
 * keeps it for its tab and sends it as a bearer token, as other programs may. It is never a cookie:
 * cookies ignore ports, so a browser would send it to every server on this machine.
 *
 * The `Host` header must equal the address, which prevents DNS rebinding. `Origin` and
 * `Sec-Fetch-Site`, if present, must be those of the explorer. Only GET is allowed.
 */

import { timingSafeEqual } from "node:crypto";
import { RefusedError } from "./refusal.ts";

const TOKEN_BYTES = 32;

/** Decides which requests are answered. */
export class Guard {
  /** The token: 64 hexadecimal digits. */
  readonly token: string = crypto.getRandomValues(new Uint8Array(TOKEN_BYTES)).toHex();
  /** The host and port of the server, as in a `Host` header. */
  readonly host: string;

  /**
   * Guards a server.
   *
   * @param host Its host and port.
   */
  constructor(host: string) {
    this.host = new URL(`http://${host}`).host;
  }

  /** The address, with the secret token. */
  get url(): string {
    return `http://${this.host}/#token=${this.token}`;
  }

  /**
   * Refuses a request that is not allowed.
   *
   * @param isData Whether it requests data, which requires the token.
   * @throws {RefusedError} The request is not allowed.
   */
  check(request: Request, url: URL, isData: boolean): void {
    const { headers } = request;
    // The request line may also contain a host.
    if (headers.get("host") !== this.host || url.host !== this.host) {
      throw refuse(403, "the host is another");
    }
    const origin = headers.get("origin");
    if (origin !== null && origin !== `http://${this.host}`) throw refuse(403, "from elsewhere");
    const site = headers.get("sec-fetch-site");
    if (site !== null && site !== "same-origin" && site !== "none") {
      throw refuse(403, "from elsewhere");
    }
    if (isData && !this.#hasToken(headers)) {
      throw refuse(401, "the token is missing or wrong; use the address that was printed");
    }
    if (request.method !== "GET") throw refuse(405, "only GET is answered");
  }

  #hasToken(headers: Headers): boolean {
    const bearer = /^Bearer (\S+)$/.exec(headers.get("authorization") ?? "");
    const encoder = new TextEncoder();
    const [given, right] = [encoder.encode(bearer?.[1] ?? ""), encoder.encode(this.token)];
    return given.length === right.length && timingSafeEqual(given, right);
  }
}

function refuse(status: number, why: string): RefusedError {
  return new RefusedError(status, `Cannot answer: ${why}`);
}
