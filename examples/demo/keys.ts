/**
 * The keys of the demo: UTF-8 text that sorts by its parts.
 *
 * A city's key is `country U+0000 name U+0000 number`. U+0000 sorts before every other character,
 * so all of "Ely" comes before all of "Ely East". The number distinguishes records of the same
 * country and name. It counts from 1 in the order of the input, and has leading zeros, so that its
 * text sorts in numeric order.
 *
 * Keys of other data are the text alone, and only repetitions of it get a number. No two records of
 * a load ever get the same key, whatever characters their texts have.
 */

const NUMBER_DIGITS = 8;

/** The bytes that a number adds to a key. */
export const NUMBER_BYTES: number = NUMBER_DIGITS + 1;

/** The key of a city. */
export function cityKey(country: string, name: string, number: number): string {
  return withNumber(cityText(country, name), number);
}

/** The key of a city without its number, common to all cities of one country and name. */
export function cityText(country: string, name: string): string {
  return `${country}\0${name}`;
}

/** A number as text that sorts in numeric order. */
export function sortableNumber(number: number): string {
  return String(number).padStart(NUMBER_DIGITS, "0");
}

/** Creates keys, each of them only once. */
export class KeyMaker {
  readonly #taken = new Set<string>();
  readonly #lastNumbers = new Map<string, number>();

  /** A key that always has a number. */
  numbered(text: string): string {
    return this.#take(text, (number) => withNumber(text, number));
  }

  /** A key that is the text itself, or has a number if the text is taken. */
  plain(text: string): string {
    return this.#take(text, (number) => number === 1 ? text : withNumber(text, number));
  }

  #take(text: string, spell: (number: number) => string): string {
    let number = this.#lastNumbers.get(text) ?? 0;
    let key: string;
    // A text may itself end like a numbered key, so counting alone does not make keys unique.
    do key = spell(++number); while (this.#taken.has(key));
    this.#lastNumbers.set(text, number);
    this.#taken.add(key);
    return key;
  }
}

function withNumber(text: string, number: number): string {
  return `${text}\0${sortableNumber(number)}`;
}
