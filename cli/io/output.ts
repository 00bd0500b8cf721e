/**
 * Output: standard output, buffered into large writes, and notes on standard error.
 *
 * 1. Only this module and the shell's line editor write to a terminal.
 * 2. A terminal receives no control or format characters except the program's own; files and pipes
 *    receive the bytes unchanged.
 * 3. Writes are synchronous, so a scan never outruns its reader. After the reader has closed the
 *    pipe (`quire scan FILE | head -1`), a write throws `OutputClosed`, which ends the program
 *    quietly.
 */

import { OutputClosed, withAction } from "./exit.ts";
import { coloured, forTerminal, type Span } from "./text.ts";

const BUFFER_BYTES = 64 * 1024;
const RETRY_MS = 1;
/** Clears from the cursor to the end of the line. */
const ERASE_REST = "\x1b[K";

const encoder = new TextEncoder();

/** A destination of bytes: `Deno.stdout`, an open file. */
export interface Sink {
  /** Writes some of the bytes and returns their count. */
  writeSync(bytes: Uint8Array): number;
  /** Whether it is a terminal, which interprets control sequences. Default false. */
  isTerminal?(): boolean;
}

/** Buffers text and bytes, and writes them in order. */
export class Output {
  readonly #sink: Sink;
  /** Decodes bytes for a terminal; undefined for other sinks. */
  readonly #decoder: TextDecoder | undefined;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  #length = 0;
  readonly #name: string;
  #failure: unknown;

  /**
   * Creates an output to a sink.
   *
   * @param sink The destination.
   * @param name Its name in errors.
   */
  constructor(sink: Sink, name = "standard output") {
    this.#sink = sink;
    this.#name = name;
    if (sink.isTerminal?.() === true) this.#decoder = new TextDecoder("utf-8", { ignoreBOM: true });
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

  /** Prints a line of coloured spans. */
  spans(spans: readonly Span[]): void {
    // Escape the text first, so that only colours remain as control sequences.
    const safe = spans.map((span) => ({ ...span, text: this.#shown(span.text) }));
    this.#add(`${safe.map(coloured).join("")}\n`);
  }

  /** Prints text. */
  text(text: string): void {
    this.#add(this.#shown(text));
  }

  /** Prints bytes; a terminal receives them decoded and escaped. */
  bytes(bytes: Uint8Array): void {
    if (this.#decoder === undefined) this.#addBytes(bytes);
    else this.text(this.#decoder.decode(bytes, { stream: true }));
  }

  #shown(text: string): string {
    return this.#decoder === undefined ? text : forTerminal(text);
  }

  #add(text: string): void {
    // A unit of UTF-16 is at most three bytes of UTF-8.
    if (text.length * 3 > BUFFER_BYTES - this.#length) return this.#addBytes(encoder.encode(text));
    this.#length += encoder.encodeInto(text, this.#buffer.subarray(this.#length)).written;
  }

  #addBytes(bytes: Uint8Array): void {
    if (bytes.length > BUFFER_BYTES - this.#length) this.flush();
    if (bytes.length > BUFFER_BYTES) return this.#write(bytes);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Writes the buffer. */
  flush(): void {
    const length = this.#length;
    this.#length = 0;
    this.#write(this.#buffer.subarray(0, length));
  }

  #write(bytes: Uint8Array): void {
    // Output after a failed write would have a gap.
    if (this.#failure !== undefined) throw this.#failure;
    try {
      writeAll(this.#sink, bytes);
    } catch (error) {
      this.#failure = error instanceof Deno.errors.BrokenPipe
        ? new OutputClosed()
        : withAction(`write to ${this.#name}`, error);
      throw this.#failure;
    }
  }
}

/** Writes all bytes, waiting for a slow reader. */
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

/** Prints a line on standard error, which may be closed. */
export function note(text: string): void {
  writeError(`${Deno.stderr.isTerminal() ? forTerminal(text) : text}\n`);
}

/** Whether standard error is a terminal, so that a status can be drawn there. */
export function canDrawStatus(): boolean {
  return Deno.stderr.isTerminal();
}

/** Draws a line on the terminal of standard error; the next status replaces it. */
export function drawStatus(text: string): void {
  writeError(`\r${forTerminal(text)}${ERASE_REST}`);
}

function writeError(text: string): void {
  try {
    writeAll(Deno.stderr, encoder.encode(text));
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

/** Whether standard output accepts colours. */
export function wantsColours(): boolean {
  return Deno.stdout.isTerminal() && !Deno.noColor;
}
