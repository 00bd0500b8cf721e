/**
 * Listens on loopback, and keeps clients from ending the program or using up its descriptors.
 *
 * The number of open connections is limited. At the limit, a new connection replaces the one that
 * has been idle longest, or is closed if none is idle. When accept fails, as it does when
 * descriptors run out, the listener waits and accepts again; it ends only by `close`. It speaks no
 * protocol.
 */

import { IoError } from "../../mod.ts";
import { Connection, type ConnectionLimits } from "./connection.ts";

/** The only address that servers listen on. */
export const HOSTNAME = "127.0.0.1";
const RETRY_MS = 100;

/** The limits of a listener. */
export interface ListenerLimits extends ConnectionLimits {
  /** The most connections that are open at the same time. */
  readonly connectionsMax: number;
}

/** Listens on loopback. */
export class LoopbackListener {
  /** The port. */
  readonly port: number;
  /** Resolves when it is closed and the last connection has ended; never rejects. */
  readonly finished: Promise<void>;
  readonly #listener: Deno.TcpListener;
  readonly #limits: ListenerLimits;
  readonly #serve: (connection: Connection) => void;
  readonly #finish: () => void;
  readonly #connections = new Set<Connection>();
  #isClosed = false;
  #isAccepting = false;
  #retry: ReturnType<typeof setTimeout> | undefined;

  /**
   * Starts listening.
   *
   * @param port The port; 0 = any free port.
   * @param limits Its limits.
   * @param serve Serves a new connection.
   * @throws {IoError} Another program listens on the port.
   */
  constructor(port: number, limits: ListenerLimits, serve: (connection: Connection) => void) {
    this.#listener = listenOn(port);
    this.#limits = limits;
    this.#serve = serve;
    this.port = this.#listener.addr.port;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.finished = promise;
    this.#finish = resolve;
    this.#accept();
  }

  /** Stops accepting, and ends each connection as soon as it is idle. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#retry);
    this.#listener.close();
    for (const connection of this.#connections) {
      if (connection.idleSince !== undefined) connection.destroy();
    }
    this.#finishWhenEmpty();
  }

  /** Stops accepting, and ends all connections at once. */
  abort(): void {
    this.close();
    for (const connection of this.#connections) connection.destroy();
  }

  #accept(): void {
    this.#isAccepting = true;
    this.#listener.accept().then((conn) => this.#admit(conn)).then(
      () => this.#acceptNext(0),
      () => this.#acceptNext(RETRY_MS),
    );
  }

  #acceptNext(waitMs: number): void {
    this.#isAccepting = false;
    if (this.#isClosed) this.#finishWhenEmpty();
    else if (waitMs === 0) this.#accept();
    else this.#retry = setTimeout(() => this.#accept(), waitMs);
  }

  #admit(conn: Deno.TcpConn): void {
    if (this.#isClosed || !this.#makeRoom()) return conn.close();
    const connection = new Connection(conn, this.#limits);
    this.#connections.add(connection);
    connection.on("close", () => {
      this.#connections.delete(connection);
      this.#finishWhenEmpty();
    });
    // Sends the rest of the answer; the client then closes its side.
    connection.on("idle", () => this.#isClosed && connection.end());
    this.#serve(connection);
  }

  /** Whether there is room for one more connection. */
  #makeRoom(): boolean {
    if (this.#connections.size < this.#limits.connectionsMax) return true;
    let [idlest, since]: [Connection | undefined, number] = [undefined, Infinity];
    for (const connection of this.#connections) {
      const { idleSince = Infinity } = connection;
      if (idleSince < since) [idlest, since] = [connection, idleSince];
    }
    if (idlest === undefined) return false;
    this.#connections.delete(idlest);
    idlest.destroy();
    return true;
  }

  /** The port is not free before the pending accept has ended. */
  #finishWhenEmpty(): void {
    if (this.#isClosed && !this.#isAccepting && this.#connections.size === 0) this.#finish();
  }
}

function listenOn(port: number): Deno.TcpListener {
  try {
    return Deno.listen({ hostname: HOSTNAME, port });
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    const message = `Cannot listen on ${HOSTNAME}:${port}: another program does`;
    throw new IoError(message, { cause: error });
  }
}
