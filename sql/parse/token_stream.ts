/**
 * A position in the tokens of a text, with the steps that parsers take.
 */

import { refuse, unsupported } from "../value/error.ts";
import { type Token, tokensOf } from "./token.ts";

/** Words that are never names without quotes. */
const RESERVED = new Set(
  ("ADD ALL ALTER AND AS AUTOINCREMENT BETWEEN CASE CHECK COLLATE COMMIT CONSTRAINT CREATE CROSS " +
    "DEFAULT DEFERRABLE DELETE DISTINCT DROP ELSE ESCAPE EXCEPT EXISTS FOREIGN FROM FULL GROUP " +
    "HAVING IN INDEX INNER INSERT INTERSECT INTO IS ISNULL JOIN LEFT LIMIT NATURAL NOT NOTNULL " +
    "NULL ON OR ORDER OUTER PRIMARY REFERENCES RETURNING RIGHT SELECT SET TABLE THEN TO " +
    "TRANSACTION UNION UNIQUE UPDATE USING VALUES WHEN WHERE").split(" "),
);

/** Whether a word is a name only in quotes. */
export function isReserved(word: string): boolean {
  return RESERVED.has(word.toUpperCase());
}

/** The tokens of a text, from first to last. */
export class TokenStream {
  /** The text. */
  readonly text: string;
  readonly #tokens: readonly Token[];
  #index = 0;
  /** The names of the statement's parameters, by number from 1; undefined for those without one. */
  parameters: (string | undefined)[] = [];

  /** Splits a text. */
  constructor(text: string) {
    this.text = text;
    this.#tokens = tokensOf(text);
  }

  /** The next token. */
  get next(): Token {
    return this.#tokens[this.#index]!;
  }

  /** Whether no token is left. */
  isAtEnd(): boolean {
    return this.next.kind === "end";
  }

  /** The token some places ahead; 0 = the next one. */
  peek(ahead: number): Token {
    return this.#tokens[Math.min(this.#index + ahead, this.#tokens.length - 1)]!;
  }

  /** The offset of the next token. */
  get at(): number {
    return this.next.start;
  }

  /** The offset of the end of the token taken last. */
  get endBefore(): number {
    return this.#tokens[this.#index - 1]?.end ?? 0;
  }

  /** Takes the next token. */
  take(): Token {
    const token = this.next;
    if (token.kind !== "end") this.#index++;
    return token;
  }

  /** Whether the next tokens are these keywords. */
  isWord(...words: string[]): boolean {
    return words.every((word, i) => {
      const token = this.peek(i);
      return token.kind === "word" && token.text === word;
    });
  }

  /** Takes these keywords if they are next, and returns whether they were. */
  word(...words: string[]): boolean {
    if (!this.isWord(...words)) return false;
    this.#index += words.length;
    return true;
  }

  /** Takes one of the keywords if it is next. */
  oneOf(...words: string[]): string | undefined {
    return words.find((word) => this.word(word));
  }

  /** Whether the next token is a sign. */
  isSign(sign: string): boolean {
    return this.next.kind === "sign" && this.next.text === sign;
  }

  /** Takes a sign if it is next, and returns whether it was. */
  sign(sign: string): boolean {
    if (!this.isSign(sign)) return false;
    this.#index++;
    return true;
  }

  /** Takes these keywords, which must be next. */
  expectWord(...words: string[]): void {
    for (const word of words) if (!this.word(word)) this.unexpected(word);
  }

  /** Takes a sign, which must be next. */
  expectSign(sign: string): void {
    if (!this.sign(sign)) this.unexpected(sign);
  }

  /** Refuses the next token. */
  unexpected(expected?: string): never {
    const { kind, written, start } = this.next;
    const hint = expected === undefined ? "" : `; ${expected} is expected`;
    if (kind === "end") return refuse(`incomplete input${hint}`, start);
    return refuse(`near "${written}": syntax error${hint}`, start);
  }

  /** Refuses what begins here because it is not supported. */
  unsupported(what: string): never {
    return unsupported(what, this.at);
  }

  /** Whether the next token can be a name. */
  isName(): boolean {
    const { kind, text } = this.next;
    return kind === "quoted" || kind === "string" || (kind === "word" && !RESERVED.has(text));
  }

  /** Takes a name. */
  name(what = "a name"): string {
    if (!this.isName()) this.unexpected(what);
    const token = this.take();
    return token.kind === "word" ? token.written : token.text;
  }

  /** Takes the name of a table or the like, with or without a schema before it. */
  objectName(what = "a name"): string {
    return this.newName(what).name;
  }

  /** Takes the name of a table in FROM. */
  tableName(what = "a table"): { table: string; hasSchema: boolean } {
    const { next } = this;
    const table = this.objectName(what);
    return { table, hasSchema: next !== this.peek(-1) };
  }

  /** Whether the clause WINDOW is next; elsewhere the word is a name. */
  isWindowClause(): boolean {
    const [name, as] = [this.peek(1), this.peek(2)];
    return this.isWord("WINDOW") && name.kind !== "sign" && as.kind === "word" && as.text === "AS";
  }

  /** Takes the name of an object to create; it is temporary in the schema `temp`. */
  newName(what = "a name"): { name: string; isTemporary: boolean } {
    const first = this.name(what);
    if (!this.sign(".")) return { name: first, isTemporary: false };
    const schema = first.toLowerCase();
    if (schema !== "main" && schema !== "temp") {
      refuse(`unknown database ${first}`, this.peek(-2).start);
    }
    return { name: this.name(what), isTemporary: schema === "temp" };
  }

  /** Takes a list in parentheses. */
  inParentheses<T>(item: () => T): T[] {
    this.expectSign("(");
    const items = this.list(item);
    this.expectSign(")");
    return items;
  }

  /** Takes items with commas between them. */
  list<T>(item: () => T): T[] {
    const items = [item()];
    while (this.sign(",")) items.push(item());
    return items;
  }

  /** The number of a parameter token. */
  parameterNumber({ text, start }: Token): number {
    if (text === "?") return this.parameters.push(undefined);
    if (text.startsWith("?")) {
      const number = Number(text.slice(1));
      if (number < 1 || number > 32_766) {
        refuse("variable number must be between ?1 and ?32766", start);
      }
      while (this.parameters.length < number) this.parameters.push(undefined);
      return number;
    }
    const known = this.parameters.indexOf(text);
    return known >= 0 ? known + 1 : this.parameters.push(text);
  }
}
