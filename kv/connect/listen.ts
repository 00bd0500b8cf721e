/**
 * The part of the `Deno` namespace that the server uses: HTTP/1.1 and HTTP/2 without TLS, on one
 * port.
 */

import { IoError } from "../../mod.ts";

/** Where to listen. */
export interface Address {
  /** The address of this machine. */
  readonly hostname: string;
  /** The port; 0 = any free port. */
  readonly port: number;
}

/** A server that listens. */
export interface HttpListener {
  /** The port. */
  readonly port: number;
  /** Resolves when it has ended. */
  readonly finished: Promise<void>;
  /** Stops accepting, and ends when the answers in progress are sent. */
  shutdown(): void;
  /** Ends at once. */
  abort(): void;
}

/**
 * Listens.
 *
 * @param answer Answers a request; `sent` settles when the client has the answer, or is gone.
 * @throws {IoError} Another program listens on the port, or the machine has no such address.
 */
export function listen(
  { hostname, port }: Address,
  answer: (request: Request, sent: Promise<void>) => Promise<Response>,
): HttpListener {
  const abort = new AbortController();
  const options = { hostname, port, signal: abort.signal, onListen: () => {} };
  try {
    const server = Deno.serve(options, (request, { completed }) => answer(request, completed));
    return {
      port: server.addr.port,
      finished: server.finished,
      shutdown: () => void server.shutdown(),
      abort: () => abort.abort(),
    };
  } catch (cause) {
    if (cause instanceof Deno.errors.NotCapable) throw cause;
    throw new IoError(`Cannot listen on ${hostname}:${port}: ${stateOf(cause)}`, { cause });
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
