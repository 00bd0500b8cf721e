/**
 * Completion in the shell: statements, then trees, and options for words that begin with a dash.
 */

import { isPrintable } from "../io/shell_words.ts";
import type { CommandSpec } from "../spec/command_spec.ts";
import { longName } from "../spec/completion.ts";
import { OWN_STATEMENTS } from "./shell.ts";
import type { Completer } from "./terminal.ts";

/** A completer for the given commands and the trees that exist when it is called. */
export function completerOf(commands: readonly CommandSpec[], trees: () => string[]): Completer {
  const own = OWN_STATEMENTS.map(([name]) => name.split(" ")[0]!);
  const first = [...commands.map(({ name }) => name), ...own];
  return (line) => {
    const words = line.split(/\s+/).filter((word, i) => i > 0 || word !== "");
    const part = words.at(-1) ?? "";
    const candidates = words.length <= 1 ? first : others(words, part, commands, trees);
    const found = candidates.filter((candidate) => candidate.startsWith(part));
    // A blank follows a complete word.
    return [found.length === 1 ? [`${found[0]} `] : found, part];
  };
}

function others(
  words: readonly string[],
  part: string,
  commands: readonly CommandSpec[],
  trees: () => string[],
): string[] {
  if (words[0] === ".trace") return ["on", "off"];
  if (words[0] === ".help") return commands.map(({ name }) => name);
  const spec = commands.find(({ name }) => name === words[0]);
  if (spec === undefined) return [];
  if (part.startsWith("-")) return [...spec.options.map(longName), "--json"];
  const isTree = words.length === 2 && spec.args[0]?.name === "tree";
  return isTree ? trees().filter(isPlainWord) : [];
}

/** Whether a name is a word of a statement without quotes, and printable. */
function isPlainWord(name: string): boolean {
  return isPrintable(name) && /^[^\s'"\\#;[{-][^\s'"\\#;]*$/.test(name);
}
