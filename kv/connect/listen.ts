/**
 * The part of the `Deno` namespace that the server uses: HTTP/1.1 and HTTP/2 without TLS, on one
 * port.
 */

import { clearTimeout, setTimeout } from "node:timers";
import { IoError } from "../../mod.ts";

/** The time in which the system sends the last answers, which count as sent when it has them. */
const LINGER_MS = 50;

/** Where to listen. */
export interface Address {
  /** The address of this machine. */
  readonly hostname: string;
  /** The port; 0 = any free port. */
  readonly port: number;
}

/** Answers a request; `sent` settles when the client has the answer, or is gone. */
export type Answer = (request: Request, sent: Promise<void>) => Promise<Response>;

/**
 * Listens.
 *
 * @throws {IoError} Another program listens on the port, or the machine has no such address.
 */
export function listen(address: Address, answer: Answer): HttpListener {
  try {
    return new HttpListener(address, answer);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotCapable) throw cause;
    const { hostname, port } = address;
    throw new IoError(`Cannot listen on ${hostname}:${port}: ${stateOf(cause)}`, { cause });
  }
}

/**
 * A server that listens.
 *
 * It ends by an abort, which nothing holds up. A shutdown of Deno's waits for clients that do not
 * read or do not stop to send, keeps the program alive meanwhile, and can not be aborted.
 */
export class HttpListener {
  /** Resolves when it has ended. */
  readonly finished: Promise<void>;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #abort = new AbortController();
  /** The number of requests in progress, without those that came after the end had begun. */
  #inProgress = 0;
  #isEnding = false;
  #linger: ReturnType<typeof setTimeout> | undefined;

  /** Created by `listen`. */
  constructor(address: Address, answer: Answer) {
    const options = { ...address, signal: this.#abort.signal, onListen: () => {} };
    this.#server = Deno.serve(options, (request, { completed }) => {
      if (!this.#isEnding) this.#waitFor(completed);
      return answer(request, completed);
    });
    this.finished = this.#server.finished;
  }

  /** The port. */
  get port(): number {
    return this.#server.addr.port;
  }

  #waitFor(completed: Promise<void>): void {
    this.#inProgress++;
    const over = () => {
      this.#inProgress--;
      this.#endIfIdle();
    };
    completed.then(over, over);
  }

  /** Ends when the answers in progress are sent. */
  end(): void {
    this.#isEnding = true;
    this.#endIfIdle();
  }

  #endIfIdle(): void {
    if (!this.#isEnding || this.#inProgress > 0) return;
    this.#linger ??= setTimeout(() => this.abort(), LINGER_MS);
  }

  /** Ends at once. */
  abort(): void {
    clearTimeout(this.#linger);
    this.#abort.abort();
  }
}

function stateOf(error: unknown): string {
  if (error instanceof Deno.errors.AddrInUse) return "another program does";
  if (error instanceof Deno.errors.AddrNotAvailable) return "this machine has no such address";
  return (error as Error).message;
}

/** Reports an error of the database, which no caller receives. */
export function reportServerError(error: unknown): void {
  console.error("Cannot answer a client:", error);
}
