/**
 * docs/cli.md and the README against the program: the session in the documentation runs as written,
 * covers every command, and the tables are those of the program's help.
 *
 * QUIRE_FULL=1 starts a process for each command of the session.
 */

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import { COMMANDS } from "../../cli/all_commands.ts";
import { EXIT_MEANINGS } from "../../cli/io/exit.ts";
import { inParallel, installWarmQuire, quire, quireAll } from "../support/programs/cli.ts";
import { HANG_MS } from "../support/programs/hang.ts";
import { inTempDir } from "../support/temp.ts";
import { isInTurn } from "../support/turn.ts";

const TOP = fromFileUrl(new URL("../..", import.meta.url));
const DOCS = Deno.readTextFileSync(join(TOP, "docs/cli.md"));
const README = Deno.readTextFileSync(join(TOP, "README.md"));

/** A command of the session, and its expected output. */
interface Step {
  readonly command: string;
  readonly printed: readonly string[];
}

/** The steps of all blocks, in order. One may continue after a backslash, or up to END. */
function stepsOf(text: string): Step[] {
  return [...text.matchAll(/^```sh\n([^]*?)^```$/gm)].flatMap(([, block]) => {
    const steps: Step[] = [];
    const lines = block!.replace(/\n$/, "").split("\n");
    for (let at = 0; at < lines.length;) {
      let command = lines[at++]!.slice(2);
      while (command.endsWith("\\")) command += `\n${lines[at++]}`;
      if (command.includes("<< 'END'")) {
        while (!command.endsWith("\nEND")) command += `\n${lines[at++]!.trimStart()}`;
      }
      const printed: string[] = [];
      while (at < lines.length && !lines[at]!.startsWith("$ ")) printed.push(lines[at++]!);
      steps.push({ command, printed });
    }
    return steps;
  });
}

/** The pattern of a line of the documentation: `...` is anything, blanks are any blanks. */
function patternOf(line: string): RegExp {
  const parts = line.trim().split("...").map((part) =>
    part.split(/ +/).map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join(" +")
  );
  return new RegExp(`^${parts.join(".*")}$`);
}

/** Runs the steps in one shell, with standard error redirected to standard output. */
async function runSteps(dir: string, steps: readonly Step[]): Promise<string[]> {
  const mark = "--- end of step ---";
  const script = steps.map(({ command }) => `${command}\necho '${mark}'`).join("\n");
  const { stdout } = await new Deno.Command("bash", {
    args: ["-c", `exec 2>&1\n${script}`],
    cwd: dir,
    env: { PATH: `${dir}/bin:${Deno.env.get("PATH")}`, HOME: dir, NO_COLOR: "1" },
    stdin: "null",
    signal: AbortSignal.timeout(HANG_MS),
  }).output();
  return new TextDecoder().decode(stdout).split(`${mark}\n`).slice(0, -1);
}

/** Whether a step printed what the documentation says. */
function isPrinted({ printed }: Step, text: string): boolean {
  const lines = text.replace(/\n$/, "").split("\n");
  const wanted = printed.length === 0 ? [""] : printed;
  return lines.length === wanted.length &&
    wanted.every((line, i) => patternOf(line).test(lines[i]!.trim()));
}

/** The cells of the table below a heading. */
function tableBelow(text: string, heading: string): string[][] {
  const section = text.split(/^#+ /m).find((part) => part.startsWith(`${heading}\n`))!;
  const rows = section.split("\n").filter((line) => line.startsWith("|"));
  return rows.slice(2).map((row) => row.split("|").slice(1, -1).map((cell) => cell.trim()));
}

/** One command in this many runs in a process of its own; each run chooses others. */
const ALONE_EVERY = Deno.env.get("QUIRE_FULL") === "1" ? 1 : 8;
const NAMES = COMMANDS.map(({ name }) => name);
const hasTurn = ([name]: readonly string[]) => isInTurn(NAMES.indexOf(name ?? ""), ALONE_EVERY);

const CODES = EXIT_MEANINGS.map(([code, meaning]) => [String(code), meaning]);

describe("docs/cli.md", () => {
  const steps = stepsOf(DOCS);

  it("is a session that runs as written", () =>
    inTempDir(async (dir) => {
      Deno.mkdirSync(`${dir}/bin`);
      await using _warm = installWarmQuire(`${dir}/bin`, hasTurn);
      const printed = await runSteps(dir, steps);
      assertEquals(printed.length, steps.length, printed.at(-1));
      const differences = steps.flatMap((step, i) =>
        isPrinted(step, printed[i]!) ? [] : [
          { command: step.command, printed: printed[i] },
        ]
      );
      assertEquals(differences, []);
      const left = [...Deno.readDirSync(dir)].map(({ name }) => name);
      assertEquals(left.filter((name) => name.startsWith(".quire")), []);
    }));

  it("has a heading and an example of every command", () => {
    const headings = [...DOCS.matchAll(/^## (\w+)$/gm)].map(([, name]) => name);
    assertEquals(
      headings.toSorted(),
      COMMANDS.map(({ name }) => name).sort(),
      "docs/cli.md: headings",
    );
    const run = steps.map(({ command }) => command).join("\n");
    for (const { name } of COMMANDS) {
      // These serve until they are stopped; their own tests run them.
      if (name !== "explore" && name !== "serve") assert(run.includes(`quire ${name} `), name);
    }
  });

  it("has the exit codes of the help", () => {
    assertEquals(tableBelow(DOCS, "Exit codes"), CODES);
  });
});

describe("README: the command line", () => {
  const heading = "Command line";

  it("has the commands and the exit codes of the help", () => {
    const rows = tableBelow(README, heading);
    const commands = COMMANDS.map(({ name, summary }) => [`\`${name}\``, summary]);
    assertEquals(rows.slice(0, commands.length), commands, "README.md: Command line");
    // Skips the heading of the second table, and the line below it.
    assertEquals(rows.slice(commands.length + 2), CODES);
  });
});

describe("the help", () => {
  it("lists every command, and every exit code", async () => {
    const { code, out, err } = await quire(["--help"]);
    assertEquals([code, err], [0, ""]);
    const listed = [...out.matchAll(/^ {2}(\w+) {2,}(\S.*)$/gm)].map(([, ...row]) => row);
    for (const { name, summary } of COMMANDS) {
      assert(listed.some(([found, what]) => found === name && what === summary), name);
    }
    for (const row of CODES) assert(listed.some((found) => found.join() === row.join()), row[1]);
  });

  it("is available for each command, and the version is that of the project", async () => {
    const words = [["help", "scan"], ["scan", "--help"], ["--version"]];
    const [help, scan, version] = await inParallel(words, (args) => quire(args));
    assertEquals(help, scan);
    const project = JSON.parse(Deno.readTextFileSync(join(TOP, "deno.json"))).version;
    assertEquals(version, { code: 0, out: `${project}\n`, err: "" });
  });

  it("has arguments, options and an example of each command", async () => {
    const helps = await quireAll(
      COMMANDS.map(({ name }) => ({ words: [name, "--help"], cwd: "/" })),
    );
    for (const [index, { name, args, options, examples }] of COMMANDS.entries()) {
      const { code, out, err } = helps[index]!;
      assertEquals([code, err], [0, ""], name);
      assert(out.startsWith(`Usage: quire ${name} `), out);
      for (const arg of args) assert(out.includes(`  ${arg.name.toUpperCase()}`), arg.name);
      for (const { flags } of options) assert(out.includes(`  ${flags} `), flags);
      assert(examples.length > 0, name);
      for (const [line] of examples) assert(out.includes(`  quire ${line}`), line);
      for (const line of out.split("\n")) assert(line.length <= 100, line);
    }
  });
});
