/**
 * Tries a scenario with failing calls of the file system, and prints what is wrong, a line each:
 * SCENARIO EVERY TURN [NAME]. It fails one in EVERY of the calls, or of those of a name, in a way
 * in which it can fail. The last line is the number of trials.
 */

import { IoError, open, restore, verify } from "../../../mod.ts";
import { HANG_MS } from "../../support/programs/hang.ts";
import { inTempDir } from "../../support/temp.ts";
import { calls, fail, type Failure } from "./failing_fs.ts";
import { LAST_KEY, type Prepared, SCENARIOS } from "./scenarios.ts";

const FAILURES: readonly Failure[] = ["EIO", "ENOSPC", "short"];
const DESCRIPTORS = "/proc/self/fd";
const POLL_MS = 5;
const POLLS_MAX = 2000;

/** Where this program is. */
export const PROGRAM: string = import.meta.url;

const unhandled: unknown[] = [];

const namesIn = (dir: string) => [...Deno.readDirSync(dir)].map(({ name }) => name);
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** The error of an action; undefined if it has none. */
async function errorOf(action: () => unknown): Promise<unknown> {
  const { promise: hang, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error("it hangs")), HANG_MS);
  try {
    await Promise.race([action(), hang]);
    return undefined;
  } catch (error) {
    return error ?? new Error("no error was thrown");
  } finally {
    clearTimeout(timer);
  }
}

/** One action whose nth call fails, and what is checked afterwards. */
class Trial {
  readonly #dir: string;
  readonly #wrong: string[] = [];

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Returns what is wrong. */
  async run(scenario: string, nth: number, how: Failure, only?: string): Promise<string[]> {
    const prepared = await SCENARIOS[scenario]!(this.#dir);
    fail(nth, how, only);
    const error = await errorOf(prepared.act);
    const call = `call ${nth}, ${calls.hit}, ${how}`;
    fail(-1);
    this.#expectTyped("the action", error);
    await this.#expectFiles(prepared, error);
    await this.#expectSource(prepared);
    // Reads in the background end later.
    for (let polls = 0; this.#openPaths().length > 0 && polls < POLLS_MAX; polls++) {
      await pause(POLL_MS);
    }
    for (const path of this.#openPaths()) this.#wrong.push(`${path} stays open`);
    for (const error of unhandled.splice(0)) this.#wrong.push(`unhandled: ${error}`);
    return this.#wrong.map((text) => `${scenario}: ${call}: ${text}`);
  }

  /** The files of the folder that have a descriptor. */
  #openPaths(): string[] {
    const paths = namesIn(DESCRIPTORS).map((name) =>
      errorless(() => Deno.readLinkSync(`${DESCRIPTORS}/${name}`)) ?? ""
    );
    return paths.filter((path) => path.startsWith(this.#dir));
  }

  #expectTyped(what: string, error: unknown): void {
    if (error === undefined || error instanceof IoError) return;
    this.#wrong.push(`${what}: ${error instanceof Error ? error.stack : error}`);
  }

  #expectNone(what: string, error: unknown): void {
    if (error !== undefined) this.#wrong.push(`${what}: ${error}`);
  }

  /** Under the final name is nothing, or a whole file; under others is nothing that was left. */
  async #expectFiles({ to, isDatabase }: Prepared, error: unknown): Promise<void> {
    const folders = [this.#dir, `${this.#dir}/archive`];
    const names = folders.flatMap((folder) => errorless(() => namesIn(folder)) ?? []);
    const left = names.filter((name) => name.includes(".unfinished") || name.endsWith(".parts"));
    if (left.length > 0) this.#wrong.push(`${left} is left`);
    if (to === undefined) return;
    if (!names.includes("to")) {
      if (error === undefined) this.#wrong.push("it made nothing");
    } else if (isDatabase === true) {
      if (!(await verify(to)).ok) this.#wrong.push("the new file is damaged");
      using db = open(to, { readOnly: true });
      if (!db.tree("t").has(LAST_KEY)) this.#wrong.push("the new file lacks entries");
    } else {
      const applied = `${this.#dir}/applied`;
      this.#expectNone("the increment", await errorOf(() => restore(applied, this.#base, to)));
    }
  }

  get #base(): string {
    return `${this.#dir}/base`;
  }

  /** The source can be read, and written unless its own write failed; then so after opening. */
  async #expectSource({ db, to, changes, act }: Prepared): Promise<void> {
    if (!db.tree("t").has(LAST_KEY)) this.#wrong.push("the source lacks entries");
    const error = await errorOf(() => db.tree("probe").set("probe", new Uint8Array(1)));
    if (changes === true && error instanceof IoError) {
      this.#expectTyped("close", await errorOf(() => db.close()));
    } else {
      this.#expectNone("a write of the source", error);
      if (to !== undefined && namesIn(this.#dir).includes("to")) Deno.removeSync(to);
      this.#expectNone("the next attempt", await errorOf(act));
      this.#expectNone("close", await errorOf(() => db.close()));
    }
    const found = await verify(`${this.#dir}/db`);
    if (!found.ok) this.#wrong.push("the source is damaged");
    using again = open(`${this.#dir}/db`);
    if (!again.tree("t").has(LAST_KEY)) this.#wrong.push("the source lost entries");
  }
}

function errorless<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}

/** The number of calls of a scenario in which none fails, or of those of a name. */
async function countOf(scenario: string, only: string | undefined): Promise<number> {
  return await inTempDir(async (dir) => {
    const { db, act } = await SCENARIOS[scenario]!(dir);
    fail(-1, "EIO", only);
    await act();
    const { count } = calls;
    db.close();
    return count;
  });
}

async function main(scenario: string, every: number, turn: number, only?: string): Promise<void> {
  const count = await countOf(scenario, only);
  let trials = 0;
  // At least one call is tried, however few there are.
  for (let nth = turn % Math.min(every, count); nth < count; nth += every) {
    const how = FAILURES[(turn + trials++) % FAILURES.length]!;
    const wrong = await inTempDir((dir) => new Trial(dir).run(scenario, nth, how, only));
    for (const text of wrong) console.log(text);
  }
  console.log(trials);
}

if (import.meta.main) {
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    unhandled.push(event.reason);
  });
  const [scenario = "", every = "1", turn = "0", only] = Deno.args;
  await main(scenario, Number(every), Number(turn), only);
  // A stream that a trial has left would keep the program alive.
  Deno.exit();
}
