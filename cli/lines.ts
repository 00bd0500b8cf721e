/**
 * Lines of an input, read synchronously in blocks: memory for one line, whatever the input has.
 *
 * Synchronously, because the transaction that they go into is.
 */

const BLOCK_BYTES = 256 * 1024;
const LINE_BYTES_MAX = 512 * 1024 * 1024;
const NEWLINE = 0x0a;

/** Where bytes come from: `Deno.stdin`, an open file. */
export interface ByteSource {
  /** Reads some bytes; how many, or null at the end. */
  readSync(into: Uint8Array): number | null;
}

/** A line that cannot be read. */
export class LineError extends Error {
  override readonly name = "LineError";
  /** The line, from 1. */
  readonly line: number;

  /** What is wrong with a line. */
  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

/** Reads lines of UTF-8. */
export class LineReader {
  readonly #source: ByteSource;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  readonly #begun = new BegunLine();
  /** The number of the line that was read last, from 1. */
  line = 0;
  /** How many bytes were read. */
  bytesRead = 0;

  /** A reader of a source. */
  constructor(source: ByteSource) {
    this.#source = source;
  }

  /**
   * The lines, without the LF that ends each. A mark of byte order before the first is left out.
   *
   * @throws {LineError} A line is not UTF-8, or too long.
   */
  *lines(): Generator<string, void, undefined> {
    const block = new Uint8Array(BLOCK_BYTES);
    for (;;) {
      const length = this.#source.readSync(block);
      if (length === null) break;
      this.bytesRead += length;
      let start = 0;
      for (;;) {
        const end = block.subarray(0, length).indexOf(NEWLINE, start);
        if (end < 0) break;
        yield this.#decode(this.#begun.endWith(block.subarray(start, end)));
        start = end + 1;
      }
      this.#begun.add(block.slice(start, length));
      if (this.#begun.length > LINE_BYTES_MAX) {
        throw new LineError(this.line + 1, "it has more than 512 MiB");
      }
    }
    if (this.#begun.length > 0) yield this.#decode(this.#begun.endWith(new Uint8Array(0)));
  }

  #decode(bytes: Uint8Array): string {
    this.line++;
    try {
      const text = this.#decoder.decode(bytes);
      return this.line === 1 ? text.replace(/^\ufeff/, "") : text;
    } catch {
      throw new LineError(this.line, "it is not UTF-8");
    }
  }
}

/** A line that blocks before the current one began. */
class BegunLine {
  #parts: Uint8Array[] = [];
  /** Its bytes. */
  length = 0;

  add(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#parts.push(bytes);
    this.length += bytes.length;
  }

  /** The whole line, which ends with these bytes. */
  endWith(bytes: Uint8Array): Uint8Array {
    if (this.length === 0) return bytes;
    const line = new Uint8Array(this.length + bytes.length);
    let at = 0;
    for (const part of [...this.#parts, bytes]) {
      line.set(part, at);
      at += part.length;
    }
    this.#parts = [];
    this.length = 0;
    return line;
  }
}
