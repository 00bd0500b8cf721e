/**
 * Lines of an input, read synchronously in blocks. Memory is bounded by one line.
 *
 * Reads are synchronous because the transaction that stores the lines is.
 */

const BLOCK_BYTES = 256 * 1024;
const LINE_BYTES_MAX = 512 * 1024 * 1024;
const LF = 0x0a;
const CR = 0x0d;

/** A source of bytes: `Deno.stdin`, an open file. */
export interface ByteSource {
  /** Reads some bytes and returns their count, or null at the end. */
  readSync(into: Uint8Array): number | null;
}

/** A line that cannot be read. */
export class LineError extends Error {
  override readonly name = "LineError";
  /** The 1-based number of the line. */
  readonly line: number;
  /** The 1-based character in the line, if known. */
  readonly column: number | undefined;

  /** An error in a line. */
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
  /** The 1-based number of the last line read. */
  line = 0;
  /** The number of bytes read. */
  bytesRead = 0;

  /** Creates a reader of a source. */
  constructor(source: ByteSource) {
    this.#source = source;
  }

  /**
   * The lines, each without its LF. A byte order mark before the first is dropped.
   *
   * @throws {LineError} A line is not UTF-8, or too long.
   */
  *lines(): Generator<string, void, undefined> {
    for (const bytes of this.#split(false)) {
      yield this.#decode(bytes.at(-1) === LF ? bytes.subarray(0, -1) : bytes);
    }
  }

  /**
   * The rows of a table or of a list of values: lines that end with LF, CRLF or a lone CR, each
   * with its terminator.
   *
   * @throws {LineError} A line is not UTF-8, or too long.
   */
  *rows(): Generator<string, void, undefined> {
    for (const bytes of this.#split(true)) yield this.#decode(bytes);
  }

  /** The bytes of each line with its terminator, valid until the next line. */
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
  /** The first CR and LF from the requested offset on; the block length if none. */
  #cr = -1;
  #lf = -1;

  constructor(block: Uint8Array, atCr: boolean) {
    this.#block = block;
    this.#atCr = atCr;
    if (!atCr) this.#cr = block.length;
  }

  /** The offset after the terminator of the line; -1 if the block does not contain it. */
  after(start: number): number {
    const { length } = this.#block;
    if (this.#lf < start) this.#lf = this.#find(LF, start);
    if (this.#cr < start) this.#cr = this.#find(CR, start);
    if (this.#lf < this.#cr) return this.#lf + 1;
    if (this.#cr >= length - 1) return -1;
    return this.#block[this.#cr + 1] === LF ? this.#cr + 2 : this.#cr + 1;
  }

  /** Whether the block ends with a CR that may be the first half of a CRLF. */
  isCrLast(start: number): boolean {
    const { length } = this.#block;
    return this.#atCr && start < length && this.#block[length - 1] === CR;
  }

  #find(byte: number, start: number): number {
    const at = this.#block.indexOf(byte, start);
    return at < 0 ? this.#block.length : at;
  }
}

/** A line that began in an earlier block. */
class BegunLine {
  #parts: Uint8Array[] = [];
  /** Whether it is complete except for an LF that may follow its CR. */
  isHeld = false;
  /** Its length in bytes. */
  length = 0;

  add(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#parts.push(bytes);
    this.length += bytes.length;
  }

  /** Completes the line with these bytes. */
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
