/**
 * What the program prints: standard output, collected into large writes, and notes on standard
 * error.
 *
 * Writes are synchronous, so that a scan never gets ahead of whoever reads it. When the reader has
 * gone (`quire scan FILE | head -1`), writing throws `OutputClosed`: a quiet end of the program.
 */

import { OutputClosed } from "./exit.ts";

const BUFFER_BYTES = 64 * 1024;
const RETRY_MS = 1;

const encoder = new TextEncoder();

/** Where bytes go: `Deno.stdout`, an open file. */
export interface Sink {
  /** Writes some of the bytes; how many. */
  writeSync(bytes: Uint8Array): number;
}

/** Collects text and bytes, and writes them in order. */
export class Output {
  readonly #sink: Sink;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  #length = 0;
  #failure: unknown;

  /** An output into a sink. */
  constructor(sink: Sink) {
    this.#sink = sink;
  }

  /** Prints a line. */
  line(text = ""): void {
    this.text(text);
    this.text("\n");
  }

  /** Prints lines. */
  lines(lines: Iterable<string>): void {
    for (const line of lines) this.line(line);
  }

  /** Prints a value as one line of JSON. */
  json(value: unknown): void {
    this.line(JSON.stringify(value));
  }

  /** Prints text. */
  text(text: string): void {
    // A unit of UTF-16 is at most three bytes of UTF-8.
    if (text.length * 3 > BUFFER_BYTES - this.#length) return this.bytes(encoder.encode(text));
    this.#length += encoder.encodeInto(text, this.#buffer.subarray(this.#length)).written;
  }

  /** Prints bytes. */
  bytes(bytes: Uint8Array): void {
    if (bytes.length > BUFFER_BYTES - this.#length) this.flush();
    if (bytes.length > BUFFER_BYTES) return this.#write(bytes);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Writes what is collected. */
  flush(): void {
    const length = this.#length;
    this.#length = 0;
    this.#write(this.#buffer.subarray(0, length));
  }

  #write(bytes: Uint8Array): void {
    // After a failure the rest would be a text with a hole.
    if (this.#failure !== undefined) throw this.#failure;
    try {
      writeAll(this.#sink, bytes);
    } catch (error) {
      this.#failure = error instanceof Deno.errors.BrokenPipe ? new OutputClosed() : error;
      throw this.#failure;
    }
  }
}

/** Writes all bytes, waiting where whoever reads them is slower. */
function writeAll(sink: Sink, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) {
    try {
      at += sink.writeSync(bytes.subarray(at));
    } catch (error) {
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }
}

/** Prints a line on standard error; whether anybody reads it does not matter. */
export function note(text: string): void {
  try {
    writeAll(Deno.stderr, encoder.encode(`${text}\n`));
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

/** Whether standard output takes colours. */
export function wantsColours(): boolean {
  return Deno.stdout.isTerminal() && !Deno.noColor;
}
