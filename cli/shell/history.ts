/**
 * The history of typed lines, in a file in the user's folder for state: `quire/history` in
 * `XDG_STATE_HOME`, or else in `.local/state` of `HOME`. A variable without an absolute path is
 * ignored, as the XDG specification requires.
 *
 * Only the user can read the folder and the file. Lines that begin with a blank are not kept.
 *
 * The history needs permissions for these variables and the file, and never prompts for them. The
 * shell also works without a history.
 */

import { dirname, isAbsolute, join } from "node:path";

const LINES_MAX = 1000;
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;
/** The permission bits of group and others. */
const OTHERS = 0o077;

/** The typed lines. */
export class History {
  readonly #path: string | undefined = historyPath();
  readonly #lines: string[] = this.#read();

  /** All lines, newest first, as `node:readline` expects them. */
  newestFirst(): string[] {
    return this.#lines.toReversed();
  }

  /** Adds a line, unless it begins with a blank. */
  add(line: string): void {
    if (line === "" || /^\s/.test(line) || this.#lines.at(-1) === line) return;
    this.#lines.push(line);
    if (this.#path === undefined) return;
    try {
      makePrivate(this.#path);
      const { length } = this.#lines;
      if (length < 2 * LINES_MAX) {
        Deno.writeTextFileSync(this.#path, `${line}\n`, { append: true, mode: FILE_MODE });
      } else {
        this.#lines.splice(0, length - LINES_MAX);
        Deno.writeTextFileSync(this.#path, this.#lines.join("\n") + "\n", { mode: FILE_MODE });
      }
    } catch {
      // The shell works without a history.
    }
  }

  #read(): string[] {
    if (this.#path === undefined) return [];
    try {
      return Deno.readTextFileSync(this.#path).split("\n").filter(isLine);
    } catch {
      return [];
    }
  }
}

/** Whether a line could have been typed: the line editor would interpret escapes. */
function isLine(line: string): boolean {
  return line !== "" && !/\p{Cc}/u.test(line);
}

/** Creates the folder, and removes permissions of group and others. */
function makePrivate(path: string): void {
  const folder = dirname(path);
  Deno.mkdirSync(folder, { recursive: true, mode: FOLDER_MODE });
  narrow(folder, FOLDER_MODE);
  try {
    narrow(path, FILE_MODE);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function narrow(path: string, mode: number): void {
  if (((Deno.statSync(path).mode ?? 0) & OTHERS) !== 0) Deno.chmodSync(path, mode);
}

function historyPath(): string | undefined {
  const state = variable("XDG_STATE_HOME");
  if (state !== undefined) return join(state, "quire", "history");
  const home = variable("HOME");
  return home === undefined ? undefined : join(home, ".local", "state", "quire", "history");
}

function variable(name: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  const value = state === "granted" ? Deno.env.get(name) : undefined;
  return value !== undefined && isAbsolute(value) ? value : undefined;
}
