/**
 * The program: parses its command line, opens the file as the command specifies, runs the command
 * and closes the file.
 */

import { type Database, IoError, LockedError, open, type Snapshot } from "../mod.ts";
import { COMMANDS } from "./all_commands.ts";
import type { CodecPair } from "./form/codecs.ts";
import { inspectFile, type Inspection } from "./inspect/mod.ts";
import { EXIT, type ExitCode, failureOf, Refusal, withPath } from "./io/exit.ts";
import type { Interruption } from "./io/interruption.ts";
import { NewDatabase } from "./io/new_file.ts";
import { note, Output, wantsColours } from "./io/output.ts";
import { oneLine } from "./io/text.ts";
import {
  type AnyReadTree,
  codecsFor,
  type CommandSpec,
  type Context,
  textOf,
} from "./spec/command_spec.ts";
import { type Call, parseLine, type ParserOptions } from "./spec/parser.ts";

/** The version of the program. */
const VERSION = "0.1.0";
const MS = 1000;
const STDIN = 0;

/** How the program reads its command line. */
export const PROGRAM: ParserOptions = { program: "quire", version: VERSION };

/** Runs the program and returns its exit code. Any failure is reported in one line. */
export async function runProgram(words: readonly string[]): Promise<ExitCode> {
  const out = new Output(Deno.stdout);
  try {
    const code = await runLine(words, out);
    out.flush();
    return code;
  } catch (error) {
    const { exitCode, line } = failureOf(error);
    flushQuietly(out);
    if (line !== undefined) note(line);
    return exitCode;
  }
}

async function runLine(words: readonly string[], out: Output): Promise<ExitCode> {
  const parsed = parseLine(words, COMMANDS, PROGRAM);
  if ("text" in parsed) {
    out.text(parsed.text);
    return EXIT.done;
  }
  const { file, options } = parsed.call;
  const lockTimeoutMs = waitOf(parsed.call);
  using opened = openAs(parsed.call, lockTimeoutMs);
  const context: Context = {
    path: file,
    db: opened.db,
    inspect: () => opened.inspection,
    out,
    json: options["json"] === true,
    colours: wantsColours(),
    lockTimeoutMs,
    isFollowed: opened.isFollowed,
    inShell: false,
    commands: COMMANDS,
    interruption: opened.interruption,
    read: (name, codecs) => opened.read(name, codecs),
  };
  const code = await opened.guard(() => runNamed(context, parsed.call));
  // The reader of the output does not wait for the file to be closed.
  out.flush();
  opened.finish();
  return code;
}

/** Runs a command; errors of FILE name its path. */
async function runNamed(context: Context, { spec, args, options }: Call): Promise<ExitCode> {
  try {
    return await spec.run(context, args, options) ?? EXIT.done;
  } catch (error) {
    // Commands that open files themselves name them in their errors.
    const namesThem = ["path", "unlocked", "new"].includes(spec.file);
    throw namesThem ? error : withPath(context.path, error);
  }
}

/** Prints, if possible, the output from before an error. */
function flushQuietly(out: Output): void {
  try {
    out.flush();
  } catch {
    // The first error is the cause.
  }
}

/** FILE, opened as far as a command specifies. */
interface Opened {
  readonly db: Database;
  readonly isFollowed: boolean;
  readonly inspection: Inspection;
  readonly interruption: Interruption | undefined;
  /** A tree for reading; the first call takes a snapshot. */
  read(name: string, codecs: CodecPair): AnyReadTree;
  /** Runs a command; if it fails and has committed nothing, a FILE that it created is removed. */
  guard<T>(body: () => T | Promise<T>): Promise<T>;
  /** Gives a new file its name. Called after the command succeeds, before disposal. */
  finish(): void;
  [Symbol.dispose](): void;
}

function openAs({ spec, file: path, args }: Call, lockTimeoutMs: number): Opened {
  const use = spec.file;
  if (["path", "unlocked", "new", "none"].includes(use)) return NOT_OPENED;
  checkFile(path);
  if (use === "inspect") {
    const { inspection, database, close } = inspectFile(path);
    if (database?.follows === true) noteFollowed(path, database);
    return { ...NOT_OPENED, inspection, [Symbol.dispose]: close };
  }
  if (use === "fill" && isMissing(path)) return openNew(path, spec.filledFrom?.(args) ?? STDIN);
  const isMade = use === "create" && isMissing(path);
  const { db, isFollowed } = openFor(spec, path, lockTimeoutMs);
  const reading = new Reading(db);
  const close = () => {
    reading.close();
    db.close();
  };
  return {
    ...NOT_OPENED,
    db,
    isFollowed,
    inspection: db.inspect(),
    read: (name, codecs) => reading.tree(name, codecs),
    async guard(body) {
      try {
        return await body();
      } catch (error) {
        if (isMade && db.version === 0) removeUnused(path, close);
        throw error;
      }
    },
    [Symbol.dispose]: close,
  };
}

/** Opens a file for a use that reads or writes its trees. */
function openFor(
  { file: use, shares = false }: CommandSpec,
  path: string,
  lockTimeoutMs: number,
): { db: Database; isFollowed: boolean } {
  if (use === "read") return openToRead(path, lockTimeoutMs);
  if (use === "copy") return { db: openToCopy(path, lockTimeoutMs), isFollowed: false };
  const openAlone = () => open(path, { create: use !== "write", lockTimeoutMs });
  return { db: shares ? openOrShare(path, openAlone) : openAlone(), isFollowed: false };
}

/** Opens a file read-only, or shares it if other processes do: they keep the pages of a version. */
function openToCopy(path: string, lockTimeoutMs: number): Database {
  return openOrShare(path, () => open(path, { readOnly: true, follow: false, lockTimeoutMs }));
}

/** Opens a file as `openAlone` does, or shares it if other processes do. */
function openOrShare(path: string, openAlone: () => Database): Database {
  try {
    return openAlone();
  } catch (locked) {
    if (!(locked instanceof LockedError)) throw locked;
    try {
      return open(path, { shared: true, create: false });
    } catch (error) {
      // Where files cannot be shared, another process has it alone.
      throw error instanceof LockedError || error instanceof IoError ? locked : error;
    }
  }
}

/** Opens a file read-only, or follows it and says so if another process has the lock. */
function openToRead(path: string, lockTimeoutMs: number): { db: Database; isFollowed: boolean } {
  const db = openLockedOrFollow(path, lockTimeoutMs);
  if (db.follows) noteFollowed(path, db);
  return { db, isFollowed: db.follows };
}

function noteFollowed(path: string, db: Database): void {
  note(
    `Another process has ${oneLine(path)} open: what is shown is version ${db.version}, ` +
      "its last commit that is certainly on disk.",
  );
}

function openLockedOrFollow(path: string, lockTimeoutMs: number): Database {
  try {
    return open(path, { readOnly: true, lockTimeoutMs });
  } catch (error) {
    if (!(error instanceof LockedError)) throw error;
    return open(path, { follow: true });
  }
}

function openNew(path: string, from: string | number): Opened {
  const made = new NewDatabase(path, from);
  const { db, interruption } = made;
  const reading = new Reading(db);
  return {
    ...NOT_OPENED,
    db,
    inspection: db.inspect(),
    interruption,
    read: (name, codecs) => reading.tree(name, codecs),
    finish: () => {
      reading.close();
      made.finish();
    },
    [Symbol.dispose]: () => {
      reading.close();
      made[Symbol.dispose]();
    },
  };
}

/** Trees of one snapshot, which the first access takes. */
class Reading {
  readonly #db: Database;
  #snapshot: Snapshot | undefined;

  constructor(db: Database) {
    this.#db = db;
  }

  tree(name: string, codecs: CodecPair): AnyReadTree {
    this.#snapshot ??= this.#db.snapshot();
    return this.#snapshot.tree(name, codecsFor(codecs)) as unknown as AnyReadTree;
  }

  close(): void {
    this.#snapshot?.close();
  }
}

/** For commands that open no file. */
const NOT_OPENED: Opened = {
  isFollowed: false,
  db: undefined as unknown as Database,
  inspection: undefined as unknown as Inspection,
  interruption: undefined,
  read: () => {
    throw new Error("no file is open");
  },
  guard: async (body) => await body(),
  finish: () => {},
  [Symbol.dispose]: () => {},
};

function isMissing(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return false;
  } catch (error) {
    return error instanceof Deno.errors.NotFound;
  }
}

/** Closes and removes a file without commits, if possible. */
function removeUnused(path: string, close: () => void): void {
  try {
    close();
    Deno.removeSync(path);
  } catch {
    // The error of the command is the cause.
  }
}

/** Rejects paths of in-memory databases: they would be empty, and lost at once. */
function checkFile(path: string): void {
  if (path !== ":memory:" && path !== "") return;
  throw new Refusal("Cannot use this FILE: it is not a file on disk; give a path");
}

function waitOf({ options }: Call): number {
  const text = textOf(options["wait"]);
  if (text === undefined) return 0;
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  if (seconds <= 86_400) return seconds * MS;
  throw new Refusal(`Cannot use --wait ${text}: it is not a number of seconds up to a day`);
}
