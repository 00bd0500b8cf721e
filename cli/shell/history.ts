/**
 * The lines that were typed before, in a file in the user's folder for state: `quire/history` in
 * `XDG_STATE_HOME`, or else in `.local/state` of `HOME`.
 *
 * Kept only where the program may already know these variables and write there; it asks for no
 * permission, and a history that cannot be kept is no reason to stop.
 */

import { dirname, join } from "node:path";

const LINES_MAX = 1000;
/** The lines are the user's alone. */
const MODE = 0o600;

/** Lines that were typed. */
export class History {
  readonly #path: string | undefined = historyPath();
  readonly #lines: string[] = this.#read();

  /** All of them, the newest first, as `node:readline` wants them. */
  newestFirst(): string[] {
    return this.#lines.toReversed();
  }

  /** Adds a line. */
  add(line: string): void {
    if (this.#lines.at(-1) === line) return;
    this.#lines.push(line);
    if (this.#path === undefined) return;
    try {
      Deno.mkdirSync(dirname(this.#path), { recursive: true });
      const { length } = this.#lines;
      if (length < 2 * LINES_MAX) {
        Deno.writeTextFileSync(this.#path, `${line}\n`, { append: true, mode: MODE });
      } else {
        this.#lines.splice(0, length - LINES_MAX);
        Deno.writeTextFileSync(this.#path, this.#lines.join("\n") + "\n", { mode: MODE });
      }
    } catch {
      // The shell is of use without.
    }
  }

  #read(): string[] {
    if (this.#path === undefined) return [];
    try {
      return Deno.readTextFileSync(this.#path).split("\n").filter((line) => line !== "");
    } catch {
      return [];
    }
  }
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
  return value === "" ? undefined : value;
}
