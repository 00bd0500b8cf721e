/**
 * Completion of names that a stranger chose, with the Tab key on a terminal, in each installed
 * shell.
 *
 * The name of a tree is completed as one word that is the name, whatever it contains. Nothing in it
 * runs or expands, and no control character in it reaches the terminal.
 *
 * A run takes two of the shells, other runs the others. QUIRE_FULL=1 takes all, and starts a
 * process for each completion.
 */

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { completionWords } from "../../cli/spec/completion.ts";
import { open } from "../../mod.ts";
import { installWarmQuire, quire } from "../support/programs/cli.ts";
import { canRun, lineOfWords, Terminal, whyNoTerminal } from "../support/programs/terminal.ts";
import { inTempDir } from "../support/temp.ts";
import { isInTurn } from "../support/turn.ts";

const IS_FULL = Deno.env.get("QUIRE_FULL") === "1";
/** A run takes one shell in this many, other runs the others. */
const SHELL_EVERY = IS_FULL ? 1 : 2;
/** A run starts processes for one shell in this many, another in each run; one process else. */
const ALONE_EVERY = IS_FULL ? 1 : 4;
/** The file that would exist if a name had run. */
const RAN = "ran";
/** Letters of other scripts. */
const WORLD = "\u00e9, \u00fc and \u65e5\u672c";
const NONE = /(?!)/;
/** Names that are single words only if quoted correctly. */
const NAMES: readonly string[] = [
  "plain",
  `$(touch ${RAN})`,
  `a$(touch ${RAN})`,
  `\`touch ${RAN}\``,
  `x;touch ${RAN};`,
  `x\ntouch ${RAN}\n`,
  `x|touch ${RAN}`,
  `x&touch ${RAN}&`,
  `'$(touch ${RAN})'`,
  `"$(touch ${RAN})"`,
  `\${x[$(touch ${RAN})]}`,
  `a[$(touch ${RAN})]`,
  `<(touch ${RAN})`,
  `>${RAN}`,
  "$HOME",
  "~",
  "~root",
  "!!",
  "*",
  "?.quire",
  "[a-z]*",
  "{a,b}",
  "#comment",
  "=ls",
  "a=~",
  "a:b",
  "a b",
  " a",
  "a  b ",
  "tab\tseparated",
  "line\nbreak",
  "return\rhome",
  "it's",
  'double "quoted"',
  "back\\slash",
  "a\\",
  WORLD,
  "no-break\u00a0space",
  "\x1b[2J\x1b]52;c;aGk=\x07",
  "c1\u009b2J",
  "bell\x07",
  "direction\u202ename",
  "zero\u200bwidth",
  "filler\u3164",
  "tag\u{e0041}",
];
/** Names that cannot be an argument, or that are options. */
const NOT_OFFERED: readonly string[] = ["--all", "-rf", "nul\0byte"];
/** Characters that a terminal obeys or does not show. */
const UNSHOWN = /(?!\t)[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;
/** The file in which `quire`, run by a shell, records its arguments. */
const WORDS = "words";
const DONE = "<done>";

interface Shell {
  readonly name: string;
  readonly words: readonly string[];
  /** The setup before anything is typed. */
  readonly setUp: string;
  /** Names without a safe quotation, which are not offered. */
  readonly omits: RegExp;
}

const SHELLS: readonly Shell[] = [
  {
    name: "bash",
    words: ["bash", "--norc", "--noprofile", "-i"],
    setUp: "bind 'set enable-bracketed-paste off'; bind 'set page-completions off'; " +
      "bind 'set completion-query-items 0'; source ./script",
    omits: NONE,
  },
  {
    name: "bash with bash-completion",
    words: ["bash", "--norc", "--noprofile", "-i"],
    setUp: "bind 'set enable-bracketed-paste off'; bind 'set page-completions off'; " +
      "source /usr/share/bash-completion/bash_completion; " +
      "bind 'set completion-query-items 0'; source ./script",
    omits: NONE,
  },
  {
    name: "zsh",
    words: ["zsh", "-f", "-i"],
    setUp: "unset zle_bracketed_paste; LISTMAX=1000; autoload -Uz compinit; compinit -u -D; " +
      "source ./script",
    omits: NONE,
  },
  {
    name: "fish",
    words: ["fish", "--no-config", "--private", "-i"],
    setUp: "source ./script",
    omits: /^~|[^ -~]/,
  },
];

/** The reason why a shell is skipped, or false. */
function whyNot(name: string): string | false {
  const program = name.split(" ")[0]!;
  if (!canRun(program, ["-c", "true"])) return `there is no ${program}`;
  if (name.endsWith("bash-completion") && !canRun("test", ["-r", BASH_COMPLETION])) {
    return "there is no bash-completion";
  }
  return whyNoTerminal() ?? false;
}

const BASH_COMPLETION = "/usr/share/bash-completion/bash_completion";

/**
 * A folder with a database of all names, the script, and a `quire` that records its arguments. It
 * runs the real program for `trees`, or prints the answer prepared for a file.
 */
async function inFolder(shell: string, body: (dir: string) => Promise<void>): Promise<void> {
  await inTempDir(async (dir) => {
    Deno.mkdirSync(`${dir}/bin`);
    Deno.mkdirSync(`${dir}/files`);
    Deno.mkdirSync(`${dir}/home`);
    Deno.mkdirSync(`${dir}/answers`);
    makeTrees(`${dir}/files/all.quire`, [...NAMES, ...NOT_OFFERED]);
    makeTrees(`${dir}/files/a file's.quire`, ["tree"]);
    const isAlone = isInTurn(SHELLS.findIndex(({ name }) => name === shell), ALONE_EVERY);
    const script = await quire(["completion", shell.split(" ")[0]!]);
    Deno.writeTextFileSync(`${dir}/files/script`, script.out);
    await using _warm = installWarmQuire(`${dir}/bin`, () => isAlone);
    Deno.renameSync(`${dir}/bin/quire`, `${dir}/bin/real`);
    const program = `#!/bin/sh
if [ "$1" = trees ]; then
  for last; do :; done
  if [ -f '${dir}/answers/'"$last" ]; then exec cat '${dir}/answers/'"$last"; fi
  exec '${dir}/bin/real' "$@"
fi
printf '%s\\0' "$@" > '${dir}/${WORDS}'
echo '<'done'>'
`;
    Deno.writeTextFileSync(`${dir}/bin/quire`, program, { mode: 0o755 });
    await body(dir);
  });
}

function makeTrees(path: string, names: readonly string[]): void {
  using db = open(path);
  const value = new Uint8Array(1);
  db.writeSync((tx) => names.forEach((name) => tx.tree(name).set("key", value)));
}

/** Starts a shell with the script. */
async function start(dir: string, { words, setUp }: Shell): Promise<Terminal> {
  const terminal = new Terminal(words, {
    cwd: `${dir}/files`,
    env: {
      PATH: `${dir}/bin:${Deno.env.get("PATH")}`,
      HOME: `${dir}/home`,
      LANG: "C.UTF-8",
      LC_ALL: "C.UTF-8",
      PS1: "> ",
      DENO_DIR: denoDir(),
    },
  });
  await terminal.write(`stty cols 200 rows 100\r${setUp}\r`);
  // The first words show that the shell has read the script.
  await terminal.type("quire ready\r", DONE);
  return terminal;
}

let knownDenoDir: string | undefined;

/** The cache folder, also for a user with another home. */
function denoDir(): string {
  return knownDenoDir ??= askDenoDir();
}

function askDenoDir(): string {
  const { stdout } = new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).outputSync();
  return JSON.parse(new TextDecoder().decode(stdout)).denoDir;
}

/** The arguments that the program receives from a line typed with a Tab. */
async function wordsOf(terminal: Terminal, dir: string, line: string): Promise<string[]> {
  await terminal.type(`${line}\r`, DONE);
  return Deno.readTextFileSync(`${dir}/${WORDS}`).split("\0").slice(0, -1);
}

/** What the program prints for a file with one name, for each name. The real one printed them. */
async function answersOf(dir: string, shell: string): Promise<string[]> {
  const { out } = await quire(["trees", "--words", shell, "--", `${dir}/files/all.quire`]);
  const printed = new Set(out.split("\n"));
  return NAMES.map((name) => {
    const words = completionWords(shell, [name], "");
    for (const word of words) assert(printed.has(word), word);
    return words.map((word) => `${word}\n`).join("");
  });
}

/** Fails if a name has run or expanded. */
function assertNothingRan(dir: string): void {
  for (const folder of [dir, `${dir}/files`, `${dir}/home`]) {
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
    assert(!names.includes(RAN), `a name ran in ${folder}: ${names}`);
  }
}

for (const shell of SHELLS.filter((_, index) => isInTurn(index, SHELL_EVERY))) {
  describe(`security: completion in ${shell.name}`, { skip: whyNot(shell.name) }, () => {
    it("completes each name as one word that is the name", () =>
      inFolder(shell.name, async (dir) => {
        const answers = await answersOf(dir, shell.words[0]!);
        const terminal = await start(dir, shell);
        const wrong: unknown[] = [];
        for (const [index, name] of NAMES.entries()) {
          Deno.writeTextFileSync(`${dir}/answers/${index}.quire`, answers[index]!);
          const words = await wordsOf(terminal, dir, `quire count ${index}.quire \t`);
          const isOffered = !shell.omits.test(name) || name === WORLD;
          const wanted = ["count", `${index}.quire`, ...(isOffered ? [name] : [])];
          if (words.join("\0") !== wanted.join("\0")) wrong.push({ name, words });
        }
        assertEquals(await terminal.end("exit\r") >= 0, true);
        assertEquals(wrong, [], terminal.shown);
        assertNothingRan(dir);
      }));

    it("offers no name that is an option or cannot be an argument", () =>
      inFolder(shell.name, async (dir) => {
        const terminal = await start(dir, shell);
        for (const [index, name] of NOT_OFFERED.entries()) {
          const file = `${index}.quire`;
          makeTrees(`${dir}/files/${file}`, [name]);
          const words = await wordsOf(terminal, dir, `quire count ${file} \t`);
          assertEquals(words, ["count", file], name);
        }
        const after = await wordsOf(terminal, dir, "quire count 0.quire -- \t");
        assertEquals(after, ["count", "0.quire", "--", "--all"]);
        await terminal.end("exit\r");
        assertNothingRan(dir);
      }));

    it("lists all of them without control characters, and runs none", () =>
      inFolder(shell.name, async (dir) => {
        const terminal = await start(dir, shell);
        const from = terminal.shown.length;
        await terminal.write("quire count all.quire \t\t");
        await terminal.waitFor("plain", from);
        // Ctrl-U discards the line.
        await terminal.write("\x15");
        await wordsOf(terminal, dir, "quire again");
        await terminal.end("exit\r");
        const shown = terminal.shown.slice(from);
        for (const part of ["\x1b[2J\x1b]52", "]52;c;aGk=\x07", "\u009b", "bell\x07"]) {
          assert(!shown.includes(part), JSON.stringify(part));
        }
        for (const mark of ["\u202e", "\u200b", "\u3164", "\u{e0041}"]) {
          assert(!shown.includes(mark), JSON.stringify(mark));
        }
        assertNothingRan(dir);
      }));

    it("completes the beginning of file names with blanks and quotes", () =>
      inFolder(shell.name, async (dir) => {
        const terminal = await start(dir, shell);
        const rows: [line: string, words: string[]][] = [
          ["quire count all.quire pl\t", ["count", "all.quire", "plain"]],
          ["quire count all.quire \\$\\(t\t", ["count", "all.quire", `$(touch ${RAN})`]],
          ["quire count all.quire it\t", ["count", "all.quire", "it's"]],
          ["quire count all.quire 'pl\t", ["count", "all.quire", "plain"]],
          ["quire count a\\ file\\'s.quire \t", ["count", "a file's.quire", "tree"]],
          ["quire sc\tall.quire pl\t", ["scan", "all.quire", "plain"]],
          ["quire scan all.quire plain --re\t", ["scan", "all.quire", "plain", "--reverse"]],
          ["quire map all.quire --by f\t", ["map", "all.quire", "--by", "fill"]],
          ["quire scan al\tpl\t", ["scan", "all.quire", "plain"]],
        ];
        for (const [line, words] of rows) {
          assertEquals(await wordsOf(terminal, dir, line), words, line);
        }
        await terminal.end("exit\r");
        assertNothingRan(dir);
      }));
  });
}

describe("security: words of a shell", () => {
  for (const shell of ["bash", "zsh"]) {
    it(
      `are the names in ${shell}, on one printable line each`,
      { skip: canRun(shell, ["-c", "true"]) ? false : `there is no ${shell}` },
      () =>
        inTempDir((dir) => {
          const words = completionWords(shell, NAMES, "");
          for (const word of words) assert(!UNSHOWN.test(word) && !word.includes("\t"), word);
          const { stdout } = new Deno.Command(shell, {
            args: ["-c", `printf '%s\\0' ${words.join(" ")}`],
            cwd: dir,
          }).outputSync();
          const read = new TextDecoder().decode(stdout).split("\0").slice(0, -1);
          assertEquals(read, NAMES);
          assertEquals([...Deno.readDirSync(dir)], []);
        }),
    );
  }

  it("quote the tests' own arguments to a shell", () => {
    const { stdout } = new Deno.Command("sh", {
      args: ["-c", `printf '%s\\0' ${lineOfWords(NAMES)}`],
    }).outputSync();
    assertEquals(new TextDecoder().decode(stdout).split("\0").slice(0, -1), NAMES);
  });
});
