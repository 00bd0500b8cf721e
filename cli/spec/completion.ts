/**
 * Completion scripts for bash, zsh and fish, derived from the commands. They complete commands,
 * options, the choices of options, files, and the trees of the file.
 *
 * The names of trees come from a file that may not be trustworthy. A shell gets them as words that
 * `shell_words.ts` has quoted, one per line, and the script neither evaluates nor splits them: no
 * `eval`, no `compgen -W`, no unquoted expansion.
 */

import { isPrintable, shellWord, singleQuoted } from "../io/shell_words.ts";
import type { CommandSpec, OptionSpec } from "./command_spec.ts";
import { takesLock } from "./parser.ts";

/** The shells that have a script. */
export const SHELLS: readonly string[] = ["bash", "zsh", "fish"];

const OWN_OPTIONS: readonly OptionSpec[] = [
  { flags: "--json", what: "print JSON for scripts" },
  { flags: "--help", what: "show what the command does" },
];
const WAIT: OptionSpec = {
  flags: "--wait <seconds>",
  what: "wait this long for another process to close FILE",
};

/** The completion script for a shell. */
export function completionScript(shell: string, commands: readonly CommandSpec[]): string {
  if (shell === "fish") return fishScript(commands);
  return shell === "zsh" ? zshScript(commands) : bashScript(commands);
}

/** The names that begin with a text, as the words that a shell's script expects. */
export function completionWords(shell: string, names: readonly string[], begin: string): string[] {
  // A program argument ends at a NUL, so a name with a NUL cannot be a word.
  const found = names.filter((name) => name.startsWith(begin) && !name.includes("\0"));
  if (shell !== "fish") return found.map(shellWord);
  // Fish expects unquoted names, displays them raw, and does not quote a leading tilde.
  return found.filter((name) => isPrintable(name) && !name.startsWith("~"));
}

/** The options of a command, including the general ones. */
function optionsOf(spec: CommandSpec): readonly OptionSpec[] {
  return [...spec.options, ...OWN_OPTIONS, ...(takesLock(spec) ? [WAIT] : [])];
}

/** The long name of an option, as in `--limit`. */
export function longName({ flags }: OptionSpec): string {
  return /--[\w-]+/.exec(flags)![0];
}

/** The commands whose first argument after FILE is a tree. */
function withTree(commands: readonly CommandSpec[]): readonly CommandSpec[] {
  return commands.filter(({ args }) => args[0]?.name === "tree");
}

/** The functions of the bash script, which do not depend on the commands. */
const BASH_HELPERS = `# Offers those of the words after the first that begin with it.
_quire_offer() {
  local begin="$1" word
  shift
  for word in "$@"; do
    if [[ "$word" == "$begin"* ]]; then COMPREPLY+=("$word"); fi
  done
  compopt +o default 2>/dev/null
}
# Sets REPLY to the text of a word as typed. Nothing is expanded but a home folder. Sets quote to
# the quote that is open at its end, and quoted to how many characters are before the last quote.
_quire_text() {
  local rest="$1" at=0 character
  REPLY="" quote="" quoted=-1
  if [[ "$rest" == "~/"* ]]; then REPLY="$HOME" at=1; fi
  for (( ; at < \${#rest}; at++ )); do
    character="\${rest:at:1}"
    if [[ "$quote" == "'" && "$character" != "'" ]]; then
      REPLY+="$character"
    elif [[ "$character" == \\\\ ]]; then
      (( at++ ))
      if [[ "$quote" == '"' && "\${rest:at:1}" != [\\\\\\"\\$\\\`] ]]; then REPLY+=\\\\; fi
      REPLY+="\${rest:at:1}"
    elif [[ "$character" == "$quote" ]]; then
      quote=""
    elif [[ -z "$quote" && "$character" == [\\"\\'] ]]; then
      quote="$character" quoted=$at
    else
      REPLY+="$character"
    fi
  done
}
# Offers the trees of a file. The program quotes and filters their names: none is split or expanded.
_quire_trees() {
  local quote quoted file begin tree open REPLY
  compopt +o default 2>/dev/null
  _quire_text "$1"
  file="$REPLY"
  _quire_text "$2"
  begin="$REPLY" open="$quote"
  # What replaces the word begins after an open quote, so no other quote may be before.
  if [[ "$quoted" -gt 0 || ( "$quoted" -eq 0 && -z "$open" ) ]]; then return; fi
  while IFS= read -r tree; do
    if [[ -n "$open" ]]; then
      _quire_text "$tree"
      if [[ "$tree" == "$"* || "$REPLY" == *[\\"\\'\\\\\\$\\\`!]* ]]; then continue; fi
      tree="$REPLY"
    fi
    if [[ "$3" != -- && "$tree" == -* ]]; then continue; fi
    COMPREPLY+=("$tree")
  done < <(quire trees --words bash "--begin=$begin" -- "$file" 2>/dev/null)
}
`;

function bashScript(commands: readonly CommandSpec[]): string {
  const options = commands.map((spec) => {
    return `    ${spec.name}) options=(${optionsOf(spec).map(longName).join(" ")}) ;;`;
  });
  const choices = choiceLines(commands, (name, values) => {
    return `    ${name}) _quire_offer "$word" ${values}; return ;;`;
  });
  return `# Completion of quire for bash: source <(quire completion bash)
${BASH_HELPERS}_quire() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD - 1]}"
  local command="\${COMP_WORDS[1]}" place="$COMP_CWORD"
  local -a options
  COMPREPLY=()
  if [[ "$COMP_CWORD" -eq 1 ]]; then
    _quire_offer "$word" ${commands.map(({ name }) => name).join(" ")} help
    return
  fi
  case "$before" in
${choices.join("\n")}
  esac
  case "$command" in
${options.join("\n")}
    *) options=(--help) ;;
  esac
  if [[ "$before" == -- ]]; then
    (( place-- ))
  elif [[ "$word" == -* ]]; then
    _quire_offer "$word" "\${options[@]}"
    return
  fi
  # Where nothing is offered, the shell completes names of files.
  case "$place:$command" in
    ${withTree(commands).map(({ name }) => `3:${name}`).join("|")})
      _quire_trees "\${COMP_WORDS[2]}" "$word" "$before"
      ;;
  esac
}
complete -o default -F _quire quire
`;
}

function zshScript(commands: readonly CommandSpec[]): string {
  const names = commands.map(({ name, summary }) => `    ${zshText(name, summary)}`);
  const options = commands.map((spec) => {
    const all = optionsOf(spec).map(zshOption);
    return `    ${spec.name}) options=(\n${all.join("\n")}\n    ) ;;`;
  });
  return `#compdef quire
# Completion of quire for zsh: source <(quire completion zsh)
_quire() {
  local -a commands options
  commands=(
${names.join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  case "$words[2]" in
${options.join("\n")}
  esac
  local third="2:file:_files"
  case "$words[2]" in
    ${withTree(commands).map(({ name }) => name).join("|")})
      third="2:tree:_quire_trees"
      ;;
  esac
  shift words
  (( CURRENT -= 1 ))
  if [[ "$CURRENT" -eq 4 && "$words[3]" == -- && "$third" == *:_quire_trees ]]; then
    _quire_trees
    return
  fi
  _arguments -S "$options[@]" "1:file:_files" "$third" "*:file:_files"
}
# Offers the trees of the file. The program quotes their names: none is split or expanded.
_quire_trees() {
  local file="\${(Q)words[2]}" tree
  local -a trees
  if [[ "$file" == "~/"* ]]; then file="$HOME\${file#\\~}"; fi
  while IFS= read -r tree; do
    if [[ "$words[CURRENT-1]" != -- && "$tree" == -* ]]; then continue; fi
    trees+=("$tree")
  done < <(quire trees --words zsh "--begin=\${(Q)PREFIX}" -- "$file" 2>/dev/null)
  compadd -Q -a trees
}
compdef _quire quire
`;
}

function fishScript(commands: readonly CommandSpec[]): string {
  const lines = commands.flatMap((spec) => {
    const condition = `-n '__fish_seen_subcommand_from ${spec.name}'`;
    const options = optionsOf(spec).map((option) => {
      const takes = option.flags.includes("<") ? " -r" : "";
      const choices = option.choices === undefined ? "" : ` -f -a '${option.choices.join(" ")}'`;
      const name = longName(option).slice(2);
      return `complete -c quire ${condition} -l ${name}${takes}${choices} -d ${
        singleQuoted(option.what, "fish")
      }`;
    });
    const name = `complete -c quire -n __fish_use_subcommand -f -a ${spec.name} -d `;
    return [name + singleQuoted(spec.summary, "fish"), ...options];
  });
  const trees = withTree(commands).map(({ name }) => name).join(" ");
  return `# Completion of quire for fish: quire completion fish | source
# Whether the word is a tree: the third, or the first after two dashes that follow FILE.
function __quire_wants_tree
  set -l words (commandline -opc)
  set -l count (count $words)
  contains -- "$words[2]" ${trees}
  and test $count -eq 3 -o $count -eq 4 -a "$words[4]" = --
end
# Prints the trees of the file. The shell quotes what a command prints, and expands none of it.
function __quire_trees
  set -l words (commandline -opc)
  set -l file (string replace -r '^~/' "$HOME/" -- $words[3])
  if test (count $words) -eq 4
    quire trees --words fish -- $file 2>/dev/null
  else
    quire trees --words fish -- $file 2>/dev/null | string match -v -- '-*'
  end
end
${lines.join("\n")}
complete -c quire -n __quire_wants_tree -f -a '(__quire_trees)'
`;
}

/** A line for each option with choices, of any command. */
function choiceLines(
  commands: readonly CommandSpec[],
  line: (name: string, values: string) => string,
): string[] {
  const all = new Map(
    commands.flatMap(({ options }) => options)
      .flatMap((option) =>
        option.choices === undefined ? [] : [[longName(option), option.choices]]
      ),
  );
  return [...all].map(([name, choices]) => line(name as string, (choices as string[]).join(" ")));
}

function zshText(name: string, what: string): string {
  return singleQuoted(`${name}:${what.replaceAll(":", "\\:")}`, "zsh");
}

function zshOption(option: OptionSpec): string {
  const what = option.what.replaceAll("[", "(").replaceAll("]", ")").replaceAll(":", "\\:");
  const values = option.choices === undefined ? " " : `(${option.choices.join(" ")})`;
  const takes = option.flags.includes("<") ? `:value:${values}` : "";
  return `      ${singleQuoted(`${longName(option)}[${what}]${takes}`, "zsh")}`;
}
