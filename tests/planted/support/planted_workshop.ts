/**
 * Plants bugs in a copy of the sources, and hunts them there in separate processes.
 *
 * Invariants:
 * 1. The sources of the project never change, only the copy.
 * 2. An edit must match the sources exactly once, and the program must still run. Anything else is
 *    an error and does not count as a caught bug.
 */

import { fromFileUrl, join } from "@std/path";
import { type Edit, type PlantedBug, testOf } from "./planted_bugs.ts";
import { FOUND, type Found } from "./planted_hunter.ts";

const TOP = fromFileUrl(new URL("../../../", import.meta.url));
const NOT_COPIED = new Set([".git", ".ci", "node_modules", "bench", "docs", "examples"]);
/** Milliseconds after which a hunt hangs: far above what the longest takes on a busy machine. */
const HUNT_MS = 900_000;
const HUNTER = ["run", "--no-check", "-A", "tests/planted/support/planted_hunter.ts"];
/** A part of a long test suffices to catch the bugs that are hunted with it. */
const ENVIRONMENT = {
  NO_COLOR: "1",
  QUIRE_SEED: "1",
  QUIRE_BUDGETS: "39",
  QUIRE_FAULTS: "1",
  QUIRE_OPERATIONS: "60000",
  QUIRE_FLIP_STEP: "19",
  QUIRE_ALLOCATOR: "all",
  QUIRE_SHARED_CUTS: "1",
};
/** Matches the errors of a program that does not run. */
const BROKEN = /ReferenceError|SyntaxError|module's source code|Import '.*' failed|\(uncaught /;

/** A copy of the sources, in which bugs are planted one at a time. */
export class Workshop {
  readonly #dir: string;
  readonly #huntMs: number;

  /**
   * Copies the sources to a new folder.
   *
   * @param huntMs The time after which a hunt is ended, with all that it started.
   */
  constructor(huntMs = HUNT_MS) {
    this.#huntMs = huntMs;
    this.#dir = Deno.makeTempDirSync({ prefix: "quire-planted-" });
    copyFolder(TOP, this.#dir, NOT_COPIED);
  }

  /** Removes the copy. */
  [Symbol.dispose](): void {
    Deno.removeSync(this.#dir, { recursive: true });
  }

  /**
   * Plants a bug, hunts it, and reverts it.
   *
   * @param hunts The hunts, in order, as in `PlantedBug`.
   * @returns The failure, or undefined if the bug survived.
   */
  async try(bug: PlantedBug, hunts: readonly string[]): Promise<Found | undefined> {
    const before = new Map<string, string>();
    try {
      for (const edit of bug.edits) this.#apply(bug.name, edit, before);
      return await this.#hunt(bug.name, hunts);
    } finally {
      for (const [path, text] of before) Deno.writeTextFileSync(path, text);
    }
  }

  #apply(name: string, { file, find, replace }: Edit, before: Map<string, string>): void {
    const path = join(this.#dir, file);
    const text = Deno.readTextFileSync(path);
    const count = text.split(find).length - 1;
    if (count !== 1) throw new Error(`planted bug ${name}: ${count} places in ${file} fit`);
    if (!before.has(path)) before.set(path, text);
    Deno.writeTextFileSync(path, text.replace(find, () => replace));
  }

  async #hunt(name: string, hunts: readonly string[]): Promise<Found | undefined> {
    for (const hunt of hunts) {
      const test = testOf(hunt);
      const { code, output } = await this.#run(
        test === undefined ? [...HUNTER, hunt] : [
          ...["test", "--no-check", "-A", "--fail-fast", test.file],
          ...(test.describe === undefined ? [] : ["--filter", test.describe]),
        ],
      );
      if (code === undefined) throw new Error(`planted bug ${name}: ${hunt} hangs: ${output}`);
      if (BROKEN.test(output)) throw new Error(`planted bug ${name} does not run: ${output}`);
      if (code === 0) continue;
      if (test !== undefined && code === 1) {
        return { hunt, showed: firstFailure(output), details: output };
      }
      if (test === undefined && code === FOUND) {
        return JSON.parse(output.trimEnd().split("\n").at(-1)!);
      }
      throw new Error(`planted bug ${name}: ${hunt} ended with ${code}: ${output}`);
    }
    return undefined;
  }

  /** Runs Deno. The code is undefined if it had to be ended. */
  async #run(args: string[]): Promise<{ code: number | undefined; output: string }> {
    const process = new Deno.Command(Deno.execPath(), {
      args,
      cwd: this.#dir,
      env: { ...ENVIRONMENT, QUIRE_RECORDINGS: this.#dir },
      detached: true, // a group, because its children keep the pipes open after its end
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    let hangs = false;
    const limit = setTimeout(() => {
      hangs = true;
      Deno.kill(-process.pid, "SIGKILL");
    }, this.#huntMs);
    const { code, stdout, stderr } = await process.output();
    clearTimeout(limit);
    const text = new TextDecoder();
    const output = text.decode(stderr) + text.decode(stdout);
    return { code: hangs ? undefined : code, output };
  }
}

function copyFolder(from: string, to: string, skipped: ReadonlySet<string>): void {
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    if (skipped.has(name)) continue;
    if (!isDirectory) {
      Deno.copyFileSync(join(from, name), join(to, name));
    } else {
      Deno.mkdirSync(join(to, name));
      copyFolder(join(from, name), join(to, name), new Set());
    }
  }
}

/** The first line of a test's output that names the failure. */
function firstFailure(output: string): string {
  return /^error: (.*)$/m.exec(output)?.[1] ?? "a test failed";
}
