/**
 * How the program ends: exit codes, refusals with their remedy, and one line for every failure.
 *
 * An error of the engine that the caller can resolve becomes a line of two parts: the problem, in
 * the engine's words, and the remedy. Any other error is a bug in Quire and is reported as one.
 */

import {
  BusyError,
  CorruptionError,
  IoError,
  LimitError,
  LockedError,
  SnapshotTooOldError,
} from "../../mod.ts";
import { oneLine } from "./text.ts";

/** The exit codes. */
export const EXIT = {
  done: 0,
  no: 1,
  misuse: 2,
  unusable: 3,
  damaged: 4,
  malformed: 5,
  bug: 70,
  hungUp: 129,
  interrupted: 130,
  terminated: 143,
} as const;

/** An exit code of the program. */
export type ExitCode = typeof EXIT[keyof typeof EXIT];

/** The meaning of each exit code, in order, for the help. */
export const EXIT_MEANINGS: readonly (readonly [code: ExitCode, meaning: string])[] = [
  [EXIT.done, "done; also when the reader of the output closes it early"],
  [EXIT.no, "the answer is no: no such key or tree, findings of verify, losses of salvage"],
  [EXIT.misuse, "called wrongly: an unknown option, a malformed argument, another codec"],
  [EXIT.unusable, "the file cannot be used: missing, locked, not permitted, disk full"],
  [EXIT.damaged, "the file is damaged, or not a Quire database; it was left as it is"],
  [EXIT.malformed, "the input is malformed, or has a number that is not kept; nothing was changed"],
  [EXIT.bug, "a bug in Quire; please report it"],
  [EXIT.hungUp, "ended by SIGHUP; the file that was being made is removed"],
  [EXIT.interrupted, "ended by Ctrl-C; the file that was being made is removed"],
  [EXIT.terminated, "ended by SIGTERM; the file that was being made is removed"],
];

/** A signal that ends the creation of a file. */
export type SignalName = "SIGINT" | "SIGTERM" | "SIGHUP";

/** All of these signals. */
export const SIGNALS: readonly SignalName[] = ["SIGINT", "SIGTERM", "SIGHUP"];

const EXIT_OF_SIGNAL: Readonly<Record<SignalName, ExitCode>> = {
  SIGINT: EXIT.interrupted,
  SIGTERM: EXIT.terminated,
  SIGHUP: EXIT.hungUp,
};

/** The remedy for a value that is too long for a string. */
export const LONG_REMEDY = "'get --raw' prints its bytes, and 'dump' takes it apart";
/** A failure that names what it concerns: a file, a folder or an archive. */
const NAMES_OBJECT =
  /^Cannot (?:open|create|find|list|lock|remove|delete|use|read|write) (?!\d|page \d)/;
/** The state in the error for a new file whose path is taken. */
export const TAKEN = /it already exists/;
const PERMISSION_REMEDY =
  "run it with permission to read and write there: deno run -R=PATH -W=PATH";
const HOST_REMEDY = "run it with permission for that host: deno run --allow-net=HOST";
const NET_REMEDY = "run it with permission to listen too: deno run --allow-net=127.0.0.1";

/** A request that the program refuses. The message gives the problem and the remedy. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  /** How the program ends. */
  readonly exitCode: ExitCode;

  /**
   * A refusal.
   *
   * @param message One line: the problem, a semicolon, and the remedy.
   * @param exitCode How the program ends.
   */
  constructor(message: string, exitCode: ExitCode = EXIT.misuse) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** A signal arrived while a file was being created. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  /** The signal. */
  readonly signal: SignalName;

  /** An interruption by a signal. */
  constructor(signal: SignalName) {
    super(`Interrupted by ${signal}: the file that was being made is removed`);
    this.signal = signal;
  }
}

/** The reader closed the output: the program ends quietly. */
export class OutputClosed extends Error {
  override readonly name = "OutputClosed";
}

/** The exit code of an error, and its line, if any. */
export interface Failure {
  readonly exitCode: ExitCode;
  readonly line: string | undefined;
}

/** Converts an error to an exit code and a line. */
export function failureOf(error: unknown): Failure {
  if (error instanceof OutputClosed) return { exitCode: EXIT.done, line: undefined };
  // A database that failed may fail again when it is closed; the first failure is the cause.
  if (error instanceof SuppressedError) return failureOf(error.suppressed);
  // What a program would do about a lock is not what a user of the command line does.
  const message = messageOf(error).replace(/; open it with shared: true, or to follow it$/, "");
  const [exitCode, remedy] = kindOf(error, message);
  return { exitCode, line: oneLine(remedy === undefined ? message : `${message}; ${remedy}`) };
}

/** The message of a thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Adds the failed action to an error of the operating system, which does not name it; returns any
 * other error unchanged.
 *
 * @param action The action and its object, as in `write to standard output`.
 */
export function withAction(action: string, error: unknown): unknown {
  if (error instanceof Deno.errors.NotCapable || !isSystemError(error)) return error;
  const message = messageOf(error);
  const reason = message.replace(/ \(os error \d+\).*$/s, "").replace(/^[A-Z]+: /, "");
  const state = `${reason.charAt(0).toLowerCase()}${reason.slice(1)}`;
  return new Refusal(`Cannot ${action}: ${state}; ${ioRemedy(message)}`, EXIT.unusable);
}

/** Turns a failure that already names its file into a refusal: no other path belongs to it. */
export function asRefusal(error: IoError, exitCode: ExitCode = EXIT.unusable): Refusal {
  return new Refusal(`${error.message}; ${ioRemedy(error.message)}`, exitCode);
}

/** Adds the path to a failure of the database file, where the engine names no file. */
export function withPath(path: string, error: unknown): unknown {
  if (!(error instanceof IoError) || path === "" || error.message.includes(path)) return error;
  if (NAMES_OBJECT.test(error.message)) return error;
  const { message, cause } = error;
  const state = `${message.charAt(0).toLowerCase()}${message.slice(1)}`;
  return new IoError(`Cannot use ${path}: ${state}`, { cause });
}

function kindOf(error: unknown, message: string): [ExitCode, string?] {
  if (error instanceof Refusal) return [error.exitCode];
  if (error instanceof Interrupted) return [EXIT_OF_SIGNAL[error.signal]];
  if (error instanceof LockedError) {
    return [EXIT.unusable, "close it there, or wait for it with --wait SECONDS"];
  }
  if (error instanceof CorruptionError) return [EXIT.damaged, damageRemedy(message)];
  if (error instanceof LimitError) return [EXIT.unusable, "do it in smaller parts"];
  if (error instanceof SnapshotTooOldError) return [EXIT.unusable, "try again"];
  if (error instanceof BusyError) {
    return [EXIT.unusable, "try again, or close it there, and run 'quire verify'"];
  }
  if (error instanceof IoError) return [EXIT.unusable, ioRemedy(message)];
  if (error instanceof Deno.errors.NotCapable) {
    const isNet = /Requires net access/.test(message);
    return [EXIT.unusable, isNet ? NET_REMEDY : PERMISSION_REMEDY];
  }
  if (error instanceof RangeError && message === "Invalid string length") {
    return [EXIT.unusable, LONG_REMEDY];
  }
  if (isSystemError(error)) return [EXIT.unusable, "correct that, and try again"];
  if (isMisuse(error, message)) return [EXIT.misuse];
  return [EXIT.bug, "this is a bug in Quire: please report it"];
}

function damageRemedy(message: string): string {
  if (/not a Quire database/.test(message)) return "name another file, this one was left as it is";
  return "'quire verify' tells what else is wrong, and 'quire salvage' saves the rest";
}

function ioRemedy(message: string): string {
  if (/no such file|not found/i.test(message)) return "check the path";
  if (/Requires net access/.test(message)) return HOST_REMEDY;
  if (/Requires \w+ access/.test(message)) return PERMISSION_REMEDY;
  if (/permission|denied|read-only/i.test(message)) return "check its permissions";
  if (/in use|not available|another program/i.test(message)) return "name another port";
  if (/no space/i.test(message)) return "make room on the disk, and try again";
  if (TAKEN.test(message)) return "remove it or name another file";
  if (/^Cannot list .*ENOTDIR/.test(message)) return "name a folder";
  if (/ENOTDIR/.test(message)) return "check the path";
  if (/directory|regular file/i.test(message)) return "name a file";
  return "correct that, and try again";
}

function isSystemError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return Object.values(Deno.errors).some((kind) => error instanceof kind) || "code" in error;
}

/** The engine's errors read action, colon, state; those of V8 do not. */
function isMisuse(error: unknown, message: string): boolean {
  const isOfKind = error instanceof TypeError || error instanceof RangeError;
  return isOfKind && /^Cannot .+: /s.test(message);
}
