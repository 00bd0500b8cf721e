/**
 * One interleaving: processes on one file take turns at every I/O call; some are killed or
 * suspended, calls fail, and the power goes, also while a recovery runs. In the end all stop at
 * once, somebody opens the file, and everything that was acknowledged must be there.
 */

import { Random } from "../support/random.ts";
import { archive } from "./protocol/archiving.ts";
import { confirmLast } from "./protocol/checkpoint.ts";
import { copySnapshot } from "./protocol/copies.ts";
import { follow, followAndRead, followSnapshot, followSnapshotRead } from "./protocol/follower.ts";
import { close, open, RottenJournal } from "./protocol/opening.ts";
import {
  endSnapshot,
  readPages,
  readSnapshot,
  renewPin,
  renewPosition,
  takeSnapshot,
} from "./protocol/reads.ts";
import { land, maintain, settle, syncBehind, transact } from "./protocol/transaction.ts";
import {
  chunkAt,
  COPIES,
  FREE,
  headerAt,
  pageAt,
  type Sector,
  SLOTS,
  type Superblock,
} from "./support/layout.ts";
import { leave, unlock } from "./support/locks.ts";
import { Medium } from "./support/medium.ts";
import { RENEWAL_STEPS, STALE_STEPS } from "./support/pins.ts";
import type { Rule } from "./support/rules.ts";
import { damageSidecar } from "./support/sidecar.ts";
import { EMPTY, isAncestor, Violation } from "./support/truth.ts";
import {
  failWriteback,
  IoFailure,
  type Kind,
  type Mix,
  Process,
  type Steps,
  type Weather,
  World,
} from "./support/world.ts";

const NEW: Superblock = {
  type: "superblock",
  number: 0,
  isOpen: false,
  generation: 1,
  sequence: 0,
  version: 0,
  count: 1,
  state: EMPTY,
  areas: [[], []],
};
/** Ordinary use; much writing; much maintenance; many snapshots; short visits. */
const MIXES: readonly Mix[] = [
  { reads: 40, transactions: 76, steps: 88, snapshots: 96 },
  { reads: 20, transactions: 85, steps: 95, snapshots: 98 },
  { reads: 20, transactions: 50, steps: 92, snapshots: 97 },
  { reads: 40, transactions: 70, steps: 80, snapshots: 99 },
  { reads: 30, transactions: 60, steps: 75, snapshots: 80 },
];
/** For this many steps after a kill in a delicate moment the power is more likely to fail. */
const AFTERMATH_STEPS = 100;
/** The sidecar is damaged once in this many steps. */
const DAMAGE_STEPS = 400;
/** The steps in which all processes come to rest. */
const REST_STEPS = 1000;
/** A process in the gap of a lock's change is left there for this many steps. */
const GAP_STEPS = 400;

/**
 * How processes work: checkpoints in slices; checkpoints that place all pages at once; or such, and
 * notes of how far syncs have reached.
 */
export type Mode = "sliced" | "whole" | "noted";

/** What a run needs besides its seed. */
export interface RunOptions {
  /** The rules that are turned off. */
  readonly off?: ReadonlySet<Rule>;
  readonly mode?: Mode;
  /** Collects counts. */
  readonly counts?: Record<string, number>;
  /** Collects the trace. */
  readonly trace?: string[];
}

/** How often things happen in a run. */
interface Pace {
  readonly killEvery: number;
  readonly cutEvery: number;
  readonly burst: number;
  readonly steps: number;
}

/**
 * Runs one interleaving.
 *
 * @throws {Violation} A promise was broken.
 */
export function runOnce(seed: number, options: RunOptions = {}): void {
  const random = new Random(seed);
  const tears = random.once(2);
  const { mode = "sliced" } = options;
  const weather: Weather = {
    tears,
    isHarsh: random.once(3),
    failEvery: !tears && random.once(3) ? 60 + random.below(600) : 0,
    suspends: random.once(4),
    damages: random.once(4),
    isWhole: mode !== "sliced",
    isNoted: mode === "noted",
    mix: random.pick(MIXES),
  };
  const world = new World(random, weather, options.off ?? new Set(), options.counts ?? {});
  world.trace = options.trace;
  createFile(world);
  new Run(world).run();
}

function createFile({ main }: World): void {
  for (const at of COPIES) for (let i = 0; i < 2; i++) main.write(at + i, NEW);
  for (let i = 0; i < 2; i++) main.write(chunkAt(0) + i, [FREE, FREE]);
  for (let i = 2; i < 2 * SLOTS; i++) main.write(chunkAt(0) + i, 0);
  main.sync();
}

/** A run of all processes. */
class Run {
  readonly #world: World;
  readonly #kinds: readonly Kind[];
  readonly #pace: Pace;
  #at = 0;
  #aftermath = 0;

  constructor(world: World) {
    this.#world = world;
    const { random } = world;
    const kinds: Kind[] = new Array(2 + random.below(3)).fill("sharing");
    if (random.once(3)) kinds.push("exclusive");
    if (random.once(3)) kinds.push("follower");
    this.#kinds = kinds;
    // A third of the runs are short and violent, a third calmer, a third long and calm.
    const calm = random.pick([1, 3, 10]);
    this.#pace = {
      killEvery: calm * (60 + random.below(300)),
      cutEvery: calm * (150 + random.below(800)),
      burst: 1 + random.below(16),
      steps: 400 + 200 * calm,
    };
    kinds.forEach((_, id) => this.#replace(id));
  }

  /** Runs all steps, and then opens the file. */
  run(): void {
    const { steps } = this.#pace;
    for (let i = 0; i < steps; i++) {
      this.#world.time++;
      this.#step();
    }
    if (this.#world.weather.isWhole && this.#world.random.once(2)) this.#rest();
    this.#end();
  }

  /** Nobody writes any more: a follower sees all that was acknowledged. */
  #rest(): void {
    const world = this.#world;
    Object.assign(world.weather, { failEvery: 0 });
    for (let i = 0; i < REST_STEPS; i++) {
      for (const process of world.processes) this.#finish(process);
    }
    const follower = world.processes[this.#kinds.indexOf("follower")];
    const isShared = world.processes.some(isHealthy);
    if (follower === undefined || !isShared || world.isSplit || world.isErrorUnseen) return;
    finish(follow(follower));
    if (!isAncestor(world.truth.acknowledged, follower.state)) {
      throw new Violation("(i) a follower does not reach the newest state of a file at rest");
    }
    world.count("files at rest");
  }

  /** Takes a process to the end of what it does, and then through beats. */
  #finish(process: Process): void {
    process.sleepsUntil = 0;
    if (process.steps === undefined && !isHealthy(process)) return;
    if (process.steps === undefined) process.steps = rest(process);
    this.#advance(process);
  }

  #replace(id: number): void {
    this.#world.processes[id] = new Process(this.#world, id, this.#kinds[id]!, NEW);
  }

  #step(): void {
    const { random, weather } = this.#world;
    const wantsCut = weather.isHarsh && this.#aftermath-- > 0;
    if (random.once(wantsCut ? 60 : this.#pace.cutEvery)) this.#cutPower();
    if (weather.failEvery > 0 && random.once(8 * weather.failEvery)) failWriteback(this.#world);
    if (weather.damages && random.once(DAMAGE_STEPS)) damageSidecar(this.#world);
    if (random.once(this.#pace.burst)) this.#at = random.below(this.#kinds.length);
    this.#favour();
    const wantsKill = weather.isHarsh && this.#world.isDelicate;
    if (random.once(wantsKill ? 40 : this.#pace.killEvery)) this.#killSome();
    this.#advance(this.#choose());
  }

  /** Lets an exclusive process, or one that closes, run while another is in the gap. */
  #favour(): void {
    const { inGap, random, processes } = this.#world;
    if (inGap === undefined || !random.once(2) || !this.#kinds.includes("exclusive")) return;
    const exclusive = this.#kinds.indexOf("exclusive");
    inGap.sleepsUntil ||= this.#world.time + random.below(GAP_STEPS);
    this.#at = exclusive;
    if (!random.once(100)) return;
    for (const process of processes) {
      if (process !== inGap && process.id !== exclusive) this.#kill(process);
    }
  }

  /** The process that runs now; an exclusive one seldom tries a file that others have open. */
  #choose(): Process {
    const { random, writer, processes, sharing, time, weather } = this.#world;
    let process = processes[this.#at]!;
    const isIdle = process.kind === "exclusive" && !process.isOpen && sharing.size > 0;
    if (isIdle && !random.once(50)) process = processes[(this.#at + 1) % processes.length]!;
    if (weather.suspends && random.once(300) && process !== writer) {
      // Long enough to lose its place among the pins, where places change hands.
      process.sleepsUntil = time + random.below(1000) + (weather.isWhole ? STALE_STEPS : 0);
    }
    if (process.waits && writer !== undefined) process = writer;
    this.#at = process.id;
    return process;
  }

  #advance(process: Process): void {
    if (process.sleepsUntil > this.#world.time) return void (this.#at = this.#next());
    process.sleepsUntil = 0;
    process.steps ??= nextAction(process);
    try {
      if (process.steps.next().done) process.steps = undefined;
    } catch (error) {
      if (!(error instanceof IoFailure)) throw error;
      this.#fail(process, error);
    }
  }

  #next(): number {
    return this.#world.random.below(this.#kinds.length);
  }

  /** A call failed: the operation ends, and the lock is given up. */
  #fail(process: Process, { latches, message }: IoFailure): void {
    const { world } = process;
    world.note(process, message);
    world.count("failed calls");
    process.steps = undefined;
    process.waits = false;
    unlock(process);
    if (latches && process.kind !== "follower") process.isLatched = true;
    if (process.isOpen && !process.isClosing) return;
    if (process.kind === "follower") return;
    leave(process);
    this.#replace(process.id);
  }

  #kill(process: Process): void {
    const { world } = process;
    world.note(process, "killed");
    if (world.writer === process) unlock(process, true);
    leave(process);
    this.#replace(process.id);
  }

  /** Kills a process, often the holder of the lock, sometimes all. */
  #killSome(): void {
    const { random, isDelicate, writer, processes } = this.#world;
    if (isDelicate) this.#aftermath = AFTERMATH_STEPS;
    if (writer !== undefined && random.once(2)) this.#at = writer.id;
    const isAll = random.once(4);
    for (const process of processes) {
      const isOne = process.id === this.#at;
      if (isOne || (isAll && process.kind !== "follower")) this.#kill(process);
    }
    this.#world.count("kills");
    this.#at = this.#next();
  }

  #cutPower(): void {
    const world = this.#world;
    const { random, weather } = world;
    world.trace?.push(`${world.time}: power cut`);
    world.main.cut(random, weather.tears);
    if (random.once(4)) world.side = new Medium();
    else world.side.cut(random, true);
    world.truth.cut();
    world.writer =
      world.exclusive =
      world.inGap =
      world.archiver =
        undefined;
    world.sharing.clear();
    world.isDelicate = world.isErrorUnseen = world.isSplit = false;
    world.truth.forced = 0;
    this.#kinds.forEach((_, id) => this.#replace(id));
    world.count("power cuts");
  }

  /** All are killed, or the power goes; then somebody opens the file, reads and closes it. */
  #end(): void {
    const world = this.#world;
    const { random, weather } = world;
    const isCut = random.once(2);
    const follower = world.processes[this.#kinds.indexOf("follower")];
    if (isCut) this.#cutPower();
    else for (const process of world.processes) this.#kill(process);
    world.processes = [];
    world.isErrorUnseen = false;
    Object.assign(weather, { failEvery: 0 });
    if (isCut && !world.isHalfRecovered && random.once(3) && this.#rotABatch()) return;
    this.#openAndClose(isCut ? undefined : follower);
  }

  #openAndClose(follower: Process | undefined): void {
    const world = this.#world;
    const last = new Process(world, 0, "sharing", NEW);
    finish(open(last));
    if (!last.isOpen) throw new Violation("(g) the file does not open");
    if (follower !== undefined) {
      const isThere = finish(follow(follower));
      if (!isThere || !isAncestor(world.truth.acknowledged, follower.state)) {
        throw new Violation("(i) a follower does not reach the newest state, and nobody writes");
      }
    }
    finish(close(last));
    checkClean(world);
  }

  /** A batch rots: the file is refused, or opens in one state; whether there was a batch. */
  #rotABatch(): boolean {
    const world = this.#world;
    const sectors: number[] = [];
    world.main.cache.forEach((sector, at) => {
      if (typeof sector === "object" && "records" in sector) sectors.push(at);
    });
    if (sectors.length === 0) return false;
    const at = world.random.pick(sectors);
    world.trace?.push(`sector ${at} rots`);
    world.main.rot(at);
    world.truth.isRotten = true;
    try {
      this.#openAndClose(undefined);
      world.count("rotten batches not needed");
    } catch (error) {
      if (!(error instanceof RottenJournal)) throw error;
      world.count("rotten batches found");
    }
    return true;
  }
}

function nextAction(process: Process): Steps<void> {
  const { world, snapshot } = process;
  const { random } = world;
  if (process.kind === "follower") return followerAction(process);
  if (!process.isOpen) return open(process);
  if (process.isLatched && world.keeps("latch")) return latchedAction(process);
  if (process.flight !== undefined && random.once(3)) return land(process);
  if (world.weather.isNoted && process.unsynced.length > 0 && random.once(2)) {
    return settle(process);
  }
  const isOld = world.time - process.pinTime > RENEWAL_STEPS;
  if (!world.weather.isWhole && snapshot !== undefined && isOld) return renewPin(process, snapshot);
  // One that was stopped for long may do something else before.
  if (isPinned(process) && isOld && random.once(2)) return beat(process);
  if (world.weather.isWhole && snapshot !== undefined && random.once(6)) {
    return copySnapshot(process, snapshot);
  }
  if (world.weather.isWhole && process.kind === "sharing" && random.once(10)) {
    return archive(process);
  }
  if (process.kind === "exclusive" && world.inGap !== undefined && random.once(2)) {
    return close(process);
  }
  const { mix } = world.weather;
  const dice = random.below(100);
  if (snapshot !== undefined && 4 * dice < 3 * mix.reads) return readSnapshot(process, snapshot);
  if (dice < mix.reads) return readPages(process);
  if (dice < mix.transactions) return transact(process);
  if (dice < mix.steps) return maintain(process);
  if (dice >= mix.snapshots) return close(process);
  if (process.kind === "exclusive") return readPages(process);
  return snapshot === undefined ? takeSnapshot(process) : endSnapshot(process);
}

/** Whether a process has the file open with others, and may write. */
function isHealthy({ kind, isOpen, isClosing, isLatched, hasError }: Process): boolean {
  return kind === "sharing" && isOpen && !isClosing && !isLatched && !hasError;
}

/** What a process does in a file at rest. */
function* rest(process: Process): Steps<void> {
  yield* renewPosition(process);
  yield* confirmLast(process);
}

/** What an idle process does from time to time. */
function* beat(process: Process): Steps<void> {
  yield* renewPosition(process);
  if (process.world.random.once(2)) yield* syncBehind(process);
  if (process.world.random.once(3)) yield* confirmLast(process);
}

/** Whether a process pins what it has read. */
function isPinned({ world, kind }: Process): boolean {
  return world.weather.isWhole && kind !== "exclusive";
}

function followerAction(process: Process): Steps<void> {
  const { snapshot, world } = process;
  if (snapshot !== undefined && world.random.once(2)) return followSnapshotRead(process, snapshot);
  if (snapshot === undefined && world.random.once(8)) return followSnapshot(process);
  return followAndRead(process);
}

/** What a process does after a failed write or sync. */
function latchedAction(process: Process): Steps<void> {
  process.flight = undefined;
  process.unsynced = [];
  const { snapshot, world } = process;
  if (world.random.once(8)) return close(process);
  return snapshot === undefined ? readPages(process) : readSnapshot(process, snapshot);
}

/** After the last close the pages alone are the state. */
function checkClean({ main, truth }: World): void {
  const sector = (at: number): Sector | string | undefined => main.cache[at];
  const copies = COPIES.map(sector) as Superblock[];
  const best = copies[0]!.number > copies[1]!.number ? copies[0]! : copies[1]!;
  if (best.isOpen) throw new Violation("(h) the last to close left the file open");
  truth.opened(best.state, "(h) the closed file");
  for (let page = 0; page < best.count * SLOTS; page++) {
    if (page % SLOTS === 0) continue;
    const want = best.state.pages[page];
    const headers = sector(headerAt(page));
    const header = Array.isArray(headers) ? headers[page % SLOTS & 1] : FREE;
    if (header.kind !== (want === undefined ? "free" : "data")) {
      throw new Violation(`(h) the closed file: page ${page} is ${header.kind}`);
    }
    const at = pageAt(page);
    if (want !== undefined && (sector(at) !== want[0] || sector(at + 1) !== want[1])) {
      throw new Violation(`(h) the closed file: page ${page}`);
    }
  }
}

function finish<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}
