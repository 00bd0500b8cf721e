/**
 * Who may ask: whoever has the token, from the explorer's own page, under its own name.
 *
 * The token stands in the URL that is printed, and then in a cookie that the browser sends to this
 * server alone and for nobody else (`SameSite=Strict`, `HttpOnly`). A program may send it as a
 * bearer token instead. The `Host` header has to be the address itself, so that no name that was
 * bound to it later gets in; an `Origin`, where there is one, has to be the explorer's, and so has
 * `Sec-Fetch-Site`. Only GET is answered.
 */

import { timingSafeEqual } from "node:crypto";
import { RefusedError } from "./refusal.ts";

const TOKEN_BYTES = 32;

/** Decides which requests are answered. */
export class Guard {
  /** The token: 64 hexadecimal digits. */
  readonly token: string = crypto.getRandomValues(new Uint8Array(TOKEN_BYTES)).toHex();
  /** The address of the server, without a scheme. */
  readonly host: string;
  readonly #cookie: string;

  /**
   * Guards a server.
   *
   * @param hostname Its address.
   * @param port Its port.
   */
  constructor(hostname: string, port: number) {
    this.host = `${hostname}:${port}`;
    // Browsers keep cookies by host, whatever the port.
    this.#cookie = `quire-${port}`;
  }

  /** The address that lets somebody in. */
  get url(): string {
    return `http://${this.host}/?token=${this.token}`;
  }

  /** The cookie that carries the token from then on. */
  get setCookie(): string {
    return `${this.#cookie}=${this.token}; HttpOnly; SameSite=Strict; Path=/`;
  }

  /**
   * Refuses a request that has no business here.
   *
   * @throws {RefusedError} It has none.
   */
  check(request: Request, url: URL): void {
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
    if (!this.#tokens(headers, url).some((token) => this.#isRight(token))) {
      throw refuse(401, "the token is missing or wrong; use the address that was printed");
    }
    if (request.method !== "GET") throw refuse(405, "only GET is answered");
  }

  #tokens(headers: Headers, url: URL): string[] {
    const cookies = (headers.get("cookie") ?? "").split(/; */);
    const own = cookies.filter((cookie) => cookie.startsWith(`${this.#cookie}=`));
    const bearer = /^Bearer (\S+)$/.exec(headers.get("authorization") ?? "");
    const inUrl = url.pathname === "/" ? url.searchParams.getAll("token") : [];
    return [
      ...own.map((cookie) => cookie.slice(this.#cookie.length + 1)),
      ...(bearer === null ? [] : [bearer[1]!]),
      ...inUrl,
    ];
  }

  #isRight(token: string): boolean {
    const encoder = new TextEncoder();
    const [given, right] = [encoder.encode(token), encoder.encode(this.token)];
    return given.length === right.length && timingSafeEqual(given, right);
  }
}

function refuse(status: number, why: string): RefusedError {
  return new RefusedError(status, `Cannot answer: ${why}`);
}
