/**
 * A TCP connection as a stream with time limits: it is destroyed when the client is too slow.
 *
 * Three waits are limited: for the headers of a request, which includes the idle time between two
 * requests; for its body; and for the client to read what was written. The time that the server
 * takes to answer is not. The stream speaks no protocol: its user reports when a request has
 * arrived and when it is answered.
 *
 * The stream owns the descriptor, and closes it once, when it is destroyed. It handles its own
 * errors: an error event without a listener would end the program.
 */

import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";

const READ_BYTES = 65_536;
/** The most requests that a client may send before the first is answered; browsers send one. */
const UNANSWERED_MAX = 16;

/** The time limits of a connection. */
export interface ConnectionLimits {
  /** Milliseconds for the headers of a request, from the last answer or the beginning. */
  readonly headersMs: number;
  /** Milliseconds for the body of a request, from its headers. */
  readonly bodyMs: number;
  /** Milliseconds that a write waits for the client to read. */
  readonly stallMs: number;
}

/** What a connection waits for: headers, a body, or the server's answer. */
type Phase = "headers" | "body" | "answer";

/** A connection. */
export class Connection extends Duplex {
  readonly #conn: Deno.TcpConn;
  readonly #limits: ConnectionLimits;
  #isReading = false;
  #phase: Phase | undefined;
  #phaseStart = 0;
  #unanswered = 0;
  #bodies = 0;
  #phaseTimer: ReturnType<typeof setTimeout> | undefined;
  #writeTimer: ReturnType<typeof setTimeout> | undefined;

  /**
   * Takes over an accepted connection.
   *
   * @param conn The connection; closed with this stream.
   * @param limits Its time limits.
   */
  constructor(conn: Deno.TcpConn, limits: ConnectionLimits) {
    super();
    this.#conn = conn;
    this.#limits = limits;
    this.on("error", () => {});
    this.#enterPhase();
    sendAtOnce(conn);
  }

  /** When it became idle, in milliseconds of the monotonic clock; undefined during a request. */
  get idleSince(): number | undefined {
    return this.#phase === "headers" ? this.#phaseStart : undefined;
  }

  /** The headers of a request have arrived. */
  beginRequest(hasBody: boolean): void {
    this.#unanswered++;
    if (hasBody) this.#bodies++;
    if (this.#unanswered > UNANSWERED_MAX) this.destroy();
    else this.#enterPhase();
  }

  /** The body of a request has arrived. */
  endBody(): void {
    this.#bodies--;
    this.#enterPhase();
  }

  /** A request was answered or abandoned. */
  endRequest(): void {
    this.#unanswered--;
    this.#enterPhase();
    if (this.#unanswered === 0) this.emit("idle");
  }

  override _read(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    this.#readOnce().catch((error) => this.destroy(error));
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error) => void): void {
    this.#writeAll(chunk).then(() => done(), done);
  }

  override _writev(chunks: { chunk: Uint8Array }[], done: (error?: Error) => void): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), "", done);
  }

  override _final(done: (error?: Error) => void): void {
    this.#conn.closeWrite().then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#phaseTimer);
    clearTimeout(this.#writeTimer);
    this.#conn.close();
    done(error);
  }

  async #readOnce(): Promise<void> {
    const bytes = Buffer.allocUnsafe(READ_BYTES);
    const count = await this.#conn.read(bytes);
    this.#isReading = false;
    this.push(count === null ? null : bytes.subarray(0, count));
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < bytes.length;) {
        clearTimeout(this.#writeTimer);
        if (this.destroyed) throw new Error("Cannot write: the connection has ended");
        this.#writeTimer = setTimeout(() => this.destroy(), this.#limits.stallMs);
        at += await this.#conn.write(bytes.subarray(at));
      }
    } finally {
      clearTimeout(this.#writeTimer);
    }
  }

  /** The deadline of a phase is fixed when it begins: sending slowly does not extend it. */
  #enterPhase(): void {
    const phase = this.#unanswered === 0 ? "headers" : this.#bodies > 0 ? "body" : "answer";
    if (phase === this.#phase || this.destroyed) return;
    this.#phase = phase;
    this.#phaseStart = performance.now();
    clearTimeout(this.#phaseTimer);
    if (phase === "answer") return;
    const ms = phase === "headers" ? this.#limits.headersMs : this.#limits.bodyMs;
    this.#phaseTimer = setTimeout(() => this.destroy(), ms);
  }
}

/** Sends small answers without waiting for more data. */
function sendAtOnce(conn: Deno.TcpConn): void {
  try {
    conn.setNoDelay();
  } catch {
    // The client has gone already, which the next read reports.
  }
}
