/**
 * Parses command lines into calls, and formats the help, with `commander`.
 *
 * `commander` is the most used argument library of npm, has been maintained for more than a decade,
 * has no dependencies, and suggests the intended command or option. It is available without an
 * import map; `@std/cli` is only on JSR, and has no commands.
 */

// deno-lint-ignore no-import-prefix -- a program run by URL has no import map
import { Command, CommanderError, Option } from "npm:commander@15.1.0";
import { EXIT_MEANINGS, Refusal } from "../io/exit.ts";
import { namedFile } from "../io/named_file.ts";
import { oneLine } from "../io/text.ts";
import type { ArgumentSpec, CommandSpec, OptionValues } from "./command_spec.ts";

/** A command with its arguments. */
export interface Call {
  readonly spec: CommandSpec;
  /** FILE; "" if the command takes none. */
  readonly file: string;
  readonly args: readonly string[];
  /** The command's own options and the general ones. */
  readonly options: OptionValues;
}

/** How to parse lines. */
export interface ParserOptions {
  /** The name of the program; "" for statements of the shell, which have no FILE. */
  readonly program: string;
  readonly version: string;
}

/** The result of parsing a line: a call, or text to print instead. */
export type Parsed = { readonly call: Call } | { readonly text: string };

const FILE = "FILE";
const JSON_OPTION = ["--json", "print JSON for scripts"] as const;
const WAIT_OPTION = [
  "--wait <seconds>",
  "wait this long for another process to close FILE",
] as const;

/**
 * Parses a command line.
 *
 * @throws {Refusal} It is not a valid one.
 */
export function parseLine(
  words: readonly string[],
  specs: readonly CommandSpec[],
  options: ParserOptions,
): Parsed {
  let text = "";
  let call: Call | undefined;
  const collect = (part: string) => void (text += part);
  const root = rootOf(options, collect);
  for (const spec of specs) {
    const command = commandOf(spec, options, collect);
    command.action((...given: unknown[]) => {
      call = callOf(spec, command, given);
    });
    root.addCommand(command);
  }
  try {
    root.parse([...words], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { text };
    throw refusalOf(error, words, options);
  }
  return call === undefined ? { text: root.helpInformation() } : { call };
}

/** The help of a command, or of the program. */
export function helpOf(
  spec: CommandSpec | undefined,
  specs: readonly CommandSpec[],
  options: ParserOptions,
): string {
  const words = spec === undefined ? ["--help"] : [spec.name, "--help"];
  const parsed = parseLine(words, specs, options);
  return "text" in parsed ? parsed.text : "";
}

function rootOf({ program, version }: ParserOptions, collect: (text: string) => void): Command {
  const root = configured(new Command(program), program, collect);
  root.enablePositionalOptions();
  if (program === "") return root.helpOption(false).usage("STATEMENT");
  return root.version(version, "-V, --version", "print the version")
    .description("Inspect and change a Quire database.")
    .helpCommand("help [command]", "show the help of a command")
    .helpOption("-h, --help", "show this help, or that of a command")
    .usage("COMMAND FILE ...")
    .addHelpText("after", generalHelp());
}

function commandOf(
  spec: CommandSpec,
  { program }: ParserOptions,
  collect: (text: string) => void,
): Command {
  const command = configured(new Command(spec.name), program, collect);
  command.summary(spec.summary).description(descriptionOf(spec));
  command.helpOption("-h, --help", "show this help");
  if (program !== "" && spec.file !== "none") {
    command.argument(`<${FILE}>`, spec.fileWhat ?? "the database");
  }
  for (const arg of spec.args) command.argument(termOf(arg), arg.what);
  for (const { flags, what, choices } of spec.options) {
    const option = new Option(flags, what);
    command.addOption(choices === undefined ? option : option.choices(choices));
  }
  command.option(...JSON_OPTION);
  if (program !== "" && takesLock(spec)) command.option(...WAIT_OPTION);
  return command.addHelpText("after", examplesOf(spec, program));
}

/** Whether a command takes the lock of FILE, for which it may have to wait. */
export function takesLock({ file }: CommandSpec): boolean {
  return file !== "none" && file !== "inspect" && file !== "unlocked";
}

/** An argument as the help shows it. */
function termOf({ name, optional, variadic }: ArgumentSpec): string {
  const term = `${name.toUpperCase()}${variadic === true ? "..." : ""}`;
  return optional === true ? `[${term}]` : `<${term}>`;
}

/** Keeps `commander` from printing, exiting the process, and reading the environment. */
function configured(
  command: Command,
  program: string,
  collect: (text: string) => void,
): Command {
  command.configureHelp({
    subcommandTerm: (sub) => sub.name(),
    // Statements of the shell have no program name.
    commandUsage: (of) => {
      const name = of.parent === null ? "" : of.name();
      return [program, name, of.usage()].filter((word) => word !== "").join(" ");
    },
  });
  return command.exitOverride().configureOutput({
    writeOut: collect,
    writeErr: collect,
    outputError: () => {},
    getOutHasColors: () => false,
    getErrHasColors: () => false,
    getOutHelpWidth: () => 100,
    getErrHelpWidth: () => 100,
  });
}

function callOf(spec: CommandSpec, command: Command, given: readonly unknown[]): Call {
  const hasFile = command.registeredArguments[0]?.name() === FILE;
  const values = command.registeredArguments.flatMap((_, index) => {
    const value = given[index] as string | string[] | undefined;
    return value === undefined ? [] : value;
  });
  const file = hasFile ? namedFile("open", values[0]!) : "";
  const args = hasFile ? values.slice(1) : values;
  return { spec, file, args, options: command.opts() };
}

function descriptionOf({ summary, details }: CommandSpec): string {
  const sentence = `${summary[0]!.toUpperCase()}${summary.slice(1)}.`;
  return details === undefined ? sentence : `${sentence}\n\n${details}`;
}

function examplesOf({ examples }: CommandSpec, program: string): string {
  const lines = examples.flatMap((
    [line, what],
  ) => [`  # ${what}`, `  ${exampleOf(line, program)}`]);
  return `\nExamples:\n${lines.join("\n")}`;
}

/** An example as typed: after the program's name, or in the shell without FILE. */
function exampleOf(line: string, program: string): string {
  if (program === "") return line.replace(/ [\w.]+\.quire/, "").replace(/ [<>|] .*$/, "");
  return `${program} ${line}`.replace(/\| quire /, `| ${program} `);
}

function generalHelp(): string {
  const codes = EXIT_MEANINGS.map(([code, meaning]) => `  ${String(code).padEnd(5)}${meaning}`);
  return `
Examples:
  quire info cities.quire
  quire scan cities.quire cities --limit 10
  quire load cities.quire cities cities.ndjson --key country,name

Exit codes:
${codes.join("\n")}

Colours are for terminals only. NO_COLOR turns them off.`;
}

/** Converts an error of `commander` to a refusal: one line with the remedy. */
function refusalOf(
  { code, message }: CommanderError,
  words: readonly string[],
  { program }: ParserOptions,
): Refusal {
  const all = program === "" ? "'.help'" : `'${program} --help'`;
  if (code === "commander.help") return new Refusal(`Cannot run: no command; ${all} lists them`);
  const [what, hint] = message.replace(/^error: /, "").replace(/\.$/, "").split("\n") as [
    string,
    string,
  ];
  const meant = /Did you mean (.*)\?/.exec(hint ?? "")?.[1];
  const name = words[0]!;
  const own = program === "" ? `'.help ${name}'` : `'${program} ${name} --help'`;
  const help = code === "commander.unknownCommand" ? `${all} lists them` : `${own} shows all`;
  const remedy = meant === undefined ? help : `did you mean ${meant}?`;
  return new Refusal(`Cannot run ${oneLine(name)}: ${oneLine(what)}; ${remedy}`);
}
