/**
 * Text as one word of a command line of bash, zsh or fish.
 *
 * A word is one printable line whatever the text is, expands to the text and nothing else, and runs
 * nothing. Words are for completion: a shell puts them on the line as they are, or shows them in a
 * list, so what a terminal would obey or hide is written as the octal digits of its bytes.
 */

const encoder = new TextEncoder();

/** What no shell splits, expands or hides, wherever in a word it is. */
const PLAIN = /^[\w./,+@%-]+$/;
/** Letters and signs beyond ASCII; blanks and marks of no width are not among them. */
const BEYOND_ASCII = String.raw`[^\0-\x7f\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]`;
/** What a backslash before each character keeps as it is. */
const PRINTABLE = new RegExp(`^(?:[ -~]|${BEYOND_ASCII})*$`, "u");
const NEEDS_BACKSLASH = /[^\w./,+@%\u0080-\u{10ffff}-]/gu;

/** A word of bash, or of zsh, which read quotes alike. */
export function shellWord(text: string): string {
  if (PLAIN.test(text)) return text;
  if (text !== "" && PRINTABLE.test(text)) return text.replace(NEEDS_BACKSLASH, "\\$&");
  return `$'${Array.from(text, quotedCharacter).join("")}'`;
}

/** Whether a terminal shows a text as it is, so that a shell may do with it what it likes. */
export function isPrintable(text: string): boolean {
  return PRINTABLE.test(text);
}

/** Text between single quotes, for a script of a shell. */
export function singleQuoted(text: string, shell: string): string {
  if (shell === "fish") return `'${text.replace(/['\\]/g, "\\$&")}'`;
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A character inside `$'...'`. */
function quotedCharacter(character: string): string {
  if (character === "'" || character === "\\") return `\\${character}`;
  if (PRINTABLE.test(character)) return character;
  return Array.from(encoder.encode(character), octal).join("");
}

function octal(byte: number): string {
  return `\\${byte.toString(8).padStart(3, "0")}`;
}
