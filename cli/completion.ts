/**
 * Completion scripts for bash, zsh and fish, made of the commands: their names, their options, the
 * choices of options, files, and the trees of the file.
 */

import type { CommandSpec, OptionSpec } from "./command.ts";
import { takesLock } from "./parser.ts";

/** The shells that there are scripts for. */
export const SHELLS: readonly string[] = ["bash", "zsh", "fish"];

const OWN_OPTIONS: readonly OptionSpec[] = [
  { flags: "--json", what: "print JSON for scripts" },
  { flags: "--help", what: "show what the command does" },
];
const WAIT: OptionSpec = {
  flags: "--wait <seconds>",
  what: "wait so long for another process to close FILE",
};

/** The script of a shell. */
export function completionScript(shell: string, commands: readonly CommandSpec[]): string {
  if (shell === "fish") return fishScript(commands);
  return shell === "zsh" ? zshScript(commands) : bashScript(commands);
}

/** The options of a command, the general ones among them. */
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

function bashScript(commands: readonly CommandSpec[]): string {
  const options = commands.map((spec) => {
    return `    ${spec.name}) options="${optionsOf(spec).map(longName).join(" ")}" ;;`;
  });
  const choices = choiceLines(commands, (name, values) => {
    return `    ${name}) COMPREPLY=($(compgen -W "${values}" -- "$word")); return ;;`;
  });
  return `# Completion of quire for bash: source <(quire completion bash)
_quire() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD - 1]}"
  local command="\${COMP_WORDS[1]}" file="\${COMP_WORDS[2]}" options=""
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${commands.map(({ name }) => name).join(" ")} help" -- "$word"))
    return
  fi
  case "$before" in
${choices.join("\n")}
  esac
  case "$command" in
${options.join("\n")}
  esac
  if [ "\${word:0:1}" = "-" ]; then
    COMPREPLY=($(compgen -W "$options" -- "$word"))
    return
  fi
  case "$COMP_CWORD:$command" in
    ${withTree(commands).map(({ name }) => `3:${name}`).join("|")})
      local IFS=$'\\n'
      COMPREPLY=($(compgen -W "$(quire trees "$file" --names 2>/dev/null)" -- "$word"))
      ;;
    *) COMPREPLY=($(compgen -f -- "$word")) ;;
  esac
}
complete -o filenames -F _quire quire
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
  local -a commands options trees
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
  _arguments $options "1:file:_files" $third "*:file:_files"
}
_quire_trees() {
  local -a trees
  trees=("\${(@f)$(quire trees "$words[2]" --names 2>/dev/null)}")
  compadd -a trees
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
        quoted(option.what)
      }`;
    });
    const name = `complete -c quire -n __fish_use_subcommand -f -a ${spec.name} -d `;
    return [name + quoted(spec.summary), ...options];
  });
  const trees = withTree(commands).map(({ name }) => name).join(" ");
  return `# Completion of quire for fish: quire completion fish | source
function __quire_trees
  set -l words (commandline -opc)
  if test (count $words) -eq 3
    quire trees $words[3] --names 2>/dev/null
  end
end
${lines.join("\n")}
complete -c quire -n '__fish_seen_subcommand_from ${trees}' -a '(__quire_trees)'
`;
}

/** A line for each option that has choices, whatever command it is of. */
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
  return quoted(`${name}:${what.replaceAll(":", "\\:")}`);
}

function zshOption(option: OptionSpec): string {
  const what = option.what.replaceAll("[", "(").replaceAll("]", ")").replaceAll(":", "\\:");
  const values = option.choices === undefined ? " " : `(${option.choices.join(" ")})`;
  const takes = option.flags.includes("<") ? `:value:${values}` : "";
  return `      ${quoted(`${longName(option)}[${what}]${takes}`)}`;
}

/** Text in single quotes, for any of the shells. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", '"')}'`;
}
