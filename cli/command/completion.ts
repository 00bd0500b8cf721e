/**
 * `completion`: prints the script for a shell to complete commands, options and trees.
 */

import { Refusal } from "../io/exit.ts";
import { oneLine } from "../io/text.ts";
import type { CommandSpec } from "../spec/command_spec.ts";
import { completionScript, SHELLS } from "../spec/completion.ts";

/** Prints a completion script. */
export const completion: CommandSpec = {
  name: "completion",
  summary: "print the completion script of bash, zsh or fish",
  file: "none",
  args: [{ name: "shell", what: SHELLS.join(", ") }],
  options: [],
  examples: [
    ["completion bash > ~/.local/share/bash-completion/completions/quire", "for bash"],
    ["completion fish > ~/.config/fish/completions/quire.fish", "for fish"],
  ],
  inShell: false,
  run({ out, commands }, [shell]) {
    if (!SHELLS.includes(shell!)) {
      throw new Refusal(
        `Cannot complete ${oneLine(shell!)}: there is no script for it; there are ${
          SHELLS.join(", ")
        }`,
      );
    }
    out.text(completionScript(shell!, commands));
  },
};
