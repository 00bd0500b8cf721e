/**
 * Patterns of LIKE on the bytes of stored text: a scan that only tests a text does not decode it.
 *
 * Stored text is UTF-8 in which the characters U+0000 and U+0001 are escaped. A letter of a pattern
 * here is ASCII and above both, so it is found where the text has it, and nowhere else.
 */

/** Letters of patterns are above the bytes of an escape. */
const LEAST = 0x03;
const MOST = 0x7e;

/** Each byte, with the upper-case letters of ASCII folded to lower case. */
const FOLD = Uint8Array.from(
  { length: 256 },
  (_, byte) => byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte,
);

/** A pattern of letters and `%`. */
export class BytePattern {
  /** The texts between the signs `%`, folded. */
  readonly #pieces: readonly Uint8Array[];

  /** The text to find anywhere, if the pattern is like `%text%`; undefined for others. */
  readonly #inside: Uint8Array | undefined;

  constructor(pieces: readonly Uint8Array[]) {
    this.#pieces = pieces;
    const [first, inside, last, ...more] = pieces;
    const isInside = first?.length === 0 && last?.length === 0 && more.length === 0;
    this.#inside = isInside ? inside : undefined;
  }

  /**
   * Whether a text matches, which begins at `start` and ends with a zero before `end`; undefined if
   * its end must be known first.
   */
  matchesBeforeZero(bytes: Uint8Array, start: number, end: number): boolean | undefined {
    const inside = this.#inside;
    if (inside === undefined) return undefined;
    const small = inside[0]!;
    const capital = small >= 0x61 && small <= 0x7a ? small - 0x20 : small;
    for (let at = start; at < end; at++) {
      const byte = bytes[at]!;
      if (byte === 0) return false;
      if (byte !== small && byte !== capital) continue;
      // No byte of a pattern is the zero at the end.
      if (at + inside.length <= end && isAt(bytes, at, inside)) return true;
    }
    return undefined;
  }

  /** Whether the bytes from `start` to before `end` match. */
  matches(bytes: Uint8Array, start: number, end: number): boolean {
    const pieces = this.#pieces;
    const last = pieces.length - 1;
    const first = pieces[0]!;
    if (start + first.length > end || !isAt(bytes, start, first)) return false;
    let at = start + first.length;
    if (last === 0) return at === end;
    for (let i = 1; i < last; i++) {
      const piece = pieces[i]!;
      at = indexOf(bytes, at, end, piece);
      if (at < 0) return false;
      at += piece.length;
    }
    const tail = pieces[last]!;
    return end - tail.length >= at && isAt(bytes, end - tail.length, tail);
  }
}

/** A pattern of LIKE for bytes; undefined if it needs the characters of the text. */
export function bytePattern(pattern: string, escape: string | undefined): BytePattern | undefined {
  const pieces: Uint8Array[] = [];
  let piece: number[] = [];
  for (let i = 0; i < pattern.length; i++) {
    if (escape !== undefined && pattern[i] === escape) i++;
    else if (pattern[i] === "%") {
      // Consecutive signs match like one.
      if (pieces.length === 0 || piece.length > 0) pieces.push(Uint8Array.from(piece));
      piece = [];
      continue;
    } else if (pattern[i] === "_") return undefined;
    const unit = pattern.charCodeAt(i);
    if (!(unit >= LEAST && unit <= MOST)) return undefined;
    piece.push(FOLD[unit]!);
  }
  pieces.push(Uint8Array.from(piece));
  return new BytePattern(pieces);
}

function isAt(bytes: Uint8Array, at: number, piece: Uint8Array): boolean {
  for (let i = 0; i < piece.length; i++) {
    if (FOLD[bytes[at + i]!] !== piece[i]) return false;
  }
  return true;
}

/** Where a piece is found first from an offset on; -1 if nowhere. */
function indexOf(bytes: Uint8Array, from: number, end: number, piece: Uint8Array): number {
  const first = piece[0]!;
  const most = end - piece.length;
  for (let at = from; at <= most; at++) {
    if (FOLD[bytes[at]!] === first && isAt(bytes, at, piece)) return at;
  }
  return -1;
}
