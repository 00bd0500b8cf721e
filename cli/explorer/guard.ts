/**
 * Who may ask: the explorer's own page, under its own name, and for data only with the token.
 *
 * The token is in the fragment of the address that is printed, which browsers send to nobody. The
 * page keeps it for its tab and sends it as a bearer token, as a program may. It is never a cookie:
 * cookies know no ports, and a browser would send it to every server of this machine. The `Host`
 * header has to be the address itself, so that no name that was bound to it later gets in; an
 * `Origin`, where there is one, has to be the explorer's, and so has `Sec-Fetch-Site`. Only GET is
 * answered.
 */

import { timingSafeEqual } from "node:crypto";
import { RefusedError } from "./refusal.ts";

const TOKEN_BYTES = 32;

/** Decides which requests are answered. */
export class Guard {
  /** The token: 64 hexadecimal digits. */
  readonly token: string = crypto.getRandomValues(new Uint8Array(TOKEN_BYTES)).toHex();
  /** The address of the server, without a scheme, as browsers write it. */
  readonly host: string;

  /**
   * Guards a server.
   *
   * @param host Its address and its port.
   */
  constructor(host: string) {
    this.host = new URL(`http://${host}`).host;
  }

  /** The address, with the secret token. */
  get url(): string {
    return `http://${this.host}/#token=${this.token}`;
  }

  /**
   * Refuses a request that has no business here.
   *
   * @param isData Whether it asks for data, which takes the token.
   * @throws {RefusedError} It has none.
   */
  check(request: Request, url: URL, isData: boolean): void {
    const { headers } = request;
    // A request may name a host in its first line too.
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
