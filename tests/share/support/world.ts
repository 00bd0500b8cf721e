/**
 * The world of one interleaving: the file, the sidecar, the locks, and the processes.
 *
 * A process is a generator. Each `yield` is a place where another process may run, where it may be
 * killed, or where the power may go; so writes of several sectors are seen half done. A killed
 * process loses its locks and its memory; what it wrote stays in the system's cache.
 */

import type { Random } from "../../support/random.ts";
import type { Batch, Header, LogRecord, Page, Sector, Superblock } from "./layout.ts";
import { type GARBAGE, Medium } from "./medium.ts";
import type { Rule } from "./rules.ts";
import { EMPTY, type State, Truth } from "./truth.ts";

/** The steps of an operation. */
export type Steps<T> = Generator<undefined, T, undefined>;

/** Further than every sequence. */
export const NO_LIMIT = Infinity;

/** The commit word, in two sectors of the sidecar. */
export interface Word {
  readonly generation: number;
  readonly sequence: number;
  /** The last sequence that is on the medium. */
  readonly durable: number;
  readonly number: number;
  /** Chunks of the running checkpoint that are in place. */
  readonly done: number;
}

/** How far a sync without the write lock has reached, in two sectors of the sidecar. */
export interface Note {
  readonly durable: number;
}

/** What a sector of the sidecar has. */
export type SideSector = Word | Pin | Note;

/** Younger than every version. */
export const NO_PIN = Infinity;

/** A pin of the sidecar. */
export interface Pin {
  /** The process that wrote it; undefined if it is torn. */
  readonly owner: Process | undefined;
  readonly version: number;
  /** Changes with each renewal. */
  readonly renewal: number;
}

/** When a process first saw a renewal of a pin, in steps. */
export interface PinSighting {
  readonly renewal: number;
  readonly time: number;
}

/** A read, a write or a sync failed. */
export class IoFailure extends Error {
  /** Whether the handle can go on. */
  readonly latches: boolean;

  constructor(call: "read" | "write" | "sync") {
    super(`a ${call} failed`);
    this.latches = call !== "read";
  }
}

/** An open snapshot. */
export interface Snapshot {
  readonly version: number;
  readonly state: State;
  readonly images: (Page | undefined)[];
  readonly isDurable: boolean;
}

/** A state that was committed, and the last sequence of its batches. */
export interface Unsynced {
  readonly state: State;
  readonly sequence: number;
}

/** A sync off the thread, and what it makes durable. */
export interface Flight {
  readonly serial: number;
  readonly sequence: number;
  readonly states: readonly Unsynced[];
}

/** The states that a store can restore, with their pages. */
export type Archived = Map<State, State["pages"]>;

/** How often processes do what, of 100 operations: each number ends a range. */
export interface Mix {
  readonly reads: number;
  readonly transactions: number;
  readonly steps: number;
  readonly snapshots: number;
}

/** How a world treats its processes. */
export interface Weather {
  /** Whether a torn sector may hold anything. */
  readonly tears: boolean;
  /** Whether kills and cuts favour the moments in which something is half written. */
  readonly isHarsh: boolean;
  /** One call in this many fails; 0 = none. */
  readonly failEvery: number;
  /** Whether processes are suspended for long. */
  readonly suspends: boolean;
  /** Whether something outside damages the commit word, or deletes the sidecar. */
  readonly damages: boolean;
  /**
   * Whether a checkpoint places all pages at once, as they were at the switch, when every process
   * has read up to it: so the engine does it. Every process pins what it has read then, and nothing
   * goes past the journal. A hold of the lock may have several transactions, and a sync may follow
   * the hold. Copies read all pages of a version.
   */
  readonly isWhole: boolean;
  /**
   * Whether processes note in the sidecar how far their syncs have reached, so that others need
   * none. Checkpoints place all pages at once then.
   */
  readonly isNoted: boolean;
  readonly mix: Mix;
}

/** Everything that outlives a process. */
export class World {
  readonly random: Random;
  readonly weather: Weather;
  readonly truth = new Truth();
  readonly counts: Record<string, number>;
  main = new Medium<Sector>();
  /** The sidecar that a process which opens the file now opens. */
  side = new Medium<SideSector>();
  /** Whether a sidecar was deleted that processes had open. */
  isSplit = false;
  /** The holder of the write lock. */
  writer: Process | undefined;
  /** Who took the write lock last, as the lock file names it. */
  holder: Process | undefined;
  /** The version up to which pages may be in place, in the lock file, which nothing deletes. */
  placed = 0;
  /** The holders of the presence lock. */
  readonly sharing = new Set<Process>();
  exclusive: Process | undefined;
  /** The process that has given up one kind of presence and not yet taken the other. */
  inGap: Process | undefined;
  /** The process that archives, as the archive lock has it. */
  archiver: Process | undefined;
  /** What it has shipped, to another machine. */
  readonly archive: Archived = new Map([[EMPTY, EMPTY.pages]]);
  processes: Process[] = [];
  /** The steps so far. */
  time = 0;
  /** Whether the holder of the lock is in the middle of a step that is best interrupted. */
  isDelicate = false;
  /** Whether a recovery has written pages, and has not ended. */
  isHalfRecovered = false;
  /** Whether no descriptor has reported the last failed writeback. */
  isErrorUnseen = false;
  trace: string[] | undefined;
  #ids = 1;
  readonly #off: ReadonlySet<Rule>;

  constructor(
    random: Random,
    weather: Weather,
    off: ReadonlySet<Rule>,
    counts: Record<string, number>,
  ) {
    this.random = random;
    this.weather = weather;
    this.#off = off;
    this.counts = counts;
  }

  /** Whether a rule is on. */
  keeps(rule: Rule): boolean {
    return this.#off.size === 0 || !this.#off.has(rule);
  }

  /** A number that was not used before. */
  newId(): number {
    return this.#ids++;
  }

  /** Counts something. */
  count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  /** Notes something for the trace of a run. */
  note(process: Process, what: string): void {
    this.trace?.push(`${this.time}: ${process.kind} ${process.id}: ${what}`);
  }

  /** Whether the next call fails. */
  fails(): boolean {
    const { failEvery } = this.weather;
    return failEvery > 0 && this.random.once(failEvery);
  }
}

/** How a process uses the file. */
export type Kind = "sharing" | "exclusive" | "follower";

/** A process: what it has in memory. */
export class Process {
  readonly world: World;
  readonly id: number;
  readonly kind: Kind;
  /** The sidecar that it has open. */
  side: Medium<SideSector>;
  /** The operation that it is in. */
  steps: Steps<void> | undefined;
  isOpen = false;
  /** Whether it waits for the write lock. */
  waits = false;
  isClosing = false;
  /** Whether the lock file had its name when it took the write lock. */
  isLastHolder = false;
  /** Whether it had read to the end of the journal when it gave the write lock up. */
  isCurrent = false;
  /** Whether a write or a sync of it failed. */
  isLatched = false;
  /** Whether its descriptor has a failed writeback to report. */
  hasError = false;
  /** The step before which it does not run. */
  sleepsUntil = 0;
  // Its position: the last batch that it applied, and the state after it.
  generation = 0;
  offset = 0;
  sequence = 0;
  previous = -1;
  version = 0;
  count = 0;
  state: State;
  /** The last sequence that it knows to be on the medium. */
  durable = 0;
  superblock: Superblock;
  /** Chunks of the running checkpoint that are in place. */
  done = 0;
  /** The batches since the replay point, and their records by page. */
  batches: Batch[] = [];
  index: (readonly LogRecord[] | undefined)[] = [];
  /** Header pages logged since the replay point, by chunk. */
  logged: ({ generation: number; headers: readonly Header[] } | undefined)[] = [];
  /** Pages in memory, all of them of `version`. */
  pages: (Page | undefined)[] = [];
  /** Header pages in memory; used only where the rule `headerFromFile` is off. */
  headerPages: (Header[] | undefined)[] = [];
  /** The superblock of the checkpoint whose chunks in place it does not trust. */
  distrusted = -1;
  snapshot: Snapshot | undefined;
  /** When it renewed its own pin, in steps. */
  pinTime = 0;
  /** The version of its pin. */
  pinned = NO_PIN;
  /** The place of its pin; -1 if it has none. */
  place: number;
  /** Whether its snapshot may end because its pin was taken for that of a dead process. */
  isUnpinned = false;
  /** What it saw of each pin. */
  readonly sightings: PinSighting[] = [];
  flight: Flight | undefined;
  /** States that it committed without waiting for the medium, and that no flight has covered. */
  unsynced: Unsynced[] = [];
  /** The batches that it has to archive; undefined if it does not archive, or lost them. */
  queue: Batch[] | undefined;
  /** The state that it archived last; undefined before it has. */
  archived: State | undefined;

  constructor(world: World, id: number, kind: Kind, start: Superblock) {
    this.world = world;
    this.id = id;
    this.kind = kind;
    this.side = world.side;
    this.place = world.weather.isWhole ? -1 : id;
    this.superblock = start;
    this.state = start.state;
  }

  /** The chunks of the area of a generation. */
  area(generation: number): readonly number[] {
    return this.superblock.areas[(generation & 1) as 0 | 1];
  }

  /** Whether a checkpoint is running. */
  get isCheckpointing(): boolean {
    return this.generation !== this.superblock.generation;
  }
}

/** Reads a sector of the file. */
export function read({ world }: Process, at: number): Sector | typeof GARBAGE | undefined {
  if (world.fails()) throw new IoFailure("read");
  return world.main.cache[at];
}

/** Writes a sector of the file. */
export function write({ world }: Process, at: number, value: Sector): void {
  if (world.fails()) throw new IoFailure("write");
  world.main.write(at, value);
}

/** Takes everything written to the medium; a failed writeback shows here. */
export function sync(process: Process): void {
  reportErrors(process);
  process.world.main.sync();
}

/** Takes sectors to the medium, as a write through does. */
export function syncSectors(process: Process, sectors: readonly number[]): void {
  reportErrors(process);
  for (const at of sectors) process.world.main.syncSector(at);
}

/** Throws if the descriptor of a process has a failed writeback to report, or has one now. */
export function reportErrors(process: Process): void {
  const { world } = process;
  if (world.fails()) failWriteback(world);
  if (!process.hasError) return;
  process.hasError = false;
  world.isErrorUnseen = false;
  throw new IoFailure("sync");
}

/** Some of what was written never reaches the medium; every open descriptor reports it once. */
export function failWriteback(world: World): void {
  world.main.lose(world.random);
  for (const process of world.processes) process.hasError = true;
  world.isErrorUnseen = true;
  world.count("failed writebacks");
}
