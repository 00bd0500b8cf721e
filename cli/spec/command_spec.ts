/**
 * What a command is: its name, arguments, options and examples, how it opens the file, and what it
 * does. The help, the completion scripts and the shell are made of this alone.
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
import { type ExitCode, Refusal } from "../io/exit.ts";
import type { Inspection } from "../inspect/mod.ts";
import type { Interruption } from "../io/interruption.ts";
import type { Output } from "../io/output.ts";

/** A positional argument of a command. FILE is not among them. */
export interface ArgumentSpec {
  /** As the help shows it, in lower case. */
  readonly name: string;
  readonly what: string;
  readonly optional?: true;
  /** The last one may take all that follow. */
  readonly variadic?: true;
}

/** An option of a command. */
export interface OptionSpec {
  /** As in `--limit <count>`. */
  readonly flags: string;
  readonly what: string;
  /** The values that there are, if not all. */
  readonly choices?: readonly string[];
}

/** What a command does with FILE. */
export type FileUse =
  /** Opens it read-only. */
  | "read"
  /** Opens it for writing; it has to be there. */
  | "write"
  /** Opens it for writing, and makes it when it is missing. */
  | "create"
  /**
   * Opens it for writing. When it is missing, the command works on an empty database beside it,
   * which gets its name when the command has succeeded, and else is removed.
   */
  | "fill"
  /** Looks into it, also where another process has it locked. */
  | "inspect"
  /** Gets its path, and opens it as it likes. */
  | "path"
  /** Gets its path, and waits for no lock. */
  | "unlocked"
  /** Has none. */
  | "none";

/** The options that were given, by their names in camel case. */
export interface OptionValues {
  readonly [name: string]: string | boolean | undefined;
}

/** A tree, for reading, whose codecs are named while the program runs. */
export type AnyReadTree = ReadTree<unknown, unknown, unknown, unknown>;
/** The same, for changes. */
export type AnyTransactionTree = TransactionTree<unknown, unknown, unknown, unknown, unknown>;
/** The same, with what only a tree outside transactions can do. */
export type AnyTree = Tree<unknown, unknown, unknown, unknown, unknown>;

/** What a command works with. */
export interface Context {
  /** Where FILE is. */
  readonly path: string;
  /** FILE, open as the command asks; not to be used by one that has no open file. */
  readonly db: Database;
  /** What it prints. */
  readonly out: Output;
  /** JSON for scripts instead of text for people. */
  readonly json: boolean;
  /** Whether what it prints may have colours. */
  readonly colours: boolean;
  /** How long to wait for another handle to close, in milliseconds. */
  readonly lockTimeoutMs: number;
  /** Whether it is a statement of the shell. */
  readonly inShell: boolean;
  /** All commands of the program. */
  readonly commands: readonly CommandSpec[];
  /** What ends the command by signals, where it fills a new file. */
  readonly interruption: Interruption | undefined;
  /** What looks into the file. */
  inspect(): Inspection;
  /** A tree, for reading: with the changes of the open transaction, if there is one. */
  read(name: string, codecs: CodecPair): AnyReadTree;
}

/** A command. */
export interface CommandSpec {
  readonly name: string;
  /** One line, in the imperative. */
  readonly summary: string;
  /** What the summary leaves out. */
  readonly details?: string;
  readonly file: FileUse;
  /** What FILE is, where it is not just the database. */
  readonly fileWhat?: string;
  /**
   * The path that a new FILE is filled from, undefined for standard input. The new file is not more
   * open than that.
   */
  readonly filledFrom?: (args: readonly string[]) => string | undefined;
  readonly args: readonly ArgumentSpec[];
  readonly options: readonly OptionSpec[];
  /** Command lines without `quire`, and what each does. */
  readonly examples: readonly (readonly [line: string, what: string])[];
  /** Whether the shell has it as a statement. */
  readonly inShell: boolean;
  /** Does it; the exit code, if not 0. In the shell it must not wait for anything. */
  run(
    context: Context,
    args: readonly string[],
    options: OptionValues,
  ): ExitCode | void | Promise<ExitCode | void>;
}

/** The text of an option that takes one. */
export function textOf(value: string | boolean | undefined): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/**
 * The whole number that an option or argument is.
 *
 * @param name As the user knows it.
 * @throws {Refusal} It is none, or below `least`.
 */
export function wholeNumber(name: string, text: string, least = 0): number {
  const number = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (number >= least) return number;
  throw new Refusal(`Cannot use ${name} ${text}: it is no whole number from ${least} on`);
}

/** The tree of a name, with codecs. */
export function openTree(db: Database, name: string, codecs: CodecPair): AnyTree {
  return db.tree(name, codecsFor(codecs)) as unknown as AnyTree;
}

/** The tree of a name in a transaction, or in a snapshot, with codecs. */
export function treeInside(tx: Transaction, name: string, codecs: CodecPair): AnyTransactionTree {
  return tx.tree(name, codecsFor(codecs)) as unknown as AnyTransactionTree;
}

/**
 * Makes a tree that has no entries, inside a transaction: its first entry makes it, and can go.
 *
 * @param tree Of a name that no tree has, with codecs that take bytes.
 */
export function makeEmptyTree(tree: AnyTransactionTree): void {
  const key = new Uint8Array(1);
  tree.set(key, key);
  tree.delete(key);
}

/** What the engine takes. That keys have an order was checked where the codec was chosen. */
export function codecsFor({ key, value }: CodecPair): Codecs<unknown, unknown> {
  return { key: key.codec as KeyCodec<unknown>, value: value.codec };
}

/**
 * The tree that is meant: the one named, or the only one.
 *
 * @throws {Refusal} None is named, and there is none or more than one.
 */
export function treeName(db: Database, given: string | undefined): string {
  if (given !== undefined) return given;
  const [only, ...others] = db.trees();
  if (only === undefined) throw new Refusal("Cannot choose a tree: there is none; load one first");
  if (others.length === 0) return only;
  throw new Refusal("Cannot choose a tree: there are several; name one, 'trees' lists them");
}
