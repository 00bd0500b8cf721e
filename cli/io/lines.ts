/**
 * Lines of an input, read synchronously in blocks: memory for one line, whatever the input has.
 *
 * Synchronously, because the transaction that they go into is.
 */

const BLOCK_BYTES = 256 * 1024;
const LINE_BYTES_MAX = 512 * 1024 * 1024;
const LF = 0x0a;
const CR = 0x0d;

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
  /** The character of the line, from 1, where that is known. */
  readonly column: number | undefined;

  /** What is wrong with a line. */
  constructor(line: number, message: string, column?: number) {
    super(message);
    this.line = line;
    this.column = column;
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
    for (const bytes of this.#split(false)) {
      yield this.#decode(bytes.at(-1) === LF ? bytes.subarray(0, -1) : bytes);
    }
  }

  /**
   * The rows of a table or of a list of values: lines that end with LF, CRLF or a CR alone, each
   * with what ends it.
   *
   * @throws {LineError} A line is not UTF-8, or too long.
   */
  *rows(): Generator<string, void, undefined> {
    for (const bytes of this.#split(true)) yield this.#decode(bytes);
  }

  /** The bytes of each line with its end, good until the next one. */
  *#split(atCr: boolean): Generator<Uint8Array, void, undefined> {
    const block = new Uint8Array(BLOCK_BYTES);
    for (;;) {
      const length = this.#source.readSync(block);
      if (length === null) break;
      this.bytesRead += length;
      const ends = new LineEnds(block.subarray(0, length), atCr);
      let start = 0;
      if (this.#begun.isHeld && length > 0) {
        // An LF belongs to the CR before it.
        start = block[0] === LF ? 1 : 0;
        yield this.#begun.endWith(block.subarray(0, start));
      }
      for (;;) {
        const end = ends.after(start);
        if (end < 0) break;
        yield this.#begun.endWith(block.subarray(start, end));
        start = end;
      }
      this.#begun.add(block.slice(start, length));
      this.#begun.isHeld ||= ends.isCrLast(start);
      if (this.#begun.length > LINE_BYTES_MAX) {
        throw new LineError(this.line + 1, "it has more than 512 MiB");
      }
    }
    if (this.#begun.length > 0) yield this.#begun.endWith(new Uint8Array(0));
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

/** Finds the ends of lines in a block. */
class LineEnds {
  readonly #block: Uint8Array;
  readonly #atCr: boolean;
  /** The first CR and LF not before where it was asked; the length where there is none. */
  #cr = -1;
  #lf = -1;

  constructor(block: Uint8Array, atCr: boolean) {
    this.#block = block;
    this.#atCr = atCr;
    if (!atCr) this.#cr = block.length;
  }

  /** Where the line of this byte ends, its end included; -1 where the block does not tell. */
  after(start: number): number {
    const { length } = this.#block;
    if (this.#lf < start) this.#lf = this.#find(LF, start);
    if (this.#cr < start) this.#cr = this.#find(CR, start);
    if (this.#lf < this.#cr) return this.#lf + 1;
    if (this.#cr >= length - 1) return -1;
    return this.#block[this.#cr + 1] === LF ? this.#cr + 2 : this.#cr + 1;
  }

  /** Whether the block ends with a CR, of which only the next byte tells what it ends. */
  isCrLast(start: number): boolean {
    const { length } = this.#block;
    return this.#atCr && start < length && this.#block[length - 1] === CR;
  }

  #find(byte: number, start: number): number {
    const at = this.#block.indexOf(byte, start);
    return at < 0 ? this.#block.length : at;
  }
}

/** A line that blocks before the current one began. */
class BegunLine {
  #parts: Uint8Array[] = [];
  /** Whether it is whole but for an LF that may follow its CR. */
  isHeld = false;
  /** Its bytes. */
  length = 0;

  add(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#parts.push(bytes);
    this.length += bytes.length;
  }

  /** The whole line, which ends with these bytes. */
  endWith(bytes: Uint8Array): Uint8Array {
    this.isHeld = false;
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
