/**
 * Splits statements of the shell into words at blanks. A statement may continue over several lines.
 *
 * ```text
 * 'text'    literal text
 * "text"    literal text, except for the escapes \" and \\
 * {...}     JSON at the beginning of a word, literal to its closing bracket; also [...]
 * \         at the end of a line: the statement continues on the next line
 * # text    a comment, at the beginning of a word
 * ;         at the end of a statement: ignored
 * ```
 *
 * A line break inside quotes or JSON continues the statement.
 */

const BLANK = /\s/;
const GOES_ON = "\\\n";
const CLOSING: Readonly<Record<string, string>> = { "{": "}", "[": "]" };

/** The words of a statement, or "unfinished" if it continues on the next line. */
export type Split = { readonly words: readonly string[] } | "unfinished";

/** Splits a statement into words. */
export function splitStatement(text: string): Split {
  const words: string[] = [];
  let at = 0;
  for (;;) {
    at = skipBlanks(text, at);
    if (isEnd(text, at)) return { words };
    const word = readWord(text, at);
    if (word === undefined) return "unfinished";
    words.push(word.text);
    at = word.end;
  }
}

/** The beginning of the next word. */
function skipBlanks(text: string, start: number): number {
  let at = start;
  for (;;) {
    while (at < text.length && BLANK.test(text[at]!)) at++;
    if (text.startsWith(GOES_ON, at)) at += GOES_ON.length;
    else if (text[at] === "#") at = endOfLine(text, at);
    else return at;
  }
}

/** Whether the statement ends here, or after an optional `;`. */
function isEnd(text: string, at: number): boolean {
  return at >= text.length || (text[at] === ";" && text.slice(at + 1).trim() === "");
}

interface Word {
  readonly text: string;
  readonly end: number;
}

/** A word, or undefined if it is unfinished. */
function readWord(text: string, start: number): Word | undefined {
  if (text[start]! in CLOSING) return readJson(text, start);
  let word = "";
  let at = start;
  while (!isEnd(text, at) && !BLANK.test(text[at]!) && !text.startsWith(GOES_ON, at)) {
    const part = readPart(text, at);
    if (part === undefined) return undefined;
    word += part.text;
    at = part.end;
  }
  return { text: word, end: at };
}

/** A quoted text, or one character. */
function readPart(text: string, at: number): Word | undefined {
  const character = text[at]!;
  if (character === "'" || character === '"') return readQuoted(text, at);
  if (character !== "\\") return { text: character, end: at + 1 };
  return at + 1 < text.length ? { text: text[at + 1]!, end: at + 2 } : undefined;
}

function readQuoted(text: string, start: number): Word | undefined {
  const quote = text[start];
  let word = "";
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === quote) return { text: word, end: at + 1 };
    const isEscape = quote === '"' && text[at] === "\\" && '"\\'.includes(text[at + 1] ?? " ");
    if (isEscape) at++;
    word += text[at];
  }
  return undefined;
}

/** JSON to its closing bracket; its syntax is checked elsewhere. */
function readJson(text: string, start: number): Word | undefined {
  const open: string[] = [];
  let inText = false;
  for (let at = start; at < text.length; at++) {
    const character = text[at]!;
    if (inText) {
      if (character === "\\") at++;
      else if (character === '"') inText = false;
    } else if (character === '"') inText = true;
    else if (character in CLOSING) open.push(CLOSING[character]!);
    else if (character === open.at(-1) && open.pop() && open.length === 0) {
      return { text: text.slice(start, at + 1), end: at + 1 };
    }
  }
  return undefined;
}

function endOfLine(text: string, at: number): number {
  const end = text.indexOf("\n", at);
  return end < 0 ? text.length : end;
}
