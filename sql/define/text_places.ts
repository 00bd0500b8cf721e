/**
 * The places of names in a stored statement, from the offsets of its nodes: which token is a table,
 * which one a column. It replaces tokens, and leaves all other text as it is.
 */

import { type Token, tokensOf } from "../parse/token.ts";

/** The tokens of a text, by their places. */
export class TextPlaces {
  readonly #tokens: readonly Token[];
  readonly #indexes: ReadonlyMap<number, number>;

  /** Reads the tokens of a text. */
  constructor(text: string) {
    this.#tokens = tokensOf(text);
    this.#indexes = new Map(this.#tokens.map(({ start }, i) => [start, i]));
  }

  /** The offsets of the names that dots join, as in `main.t.x`, from the offset of the first. */
  path(at: number): number[] {
    const offsets = [at];
    let index = this.#indexes.get(at)!;
    for (; this.#isSign(index + 1, "."); index += 2) {
      offsets.push(this.#tokens[index + 2]!.start);
    }
    return offsets;
  }

  /** The offsets of names with commas between them, in parentheses if there is one at an offset. */
  list(at: number, count: number): number[] {
    const index = this.#indexes.get(at)!;
    const first = this.#isSign(index, "(") ? index + 1 : index;
    return Array.from({ length: count }, (_, i) => this.#tokens[first + 2 * i]!.start);
  }

  /** The offsets of names with commas between them, which end before the word before an offset. */
  listBefore(at: number, count: number): number[] {
    const last = this.#indexes.get(at)! - 2;
    return Array.from({ length: count }, (_, i) => this.#tokens[last - 2 * i]!.start);
  }

  #isSign(index: number, sign: string): boolean {
    const token = this.#tokens[index];
    return token?.kind === "sign" && token.text === sign;
  }
}

/** Replaces the tokens at offsets; a space keeps apart what quotes would join. */
export function replaceAt(
  text: string,
  offsets: ReadonlySet<number>,
  to: (token: Token) => string,
): string {
  return tokensOf(text).filter(({ start }) => offsets.has(start)).reduceRight((result, token) => {
    const [before, after] = [result.slice(0, token.start), result.slice(token.end)];
    return joined(joined(before, to(token)), after);
  }, text);
}

function joined(a: string, b: string): string {
  return a.endsWith('"') && b.startsWith('"') ? `${a} ${b}` : a + b;
}
