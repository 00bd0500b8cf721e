/**
 * Cuts the power at moments of a log of several processes, opens what is left, and checks it.
 *
 * An image must open in one state between the last number that somebody knew to be durable and the
 * last one attempted, pass a full check, accept one more commit, and open again. It is opened as
 * processes do that share the file, or exclusively. A follower may show something before, which
 * the opening must not take back. Some of the openings are recorded in turn, and cut again.
 *
 * A program: it gets a `CutTask`, and prints a `CutReport`. `recording_fs.ts` stands for `node:fs`.
 */

import { BusyError, type Database, open } from "../../../mod.ts";
import { Blocks } from "../../support/files/blocks.ts";
import { describePlan, makeImage, type Plan, plansAt } from "../../support/files/crash_images.ts";
import { Random } from "../../support/random.ts";
import { type Entry, type Note, readLog } from "./call_log.ts";
import { CallWalk } from "./call_walk.ts";
import { type Beside, removeCut, writeCut } from "./cut_files.ts";
import { type Call, recordCalls } from "./recording_fs.ts";
import { changeState, numberOf, readState, type State } from "./state.ts";
import { Truth } from "./truth.ts";

/** What a cutter is told to do. */
export interface CutTask {
  /** The log, and the file as it was at its end. */
  readonly log: string;
  readonly path: string;
  /** A folder for images. */
  readonly folder: string;
  readonly seed: number;
  /** How many images to make, about. */
  readonly images: number;
  /** The only cut to try. Default all. */
  readonly cut?: number;
}

/** What a cutter has done. */
export interface CutReport {
  /** Calls that were recorded, and transactions that were durable at the end. */
  calls: number;
  transactions: number;
  /** Syncs during which another process wrote. */
  overlaps: number;
  cuts: number;
  images: number;
  /** Images that differ, each of which was opened. */
  distinct: number;
  /** Images of cuts in an opening. */
  nested: number;
  /** Those of them all that lacked something that was written. */
  lossy: number;
  /** Times that a follower showed something before anybody had recovered the file. */
  followed: number;
  readonly faults: string[];
}

/** Images of one cut, and of one in an opening. */
const LIMIT = 6;
const NESTED_LIMIT = 3;
/** One opening in this many is cut again, at this many moments. */
const NESTED_EVERY = 24;
const NESTED_CUTS = 4;
const FAULTS_MAX = 3;
/** Where the second copy of the superblock ends. */
const SUPERBLOCKS_END = 3 * 8192;
const PROBE = "probe";
const CACHE = { cacheBytes: 8 * 1024 * 1024 };

/** A moment of a log. */
interface Moment {
  readonly name: string;
  readonly walk: CallWalk;
  readonly truth: Truth;
  /** What lay beside the file at an earlier moment. */
  readonly before: Beside;
  readonly random: Random;
}

class Cutter {
  readonly report: CutReport;
  readonly #task: CutTask;
  readonly #image: string;
  /** The states that images had, by their hashes. */
  readonly #seen = new Map<number, State>();

  constructor(task: CutTask) {
    this.#task = task;
    this.#image = `${task.folder}/image.quire`;
    const counts = {
      calls: 0,
      transactions: 0,
      overlaps: 0,
      cuts: 0,
      images: 0,
      distinct: 0,
      nested: 0,
    };
    this.report = { ...counts, lossy: 0, followed: 0, faults: [] };
  }

  async run(): Promise<void> {
    const entries = readLog(this.#task.log);
    this.report.calls = entries.filter(({ is }) => is === "issue").length;
    this.report.transactions = this.#checkReplay(entries);
    this.report.overlaps = overlapsIn(entries);
    const random = new Random(this.#task.seed);
    const count = Math.ceil(this.#task.images / LIMIT);
    const cuts = chooseCuts(entries, count, random);
    await this.#cutAt(entries, cuts, new Blocks(), new Truth(), { name: "", limit: LIMIT });
  }

  /** The recording is whole if it leads to the file; returns the number of transactions. */
  #checkReplay(entries: readonly Entry[]): number {
    const walk = new CallWalk();
    const truth = new Truth();
    for (const entry of entries) {
      walk.take(entry);
      if (entry.is === "note") truth.take(entry.note);
    }
    if (walk.unfinished > 0) throw new Error(`${walk.unfinished} calls have not returned`);
    const [found, recorded] = [Deno.readFileSync(this.#task.path), walk.seen.content()];
    if (found.length !== recorded.length || found.some((byte, i) => byte !== recorded[i])) {
      throw new Error("the recorded calls do not lead to the file");
    }
    return truth.durable;
  }

  /** Cuts before entries of some numbers. */
  async #cutAt(
    entries: readonly Entry[],
    cuts: ReadonlySet<number>,
    start: Blocks,
    truth: Truth,
    { name, limit }: { name: string; limit: number },
  ): Promise<void> {
    const walk = new CallWalk(start);
    let before: Beside = { side: walk.side.slice(), lock: walk.lock.slice() };
    for (let at = 0; at <= entries.length; at++) {
      if (cuts.has(at) && (name !== "" || (this.#task.cut ?? at) === at)) {
        const random = new Random(this.#task.seed ^ Math.imul(at + 1, 0x85ebca6b));
        await this.#cut({ name: `${name}${at}`, walk, truth, before, random }, limit);
        before = { side: walk.side.slice(), lock: walk.lock.slice() };
      }
      const entry = entries[at];
      if (entry === undefined || this.report.faults.length >= FAULTS_MAX) return;
      walk.take(entry);
      if (entry.is === "note") truth.take(entry.note);
    }
  }

  async #cut(moment: Moment, limit: number): Promise<void> {
    const { walk, random, name } = moment;
    this.report.cuts++;
    for (const plan of plansAt(walk, { garbage: "none", rotPages: [], limit }, random)) {
      const content = makeImage(walk, plan);
      const hash = content.hash();
      this.report.images++;
      if (name.includes("/")) this.report.nested++;
      if (hash !== walk.seen.hash()) this.report.lossy++;
      const seen = this.#seen.get(hash);
      try {
        if (seen !== undefined) moment.truth.check(seen);
        else this.#seen.set(hash, await this.#look(moment, content));
      } catch (error) {
        this.#fail(moment, plan, error);
      }
      if (this.report.faults.length >= FAULTS_MAX) return;
    }
  }

  #fail({ name, walk, truth }: Moment, plan: Plan, error: unknown): void {
    const text = error instanceof Error ? error.stack ?? error.message : String(error);
    const may = `${truth.durable} durable, ${truth.attempted} attempted`;
    this.report.faults.push(`cut ${name}, ${may}: ${text}\n${describePlan(walk, plan)}`);
  }

  /** Opens an image, and checks it; returns its state. */
  async #look(moment: Moment, content: Blocks): Promise<State> {
    const { walk, truth, before, random, name } = moment;
    const path = this.#image;
    const beside = writeCut(path, content, walk, before, random);
    this.report.distinct++;
    const isCutAgain = !name.includes("/") && random.once(NESTED_EVERY);
    const entries: Entry[] = [];
    if (isCutAgain) recordCalls(path, new Memory(entries));
    const note = (note: Note) => void entries.push({ is: "note", note });
    try {
      const state = await this.#open(truth, random, note);
      recordCalls(path, undefined);
      if (isCutAgain) await this.#cutAgain(entries, moment, content);
      return state;
    } catch (error) {
      throw new Error(`${beside}: ${error instanceof Error ? error.message : error}`, {
        cause: error,
      });
    } finally {
      recordCalls(path, undefined);
      removeCut(path);
    }
  }

  async #open(truth: Truth, random: Random, note: (note: Note) => void): Promise<State> {
    const shared = !random.once(4);
    const followed = random.once(3) ? this.#follow(truth.durable) : 0;
    const state = await this.#commitOneMore(truth, shared, random.once(4), note);
    if (followed > state.order.length) {
      throw new Error(`a follower showed ${followed} of ${state.order.length}`);
    }
    using again = open(this.#image, CACHE);
    await verifyWhole(again);
    const { order } = readState(again);
    if (order.length !== state.order.length + 1 || order.at(-1) !== PROBE) {
      throw new Error(`one more after ${state.order.length} are ${order.length}`);
    }
    return state;
  }

  /** What a follower shows before anybody has recovered the file. */
  #follow(durable: number): number {
    try {
      using follower = open(this.#image, { follow: true, ...CACHE });
      const number = numberOf(follower);
      this.report.followed++;
      return number;
    } catch (error) {
      if (error instanceof BusyError) return 0;
      // A file whose creation was cut is no database yet.
      if (durable === 0) return 0;
      throw error;
    }
  }

  async #commitOneMore(
    truth: Truth,
    shared: boolean,
    joins: boolean,
    note: (note: Note) => void,
  ): Promise<State> {
    using db = open(this.#image, { shared, ...CACHE });
    const state = readState(db);
    truth.check(state);
    const number = state.order.length;
    note({ is: "settled", number });
    await verifyWhole(db);
    using other = shared && joins ? open(this.#image, { shared, ...CACHE }) : undefined;
    if (other !== undefined) truth.check(readState(other));
    const writes = [["key 0", 1000]] as const;
    const tell = (number: number) => note({ is: "try", id: PROBE, number, writes });
    (other ?? db).writeSync((tx) => changeState(tx, PROBE, writes, tell));
    note({ is: "durable", number: number + 1, id: PROBE });
    return state;
  }

  /** Cuts the power in an opening. */
  async #cutAgain(entries: readonly Entry[], moment: Moment, content: Blocks): Promise<void> {
    const { name, truth, random } = moment;
    const cuts = chooseCuts(entries, NESTED_CUTS, random);
    const how = { name: `${name}/`, limit: NESTED_LIMIT };
    await this.#cutAt(entries, cuts, content, truth.fork(), how);
  }
}

/** Keeps the calls of this process. */
class Memory {
  readonly #entries: Entry[];
  #calls = 0;

  constructor(entries: Entry[]) {
    this.#entries = entries;
  }

  fateOf(): "lives" {
    return "lives";
  }

  issue({ bytes, ...call }: Call): number {
    const what = { ...call, bytes: bytes.slice() };
    this.#entries.push({ is: "issue", call: `${++this.#calls}`, what });
    return this.#calls;
  }

  done(number: number): void {
    this.#entries.push({ is: "done", call: `${number}` });
  }

  pauseMs(): number {
    return 0;
  }
}

/** The syncs during which another process writes to the file. */
function overlapsIn(entries: readonly Entry[]): number {
  const running = new Set<string>();
  let overlaps = 0;
  for (const entry of entries) {
    if (entry.is === "done") running.delete(entry.call);
    if (entry.is !== "issue" || entry.what.file !== "main") continue;
    const isBy = (call: string) => call.split(".")[0] === entry.call.split(".")[0];
    // A process that has died in its sync is found here, too: once.
    const others = [...running].filter((call) => !isBy(call));
    if (entry.what.kind === "sync") running.add(entry.call);
    else for (const call of others) overlaps += Number(running.delete(call));
  }
  return overlaps;
}

/**
 * Chooses cuts: most of them where something may be lost, and of these more than their share where
 * a superblock may be, during syncs while others write, and behind news of durability.
 */
function chooseCuts(entries: readonly Entry[], count: number, random: Random): Set<number> {
  const walk = new CallWalk();
  const sorts: [number[], ...number[][]] = [[], [], [], [], []];
  entries.forEach((entry, at) => {
    sorts[sortOf(walk, entries[at - 1])]!.push(at);
    walk.take(entry);
  });
  sorts[0].push(entries.length);
  const lossy = sorts.slice(1).filter((cuts) => cuts.length > 0);
  const cuts = new Set<number>();
  while (cuts.size < Math.min(count, entries.length / 2)) {
    cuts.add(random.pick(lossy.length === 0 || random.once(8) ? sorts[0] : random.pick(lossy)));
  }
  return cuts;
}

/**
 * 0: nothing may be lost; 1: a superblock; 2: what was written during a sync; 3: something, after
 * news of durability; 4: else.
 */
function sortOf(walk: CallWalk, last: Entry | undefined): 0 | 1 | 2 | 3 | 4 {
  const free = walk.pending.filter(({ forced }) => !forced);
  if (free.length === 0) return 0;
  const isSuperblock = ({ operation }: typeof free[number]) =>
    operation.isWrite && operation.position < SUPERBLOCKS_END;
  if (free.some(isSuperblock)) return 1;
  if (walk.isOvertaken) return 2;
  return last?.is === "note" && last.note.is === "durable" ? 3 : 4;
}

async function verifyWhole(db: Database): Promise<void> {
  const { ok, findings } = await db.verify();
  if (!ok) throw new Error(`verify: ${JSON.stringify(findings.slice(0, 3))}`);
}

if (import.meta.main) {
  const cutter = new Cutter(JSON.parse(Deno.args[0]!));
  await cutter.run();
  console.log(JSON.stringify(cutter.report));
}
