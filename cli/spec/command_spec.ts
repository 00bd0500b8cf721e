/**
 * The specification of a command: its name, arguments, options and examples, how it opens the file,
 * and its action. The help, the completion scripts and the shell derive from it alone.
 */

import type {
  Codecs,
  Database,
  KeyCodec,
  ReadTree,
  Transaction,
  TransactionTree,
  Tree,
} from "../../mod.ts";
import type { CodecPair } from "../form/codecs.ts";
import type { Inspection } from "../inspect/mod.ts";
import { type ExitCode, Refusal } from "../io/exit.ts";
import type { Interruption } from "../io/interruption.ts";
import type { Output } from "../io/output.ts";

const PORT_MAX = 65_535;

/** A positional argument of a command, apart from FILE. */
export interface ArgumentSpec {
  /** As the help shows it, in lower case. */
  readonly name: string;
  readonly what: string;
  readonly optional?: true;
  /** The last argument may take all remaining words. */
  readonly variadic?: true;
}

/** An option of a command. */
export interface OptionSpec {
  /** As in `--limit <count>`. */
  readonly flags: string;
  readonly what: string;
  /** The allowed values; default any. */
  readonly choices?: readonly string[];
}

/** What a command does with FILE. */
export type FileUse =
  /** Opens it read-only, and follows it if another process has it open for writing. */
  | "read"
  /** Opens it read-only, or shares it with those that do; needs every page of one version. */
  | "copy"
  /** Opens it for writing; the file must exist. */
  | "write"
  /** Opens it for writing, and creates it if it is missing. */
  | "create"
  /**
   * Opens it for writing. If it is missing, the command fills an empty database beside it, which
   * takes its name when the command succeeds and is removed otherwise.
   */
  | "fill"
  /** Inspects it, even while another process has it locked. */
  | "inspect"
  /** Takes its path, and opens it itself. */
  | "path"
  /** Takes its path, and takes no lock. */
  | "unlocked"
  /** Takes its path, where there must be no file, and creates one. */
  | "new"
  /** Takes no FILE. */
  | "none";

/** The given options, by name in camel case. */
export interface OptionValues {
  readonly [name: string]: string | boolean | undefined;
}

/** A tree for reading, whose codecs are chosen at run time. */
export type AnyReadTree = ReadTree<unknown, unknown, unknown, unknown>;
/** The same, for changes in a transaction. */
export type AnyTransactionTree = TransactionTree<unknown, unknown, unknown, unknown, unknown>;
/** The same, outside transactions. */
export type AnyTree = Tree<unknown, unknown, unknown, unknown, unknown>;

/** The environment of a command. */
export interface Context {
  /** The path of FILE. */
  readonly path: string;
  /** FILE, opened as the command specifies; unusable if it opens none. */
  readonly db: Database;
  /** The output. */
  readonly out: Output;
  /** Whether to print JSON for scripts instead of text for people. */
  readonly json: boolean;
  /** Whether the output may have colours. */
  readonly colours: boolean;
  /** How long to wait for another handle to close, in milliseconds. */
  readonly lockTimeoutMs: number;
  /** Whether another process has FILE open, so that the command follows it. */
  readonly isFollowed: boolean;
  /** Whether the command runs as a statement of the shell. */
  readonly inShell: boolean;
  /** All commands of the program. */
  readonly commands: readonly CommandSpec[];
  /** Ends the command on a signal while it fills a new file. */
  readonly interruption: Interruption | undefined;
  /** An inspection of the file. */
  inspect(): Inspection;
  /**
   * A tree for reading, with the changes of the open transaction if there is one.
   *
   * Outside a transaction the first call takes a snapshot, which all trees read by this command
   * share. It is closed when the command ends, or in the shell when the statement ends.
   */
  read(name: string, codecs: CodecPair): AnyReadTree;
}

/** A command. */
export interface CommandSpec {
  readonly name: string;
  /** One line, in the imperative. */
  readonly summary: string;
  /** Further help. */
  readonly details?: string;
  readonly file: FileUse;
  /** Whether it writes FILE beside the processes that share it; otherwise it needs FILE alone. */
  readonly shares?: boolean;
  /** A description of FILE, if it is not just the database. */
  readonly fileWhat?: string;
  /**
   * The path that a new FILE is filled from; undefined for standard input. The new file has no
   * wider permissions than its source.
   */
  readonly filledFrom?: (args: readonly string[]) => string | undefined;
  readonly args: readonly ArgumentSpec[];
  readonly options: readonly OptionSpec[];
  /** Command lines without `quire`, each with its effect. */
  readonly examples: readonly (readonly [line: string, what: string])[];
  /** Whether it is also a statement of the shell. */
  readonly inShell: boolean;
  /** Runs it, and returns the exit code if not 0. In the shell it must not wait. */
  run(
    context: Context,
    args: readonly string[],
    options: OptionValues,
  ): ExitCode | void | Promise<ExitCode | void>;
}

/** The value of an option that takes text. */
export function textOf(value: string | boolean | undefined): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/**
 * Parses an option or argument as a whole number.
 *
 * @param name As the user knows it.
 * @throws {Refusal} It is not one, or is below `least`.
 */
export function wholeNumber(name: string, text: string, least = 0): number {
  const number = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (number >= least) return number;
  throw new Refusal(`Cannot use ${name} ${text}: it is not a whole number from ${least} on`);
}

/**
 * Parses the option `--port`.
 *
 * @throws {Refusal} It is no port.
 */
export function portOf(text: string): number {
  const port = wholeNumber("--port", text, 1);
  if (port <= PORT_MAX) return port;
  throw new Refusal(`Cannot use --port ${text}: there are ports from 1 to ${PORT_MAX}`);
}

/** Opens a tree by name, with codecs. */
export function openTree(db: Database, name: string, codecs: CodecPair): AnyTree {
  return db.tree(name, codecsFor(codecs)) as unknown as AnyTree;
}

/** Opens a tree by name in a transaction, with codecs. */
export function treeInside(tx: Transaction, name: string, codecs: CodecPair): AnyTransactionTree {
  return tx.tree(name, codecsFor(codecs)) as unknown as AnyTransactionTree;
}

/**
 * Creates an empty tree in a transaction: its first entry creates it, and is then deleted.
 *
 * @param tree A tree that does not exist yet, with codecs that take bytes.
 */
export function makeEmptyTree(tree: AnyTransactionTree): void {
  const key = new Uint8Array(1);
  tree.set(key, key);
  tree.delete(key);
}

/** The codecs for the engine. The key codec was chosen from the ordered ones. */
export function codecsFor({ key, value }: CodecPair): Codecs<unknown, unknown> {
  return { key: key.codec as KeyCodec<unknown>, value: value.codec };
}

/**
 * Chooses the named tree, or the only one.
 *
 * @throws {Refusal} No tree is named, and the file does not have exactly one.
 */
export function treeName(db: Database, given: string | undefined): string {
  if (given !== undefined) return given;
  const [only, ...others] = db.trees();
  if (only === undefined) throw new Refusal("Cannot choose a tree: there is none; load one first");
  if (others.length === 0) return only;
  throw new Refusal("Cannot choose a tree: there are several; name one, 'trees' lists them");
}
